"""Occurrences of schedules: each is a row, made once, with the events that it enqueues."""

import dataclasses
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select, update

from wasmfaas.store import database
from wasmfaas.store.database import Database
from wasmfaas.store.deliveries import dead_letter, insert_delivery
from wasmfaas.store.event_rows import insert_event
from wasmfaas.store.events import EventState, NewEvent
from wasmfaas.store.rules import RuleTarget, targets_of
from wasmfaas.store.schedule_tables import OCCURRENCES, SCHEDULES
from wasmfaas.store.schedules import Schedule
from wasmfaas.store.schema import EVENTS

KEPT_MS: Final = 7 * 24 * 60 * 60 * 1000
_ROWS_MAX: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A schedule or a rule that is due."""

    schedule: Schedule
    #: Of a rule.
    targets: Sequence[RuleTarget]


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that its function does not let in: it becomes a dead letter."""

    event: NewEvent
    #: For people.
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """What is to be done with something that is due. Times are Unix milliseconds."""

    #: None where nothing is fired, as what was missed is too old.
    scheduled_at_ms: int | None = None
    events: Sequence[NewEvent] = ()
    refused: Sequence[Refused] = ()
    #: Occurrences that were missed and are not made up for.
    skipped: int = 0
    #: What is next; None where nothing is.
    next_at_ms: int | None
    due_at_ms: int | None
    #: Whether there shall be nothing left of it.
    delete: bool = False


#: Says what is to be done, at the database's time.
Plan = Callable[[Due, int], Firing]


class Occurrences:
    """Fires what is due. Lives as long as the server.

    *clock* gives the database's time in Unix milliseconds. However many servers ask, and whatever
    their clocks say, an occurrence is made once: its row is unique, and with it come its events and
    the time of the next one, or none of them.
    """

    def __init__(
        self, database: Database, clock: Callable[[Connection], int] = database.now_ms
    ) -> None:
        self._database = database
        self._clock = clock

    async def due(self, limit: int) -> list[Due]:
        """Up to *limit* that are due, the most overdue first."""
        columns = SCHEDULES.c

        def transaction(connection: Connection) -> list[Due]:
            overdue = columns.due_at_ms <= self._clock(connection)
            query = select(SCHEDULES).where(overdue).order_by(columns.due_at_ms).limit(limit)
            found = [Schedule.of(row) for row in connection.execute(query)]
            return [Due(schedule=each, targets=targets_of(connection, each)) for each in found]

        return await self._database.run(transaction)

    async def fire(self, found: Collection[Due], plan: Plan) -> int:
        """Do what *plan* says with each that is still due and was not changed; how many events were
        enqueued."""
        return await self._database.run(
            lambda connection: sum(self._fire(connection, each, plan) for each in found)
        )

    async def of(self, schedule_id: str, limit: int) -> list[dict[str, Any]]:
        """The newest occurrences of a schedule that are still known: `scheduled_at_ms`,
        `fired_at_ms`, `events`."""
        columns = OCCURRENCES.c
        query = (
            select(columns.scheduled_at_ms, columns.fired_at_ms, columns.events)
            .where(columns.schedule_id == schedule_id)
            .order_by(columns.scheduled_at_ms.desc())
            .limit(limit)
        )
        rows = await self._database.run(
            lambda connection: connection.execute(query).mappings().all()
        )
        return [dict(row) for row in rows]

    async def enter(self, events: Sequence[NewEvent], refused: Sequence[Refused]) -> None:
        """Enqueue *events* that come of no schedule, and keep those that were *refused*."""
        await self._database.run(
            lambda connection: enter(connection, events, refused, self._clock(connection))
        )

    async def prune(self) -> int:
        """Forget what was fired a week ago; how many rows."""
        columns = OCCURRENCES.c

        def transaction(connection: Connection) -> int:
            old = columns.fired_at_ms <= self._clock(connection) - KEPT_MS
            query = select(columns.schedule_id, columns.scheduled_at_ms).where(old)
            rows = connection.execute(query.limit(_ROWS_MAX)).all()
            for row in rows:
                place = columns.schedule_id == row.schedule_id
                at = columns.scheduled_at_ms == row.scheduled_at_ms
                connection.execute(delete(OCCURRENCES).where(place, at))
            return len(rows)

        return await self._database.run(transaction)

    def _fire(self, connection: Connection, due: Due, plan: Plan) -> int:
        columns, now = SCHEDULES.c, self._clock(connection)
        unchanged = columns.id == due.schedule.id, columns.revision == due.schedule.revision
        query = select(SCHEDULES).where(*unchanged, columns.due_at_ms <= now).with_for_update()
        row = connection.execute(query).first()
        if row is None:
            return 0
        current = Schedule.of(row)
        firing = plan(dataclasses.replace(due, schedule=current), now)
        made = self._make(connection, current.id, firing, now)
        values: dict[str, Any] = {
            "next_at_ms": firing.next_at_ms,
            "due_at_ms": firing.due_at_ms,
            "skipped": current.skipped + firing.skipped,
        }
        if made:
            values |= {"last_at_ms": firing.scheduled_at_ms, "fired": current.fired + 1}
        if firing.delete:
            connection.execute(delete(SCHEDULES).where(columns.id == current.id))
        else:
            connection.execute(update(SCHEDULES).where(columns.id == current.id).values(values))
        return len(firing.events) if made else 0

    def _make(self, connection: Connection, schedule_id: str, firing: Firing, now: int) -> bool:
        """The row and the events of an occurrence, unless it has been made."""
        if firing.scheduled_at_ms is None:
            return False
        columns = OCCURRENCES.c
        at = columns.scheduled_at_ms == firing.scheduled_at_ms
        known = select(columns.schedule_id).where(columns.schedule_id == schedule_id, at)
        if connection.execute(known).first() is not None:
            return False
        values = {
            "schedule_id": schedule_id,
            "scheduled_at_ms": firing.scheduled_at_ms,
            "fired_at_ms": now,
            "events": len(firing.events) + len(firing.refused),
        }
        connection.execute(insert(OCCURRENCES).values(values))
        enter(connection, firing.events, firing.refused, now)
        return True


def enter(
    connection: Connection, events: Sequence[NewEvent], refused: Sequence[Refused], now: int
) -> None:
    """Enqueue *events*, and keep those that were *refused* as dead letters."""
    for event in events:
        insert_event(connection, event, now)
    for each in refused:
        insert_event(connection, each.event, now)
        if each.event.dead_letter is not None:
            letter = dead_letter(each.event, "NO_PERMISSIONS", each.error, 0)
            insert_delivery(connection, letter, now)
        ended = {
            "state": EventState.DEAD,
            "ended_at_ms": now,
            "condition": "AccessDenied",
            "error": each.error,
            "sent_to": each.event.dead_letter,
        }
        connection.execute(update(EVENTS).where(EVENTS.c.id == each.event.id).values(ended))
