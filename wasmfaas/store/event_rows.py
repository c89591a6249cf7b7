"""Events as rows: what is written when one is accepted, and when an attempt ends."""

import dataclasses
from typing import Any, Final

from sqlalchemy import Connection, insert

from wasmfaas.models import Usage
from wasmfaas.store import journal
from wasmfaas.store.events import ENDED, Attempt, Claimed, EventState, NewEvent, Verdict
from wasmfaas.store.records import storable_text
from wasmfaas.store.schema import EVENTS

_ERROR_CHARACTERS_MAX: Final = 1000


def insert_event(connection: Connection, event: NewEvent, now: int) -> None:
    """Enter *event*, due at once."""
    row = dataclasses.asdict(event) | {
        "state": EventState.QUEUED,
        "payload_bytes": len(event.payload),
        "attempt": 0,
        "failures": 0,
        "delays": 0,
        "enqueued_at_ms": now,
        "due_at_ms": now,
    }
    connection.execute(insert(EVENTS).values(row))


def changed(verdict: Verdict, attempt: Attempt, now: int) -> dict[str, Any]:
    """What is written to the row of an event that was judged at *now*."""
    ended = verdict.state in ENDED
    values = {
        "state": verdict.state,
        "failures": verdict.failures,
        "delays": verdict.delays,
        "due_at_ms": now + verdict.delay_ms,
        "ended_at_ms": now if ended else None,
        "lease_owner": None,
        "lease_until_ms": None,
        "condition": verdict.condition,
        "error": _text(attempt.error),
        "sent_to": verdict.sent_to,
    }
    if verdict.state is EventState.DONE:
        # Nothing asks for it any more.
        values |= {"payload": b"", "client_context": None}
    return values


def history(event: Claimed, attempt: Attempt, now: int) -> dict[str, Any]:
    """The row of an attempt that ended at *now*."""
    return {
        "event_id": event.id,
        "attempt": event.attempt,
        "started_at_ms": event.started_at_ms,
        "ended_at_ms": now,
        "fuel": None if attempt.usage is None else journal.storable(attempt.usage.fuel),
        "error_type": journal.storable(attempt.error_type),
    }


def _text(error: str | None) -> str | None:
    text = storable_text(error)
    return text and text[:_ERROR_CHARACTERS_MAX]


def ledger_row(usage: Usage) -> dict[str, Any]:
    """The row of the ledger that *usage* makes."""
    return {name: journal.storable(value) for name, value in dataclasses.asdict(usage).items()}
