"""What is told of events, and what is done with those that failed."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, and_, delete, func, or_, select, update

from wasmfaas.errors import ResourceNotFound
from wasmfaas.store import database, paging
from wasmfaas.store.database import Database
from wasmfaas.store.events import FAILED, EventState
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.schema import EVENT_ATTEMPTS, EVENT_KEYS, EVENTS

_DAY_MS: Final = 24 * 60 * 60 * 1000
#: How long what has ended well, or was sent to a destination, can be asked about.
KEPT_MS: Final = _DAY_MS
#: How long dead letters wait for somebody.
DEAD_LETTERS_KEPT_MS: Final = 14 * _DAY_MS
#: Rows that one transaction removes or changes, so that others get their turn.
_ROWS_MAX: Final = 500
PAGE_MAX: Final = 100

#: Failed, and sent to no destination.
_DEAD_LETTER: Final = and_(EVENTS.c.state.in_(FAILED), EVENTS.c.sent_to.is_(None))
_SHOWN: Final = [
    column for column in EVENTS.c if column.name not in ("payload", "client_context", "trace_id")
]


class Events:
    """The events of one database, for people. Lives as long as the server."""

    def __init__(
        self,
        database: Database,
        queue: EventQueue,
        clock: Callable[[Connection], int] = database.now_ms,
    ) -> None:
        self._database = database
        self._queue = queue
        self._clock = clock

    async def counts(self, function: str | None = None) -> dict[str, dict[str, int]]:
        """How many events there are, by function and state."""
        query = select(EVENTS.c.function_name, EVENTS.c.state, func.count().label("events"))
        query = query.where(*_of(function)).group_by(EVENTS.c.function_name, EVENTS.c.state)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        counts: dict[str, dict[str, int]] = {}
        for row in sorted(rows, key=lambda row: str(row.function_name)):
            of_function = counts.setdefault(row.function_name, dict.fromkeys(EventState, 0))
            of_function[row.state] = int(row.events)
        return counts

    async def show(self, event_id: str) -> dict[str, Any]:
        """One event without its payload, and its `attempts`. Raises ResourceNotFound."""

        def transaction(connection: Connection) -> dict[str, Any]:
            event = _found(connection, event_id, _SHOWN)
            query = select(EVENT_ATTEMPTS).where(EVENT_ATTEMPTS.c.event_id == event_id)
            rows = connection.execute(query.order_by(EVENT_ATTEMPTS.c.attempt)).mappings()
            return event | {"attempts": [_but(row, "event_id") for row in rows]}

        return await self._database.run(transaction)

    async def dead_letters(
        self, function: str | None = None, after: str = ""
    ) -> list[dict[str, Any]]:
        """Up to 100 events that failed and were sent nowhere, by id, from behind the id *after*."""
        where = _DEAD_LETTER, EVENTS.c.id > after, *_of(function)
        query = select(*_SHOWN).where(*where).order_by(EVENTS.c.id).limit(PAGE_MAX)
        rows = await self._database.run(
            lambda connection: connection.execute(query).mappings().all()
        )
        return [dict(row) for row in rows]

    async def dead_letter(self, event_id: str) -> dict[str, Any]:
        """One of them, with its payload as bytes. Raises ResourceNotFound."""
        columns = [*_SHOWN, EVENTS.c.payload]
        return await self._database.run(
            lambda connection: _found(connection, event_id, columns, _DEAD_LETTER)
        )

    async def redrive(self, function: str | None, event_id: str | None) -> int:
        """Enqueue dead letters anew: all of them, those of a function, or one; how many."""
        where = _DEAD_LETTER, *_of(function), *_with_id(event_id)
        some = select(EVENTS.c.id).where(*where).limit(_ROWS_MAX)

        def transaction(connection: Connection) -> int:
            now = self._clock(connection)
            values = {
                "state": EventState.QUEUED,
                "failures": 0,
                "delays": 0,
                "enqueued_at_ms": now,
                "due_at_ms": now,
                "ended_at_ms": None,
                "condition": None,
            }
            ids = connection.scalars(some).all()
            connection.execute(update(EVENTS).where(EVENTS.c.id.in_(ids)).values(values))
            return len(ids)

        changed = await self._all(transaction)
        await self._queue.recount()
        self._queue.woken.set()
        return changed

    async def purge(self, function: str | None, event_id: str | None) -> int:
        """Delete dead letters: all of them, those of a function, or one; how many."""
        where = _DEAD_LETTER, *_of(function), *_with_id(event_id)
        return await self._all(lambda connection: _delete(connection, *where))

    async def prune(self) -> int:
        """Delete what has ended and been kept long enough; how many events."""

        def transaction(connection: Connection) -> int:
            now = self._clock(connection)
            connection.execute(delete(EVENT_KEYS).where(EVENT_KEYS.c.expires_at_ms <= now))
            old = EVENTS.c.ended_at_ms <= now - KEPT_MS
            older = EVENTS.c.ended_at_ms <= now - DEAD_LETTERS_KEPT_MS
            failed = EVENTS.c.state.in_(FAILED), old, or_(EVENTS.c.sent_to.is_not(None), older)
            done = _delete(connection, EVENTS.c.state == EventState.DONE, old)
            return done + _delete(connection, *failed)

        return await self._all(transaction)

    async def _all(self, transaction: Callable[[Connection], int]) -> int:
        """Repeat *transaction*, which does some, until there is nothing left to do."""
        total = 0
        while True:
            done = await self._database.run(transaction)
            total += done
            if done < _ROWS_MAX:
                return total


def _of(function: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if function is None else (EVENTS.c.function_name == function,)


def _with_id(event_id: str | None) -> tuple[ColumnElement[bool], ...]:
    return () if event_id is None else (EVENTS.c.id == event_id,)


def _delete(connection: Connection, *where: ColumnElement[bool]) -> int:
    ids = connection.scalars(select(EVENTS.c.id).where(*where).limit(_ROWS_MAX)).all()
    connection.execute(delete(EVENTS).where(EVENTS.c.id.in_(ids)))
    return len(ids)


def _found(
    connection: Connection, event_id: str, columns: Any, *where: ColumnElement[bool]
) -> dict[str, Any]:
    query = select(*columns).where(EVENTS.c.id == event_id, *where)
    row = connection.execute(query).mappings().first() if paging.storable(event_id) else None
    if row is None:
        raise ResourceNotFound(f"There is no such event: {event_id[:100]!a}")
    return dict(row)


def _but(row: Any, name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
