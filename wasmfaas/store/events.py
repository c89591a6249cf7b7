"""What the queue of asynchronous invocations holds, and what is told of an attempt."""

import dataclasses
import enum
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Row

from wasmfaas.models import Usage

if TYPE_CHECKING:
    from wasmfaas.store.deliveries import NewDelivery


class EventState(enum.StrEnum):
    """Where an event is; it ends in one of the last three, and only once."""

    #: Waits until it is due.
    QUEUED = "queued"
    #: Leased by a server that runs it.
    RUNNING = "running"
    #: The function has answered.
    DONE = "done"
    #: Every attempt that it may have has failed, or none can be made.
    DEAD = "dead"
    #: It became older than it may become.
    EXPIRED = "expired"


ENDED = (EventState.DONE, EventState.DEAD, EventState.EXPIRED)
FAILED = (EventState.DEAD, EventState.EXPIRED)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewEvent:
    """One asynchronous invocation as it is asked for."""

    #: The id of the request, which all attempts have.
    id: str
    function_name: str
    #: A version or an alias; empty where none is named.
    qualifier: str = ""
    #: JSON text.
    payload: bytes
    client_context: str | None = None
    trace_id: str | None = None
    #: How many events led to this one, by way of destinations.
    depth: int = 0
    #: Bounds beside those of the function's configuration.
    retries_max: int | None = None
    age_s_max: int | None = None
    #: The ARN of a queue that is told where it fails, beside our own store of dead letters.
    dead_letter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed(NewEvent):
    """An event that is leased for one attempt. Times are the database's, in Unix milliseconds."""

    #: From 1; with the lease's owner, what fences everything that is done to it.
    attempt: int
    #: Attempts before that ended in an error of the function, and such as never came to run.
    failures: int
    delays: int
    enqueued_at_ms: int
    started_at_ms: int

    @classmethod
    def of(cls, row: Row[Any]) -> "Claimed":
        """From a row of the table."""
        return cls(**{field.name: getattr(row, field.name) for field in dataclasses.fields(cls)})


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is to become of an event after an attempt."""

    #: Any but RUNNING.
    state: EventState
    #: For QUEUED: when it is due, from now.
    delay_ms: int = 0
    failures: int
    delays: int = 0
    #: Lambda's word for how it ended, such as `RetriesExhausted`.
    condition: str | None = None
    #: What is sent to destinations, in the same transaction: to functions, and elsewhere.
    events: tuple[NewEvent, ...] = ()
    deliveries: "tuple[NewDelivery, ...]" = ()
    #: Where the result goes.
    sent_to: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """How one attempt went. *usage* is None where it never came to run."""

    usage: Usage | None
    #: None for success.
    error_type: str | None
    #: For people; None for success.
    error: str | None


#: Says what becomes of an event, at the database's time in milliseconds.
Judge = Callable[[int], Verdict]
