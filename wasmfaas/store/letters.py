"""Dead letters: events that failed and went nowhere else, and deliveries that could not be made.
Both are listed, run again and deleted in the same way."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Label,
    Table,
    and_,
    delete,
    literal,
    null,
    select,
    update,
)

from wasmfaas.store.events import FAILED, EventState
from wasmfaas.store.outbox_tables import OUTBOX
from wasmfaas.store.schema import EVENTS

#: Rows that one transaction removes or changes, so that others get their turn.
ROWS_MAX: Final = 500

Where = ColumnElement[bool]


@dataclass(frozen=True, slots=True)
class Letters:
    """The dead letters in one table."""

    table: Table
    #: Tells them from what else is in the table.
    dead: Where
    #: What people are shown of one, by the same names for all tables.
    shown: Sequence[Column[Any] | Label[Any]]
    payload: ColumnElement[bytes]
    #: Written, beside the times, when one is to run again.
    revived: dict[str, Any]

    def page(self, connection: Connection, where: Sequence[Where], limit: int) -> list[Any]:
        """The first *limit* of those that *where* is true of, by id."""
        query = select(*self.shown).where(self.dead, *where).order_by(self.table.c.id)
        return [dict(row) for row in connection.execute(query.limit(limit)).mappings()]

    def find(self, connection: Connection, letter_id: str) -> dict[str, Any] | None:
        """The one of that id, with its `payload`."""
        query = select(*self.shown, self.payload.label("payload"))
        query = query.where(self.dead, self.table.c.id == letter_id)
        row = connection.execute(query).mappings().first()
        return None if row is None else dict(row)

    def redrive(self, connection: Connection, where: Sequence[Where], now: int) -> int:
        """Make some of them due; how many, ROWS_MAX where there may be more."""
        query = select(self.table.c.id).where(self.dead, *where).limit(ROWS_MAX)
        ids = connection.scalars(query).all()
        due = {"enqueued_at_ms": now, "due_at_ms": now, "ended_at_ms": None}
        values = {"state": EventState.QUEUED, "failures": 0, **due, **self.revived}
        connection.execute(update(self.table).where(self.table.c.id.in_(ids)).values(values))
        return len(ids)

    def delete(self, connection: Connection, where: Sequence[Where]) -> int:
        """Delete some of them, likewise."""
        return delete_some(connection, self.table, self.dead, *where)

    def chosen(self, function: str | None, letter_id: str | None) -> list[Where]:
        """What chooses those of a *function*, the one of an id, or all."""
        columns = self.table.c
        chosen = ((columns.function_name, function), (columns.id, letter_id))
        return [column == value for column, value in chosen if value is not None]


EVENT_LETTERS: Final = Letters(
    EVENTS,
    and_(EVENTS.c.state.in_(FAILED), EVENTS.c.sent_to.is_(None)),
    [
        *(each for each in EVENTS.c if each.name not in ("payload", "client_context", "trace_id")),
        null().label("destination"),
    ],
    EVENTS.c.payload,
    {"delays": 0, "condition": None},
)
DELIVERY_LETTERS: Final = Letters(
    OUTBOX,
    OUTBOX.c.state.in_(FAILED),
    [
        OUTBOX.c.id,
        OUTBOX.c.event_id,
        OUTBOX.c.function_name,
        literal("").label("qualifier"),
        OUTBOX.c.destination,
        OUTBOX.c.state,
        OUTBOX.c.body_bytes.label("payload_bytes"),
        OUTBOX.c.attempt,
        OUTBOX.c.failures,
        OUTBOX.c.enqueued_at_ms,
        OUTBOX.c.due_at_ms,
        OUTBOX.c.ended_at_ms,
        literal("DeliveryFailed").label("condition"),
        null().label("sent_to"),
        OUTBOX.c.error,
    ],
    OUTBOX.c.body,
    {},
)
ALL_LETTERS: Final = (EVENT_LETTERS, DELIVERY_LETTERS)


def delete_some(connection: Connection, table: Table, *where: Where) -> int:
    """Delete rows; how many, ROWS_MAX where there may be more."""
    ids = connection.scalars(select(table.c.id).where(*where).limit(ROWS_MAX)).all()
    connection.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)
