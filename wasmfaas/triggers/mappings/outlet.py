"""Where records of discarded messages are handed over: to the queue of events, for a function, or
to the outbox."""

import uuid
from collections.abc import Callable

from wasmfaas.store.deliveries import NewDelivery
from wasmfaas.store.events import NewEvent
from wasmfaas.store.outbox import Outbox
from wasmfaas.store.queue import EventQueue

Arn = Callable[[str, str | None], str]


class StoredOutlet:
    """Stores records that are to be sent. Lifetime: process."""

    def __init__(self, queue: EventQueue, outbox: Outbox, arn: Arn) -> None:
        self._queue = queue
        self._outbox = outbox
        self._prefix = arn("", None)

    async def send(self, function_name: str, destination: str, record: bytes) -> None:
        """Have *record* sent to *destination*. Raises TooManyRequests and StorageFull."""
        record_id = str(uuid.uuid4())
        if destination.startswith(self._prefix):
            name, _, qualifier = destination.removeprefix(self._prefix).partition(":")
            event = NewEvent(
                id=record_id, function_name=name, qualifier=qualifier, payload=record, depth=1
            )
            await self._queue.enqueue(event)
            return
        delivery = NewDelivery(
            id=record_id,
            event_id=record_id,
            function_name=function_name,
            destination=destination,
            body=record,
        )
        await self._outbox.enqueue(delivery)
