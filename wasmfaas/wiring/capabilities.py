"""What running guests may ask for."""

import asyncio
import contextlib

import httpx

from wasmfaas.capabilities.board import Board
from wasmfaas.capabilities.fetch import Fetches
from wasmfaas.capabilities.grants import Grants
from wasmfaas.capabilities.invocation import InvokeCalls
from wasmfaas.capabilities.key_values import KeyValueCalls
from wasmfaas.capabilities.secrets import SecretCalls
from wasmfaas.errors import WasmfaasError
from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.store.key_values import KeyValues, Quota
from wasmfaas.store.queue import EventQueue
from wasmfaas.wiring.core import Core

_PRUNE_EVERY_S = 60.0


def connect(core: Core, queue: EventQueue) -> None:
    """Have the calls of guests answered."""
    settings = core.settings
    grants = Grants(core.registry.attachments)
    core.changes.tell(grants.forget)
    fetches = Fetches(OutgoingClient(core.resolver, httpx.create_ssl_context))
    store = KeyValues(core.database, Quota(settings.kv_entries_max, settings.kv_bytes_max))
    core.closing.push_async_callback(store.close)
    core.tasks.start(_keep_pruned(store))
    operations = (
        *fetches.operations(),
        *KeyValueCalls(store, settings.kv_value_bytes_max).operations(),
        *SecretCalls(core.secrets).operations(),
        *_invocations(core, queue).operations(),
    )
    core.calls.connect(Board(grants, operations, settings.calls_per_invocation_max))


def _invocations(core: Core, queue: EventQueue) -> InvokeCalls:
    return InvokeCalls(
        invoker=core.invoker,
        queue=queue,
        functions=core.registry,
        attachments=core.registry.attachments,
        naming=core.names,
        waits=core.workers.capacity,
        event_bytes_max=core.settings.event_async_bytes_max,
    )


async def _keep_pruned(store: KeyValues) -> None:
    """Delete what has expired, now and then."""
    while True:
        await asyncio.sleep(_PRUNE_EVERY_S)
        with contextlib.suppress(WasmfaasError):  # there will be another time
            await store.prune()
