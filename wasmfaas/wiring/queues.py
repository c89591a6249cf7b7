"""The built-in queue."""

import asyncio
import contextlib

from wasmfaas.errors import WasmfaasError
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.wiring.core import Core

_PRUNE_EVERY_S = 60.0
_MOVE_EVERY_S = 1.0


async def open_queues(core: Core) -> MessageQueues:
    """The queues of the server, which are kept in order."""
    settings = core.settings
    queues = MessageQueues(
        core.database,
        f"arn:aws:sqs:{settings.region}:{settings.account_id}:",
        queues_max=settings.queues_max,
        messages_max=settings.queue_messages_max,
    )
    core.closing.push_async_callback(queues.close)
    core.tasks.start(_keep_pruned(queues))
    core.tasks.start(_keep_moving(queues))
    return queues


async def _keep_pruned(queues: MessageQueues) -> None:
    while True:
        with contextlib.suppress(WasmfaasError):
            await queues.prune()
        await asyncio.sleep(_PRUNE_EVERY_S)


async def _keep_moving(queues: MessageQueues) -> None:
    """Go on with moves of messages, those too that were begun before this server was."""
    while True:
        pause_s = _MOVE_EVERY_S
        with contextlib.suppress(WasmfaasError):
            pause_s = await queues.move_some()
        await asyncio.sleep(min(pause_s, _MOVE_EVERY_S))
