"""What the outbox holds: messages to destinations, and what is told of sending them."""

import dataclasses
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, Row, insert

from wasmfaas.store.events import EventState, NewEvent
from wasmfaas.store.outbox_tables import OUTBOX

#: Longest destination, in characters.
DESTINATION_CHARACTERS_MAX = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDelivery:
    """A message to a destination as it is asked for."""

    #: The same for all attempts, so that a receiver can tell a second one.
    id: str
    #: Id of what it came of.
    event_id: str
    function_name: str
    #: An ARN or a URL.
    destination: str
    body: bytes
    #: Message attributes: text or whole numbers, by name.
    attributes: Mapping[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery(NewDelivery):
    """One that is leased for one attempt. Times are the database's, in Unix milliseconds."""

    #: From 1; with the lease's owner, what fences everything that is done to it.
    attempt: int
    #: Attempts that failed before.
    failures: int
    enqueued_at_ms: int

    @classmethod
    def of(cls, row: Row[Any]) -> "Delivery":
        """From a row of the table."""
        members = {each.name: getattr(row, each.name) for each in dataclasses.fields(cls)}
        return cls(**members | {"attributes": json.loads(row.attributes)})


@dataclass(frozen=True, slots=True)
class DeliveryEnd:
    """What becomes of a delivery after an attempt."""

    #: Any but RUNNING.
    state: EventState
    #: For QUEUED: when it is due, from now.
    delay_ms: int = 0
    #: For people; None for success.
    error: str | None = None


def dead_letter(event: NewEvent, code: str, message: str, retries: int) -> NewDelivery:
    """What the queue that *event* brings with it (its `dead_letter`) is told of its failure, with
    the message attributes of EventBridge."""
    return NewDelivery(
        id=str(uuid.uuid4()),
        event_id=event.id,
        function_name=event.function_name,
        destination=event.dead_letter or "",
        body=event.payload,
        attributes={
            "ERROR_CODE": code,
            "ERROR_MESSAGE": message,
            "EXECUTION_ID": event.id,
            "RETRY_ATTEMPTS": retries,
        },
    )


def insert_delivery(connection: Connection, delivery: NewDelivery, now: int) -> None:
    """Enter *delivery*, due at once: it is sent if, and only if, the transaction is committed."""
    row = dataclasses.asdict(delivery) | {
        "attributes": json.dumps(dict(delivery.attributes)),
        "body_bytes": len(delivery.body),
        "state": EventState.QUEUED,
        "attempt": 0,
        "failures": 0,
        "enqueued_at_ms": now,
        "due_at_ms": now,
    }
    connection.execute(insert(OUTBOX).values(row))
