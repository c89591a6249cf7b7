"""Asynchronous invocations."""

import uuid
from dataclasses import dataclass
from typing import Self

from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.outgoing.reach import Reach
from wasmfaas.services.client import Keys, ServiceClient
from wasmfaas.services.sns import Sns
from wasmfaas.services.sqs import Sqs
from wasmfaas.services.webhooks import Webhooks
from wasmfaas.store.dead_letters import Events, Retention
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.store.outbox import Outbox
from wasmfaas.store.queue import EventQueue
from wasmfaas.triggers.carriers import Carriers
from wasmfaas.triggers.own_queues import OwnQueues
from wasmfaas.triggers.queue import EventRunner, keep_pruned
from wasmfaas.triggers.sender import Sender
from wasmfaas.wiring.core import Core


@dataclass(frozen=True, slots=True, kw_only=True)
class EventParts:
    """The queue, what is kept of it, and who runs it. Lifetime: process."""

    queue: EventQueue
    outbox: Outbox
    events: Events
    runner: EventRunner

    @classmethod
    async def open(cls, core: Core, queue: EventQueue, queues: MessageQueues) -> Self:
        """What runs the events of *queue*; it has begun."""
        settings = core.settings
        retention = Retention(
            done_s=settings.events_kept_s_max, dead_letters_s=settings.dead_letters_kept_s_max
        )
        events = Events(core.database, queue, retention=retention)
        outbox = await _sending(core, queues)
        runner = EventRunner(
            settings, queue, core.invoker, core.registry.attachments, core.registry,
            core.names.arn, outbox.woken.set,
        )  # fmt: skip
        core.closing.push_async_callback(runner.close)
        core.changes.tell(runner.forget)
        core.tasks.start(runner.run())
        core.tasks.start(runner.keep_leases())
        core.tasks.start(keep_pruned(events, queue))
        return cls(queue=queue, outbox=outbox, events=events, runner=runner)


async def open_event_queue(core: Core) -> EventQueue:
    """Where events wait for being run."""
    queue = EventQueue(core.database, str(uuid.uuid4()), core.settings.events_max)
    # The directory is locked: what holds a lease in its database is gone.
    await queue.resume(alone=True)
    core.closing.push_async_callback(queue.close)
    return queue


async def _sending(core: Core, queues: MessageQueues) -> Outbox:
    """The outbox, which is being sent."""
    settings, keys = core.settings, Keys.of(core.settings)
    sqs, sns = settings.sqs_endpoint_url, settings.sns_endpoint_url
    carriers = Carriers(
        OwnQueues(queues),
        Sqs(ServiceClient("sqs", sqs, keys)) if sqs else None,
        Sns(ServiceClient("sns", sns, keys)) if sns else None,
        Webhooks(
            Reach(settings.private_origins), OutgoingClient(core.resolver),
            settings.webhook_signing_secret,
        ),
    )  # fmt: skip
    outbox = Outbox(core.database, str(uuid.uuid4()))
    sender = Sender(settings, outbox, carriers)
    await outbox.resume(alone=True)
    core.closing.push_async_callback(outbox.close)
    core.closing.push_async_callback(carriers.close)
    core.closing.push_async_callback(sender.close)
    core.tasks.start(sender.run())
    return outbox
