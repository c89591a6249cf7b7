"""Asynchronous invocations."""

import uuid
from dataclasses import dataclass
from typing import Self

from wasmfaas.store.dead_letters import Events
from wasmfaas.store.queue import EventQueue
from wasmfaas.triggers.queue import EventRunner, keep_pruned
from wasmfaas.wiring.core import Core


@dataclass(frozen=True, slots=True, kw_only=True)
class EventParts:
    """The queue, what is kept of it, and who runs it. Lifetime: process."""

    queue: EventQueue
    events: Events
    runner: EventRunner

    @classmethod
    async def open(cls, core: Core) -> Self:
        queue = EventQueue(core.database, str(uuid.uuid4()), core.settings.events_max)
        events = Events(core.database, queue)
        runner = EventRunner(
            core.settings, queue, core.invoker, core.registry.attachments, core.names.arn
        )
        # The directory is locked: what holds a lease in its database is gone.
        await queue.resume(alone=True)
        core.closing.push_async_callback(queue.close)
        core.closing.push_async_callback(runner.close)
        core.changes.tell(runner.forget)
        core.tasks.start(runner.run())
        core.tasks.start(runner.keep_leases())
        core.tasks.start(keep_pruned(events, queue))
        return cls(queue=queue, events=events, runner=runner)
