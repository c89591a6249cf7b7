"""What is told of events and deliveries, and what is done with those that failed."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Table, delete, func, or_, select

from wasmfaas.errors import ResourceNotFound
from wasmfaas.store import database, paging
from wasmfaas.store.database import Database
from wasmfaas.store.events import FAILED, EventState
from wasmfaas.store.letters import ALL_LETTERS, ROWS_MAX, Letters, delete_some
from wasmfaas.store.outbox_tables import OUTBOX
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.schema import EVENT_ATTEMPTS, EVENT_KEYS, EVENTS

_DAY_S: Final = 24 * 60 * 60
PAGE_MAX: Final = 100

_SHOWN: Final = [
    column for column in EVENTS.c if column.name not in ("payload", "client_context", "trace_id")
]
_SHOWN_DELIVERY: Final = [
    column for column in OUTBOX.c if column.name not in ("body", "attributes", "function_name")
]
#: By group, then by state.
Counts = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long what has ended is kept."""

    #: What ended well, or was sent to a destination: so long it can be asked about.
    done_s: int = _DAY_S
    #: So long dead letters wait for somebody.
    dead_letters_s: int = 14 * _DAY_S


class Events:
    """The events of one database, for people. Lives as long as the server."""

    def __init__(
        self,
        database: Database,
        queue: EventQueue,
        clock: Callable[[Connection], int] = database.now_ms,
        *,
        retention: Retention | None = None,
    ) -> None:
        self._database = database
        self._queue = queue
        self._clock = clock
        self._retention = retention or Retention()

    async def counts(self, function: str | None = None) -> Counts:
        """How many events there are, by function and state."""
        return await self._counts(EVENTS, "function_name", function)

    async def deliveries(self, function: str | None = None) -> Counts:
        """How many deliveries the outbox holds, by destination and state."""
        return await self._counts(OUTBOX, "destination", function)

    async def show(self, event_id: str) -> dict[str, Any]:
        """One event without its payload, its `attempts`, and its `deliveries` to queues, topics and
        webhooks. Raises ResourceNotFound."""

        def transaction(connection: Connection) -> dict[str, Any]:
            query = select(*_SHOWN).where(EVENTS.c.id == event_id)
            event = connection.execute(query).mappings().first()
            if event is None:
                raise _missing(event_id)
            attempts = select(EVENT_ATTEMPTS).where(EVENT_ATTEMPTS.c.event_id == event_id)
            rows = connection.execute(attempts.order_by(EVENT_ATTEMPTS.c.attempt)).mappings()
            sent = select(*_SHOWN_DELIVERY).where(OUTBOX.c.event_id == event_id)
            deliveries = connection.execute(sent.order_by(OUTBOX.c.destination)).mappings()
            return dict(event) | {
                "attempts": [_but(row, "event_id") for row in rows],
                "deliveries": [_but(row, "event_id") for row in deliveries],
            }

        return await self._of(event_id, transaction)

    async def dead_letters(
        self, function: str | None = None, after: str = ""
    ) -> list[dict[str, Any]]:
        """Up to 100 dead letters by id, from behind the id *after*."""

        def transaction(connection: Connection) -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = []
            for letters in ALL_LETTERS:
                where = [letters.table.c.id > after, *letters.chosen(function, None)]
                found += letters.page(connection, where, PAGE_MAX)
            return sorted(found, key=lambda letter: str(letter["id"]))[:PAGE_MAX]

        return await self._database.run(transaction)

    async def dead_letter(self, letter_id: str) -> dict[str, Any]:
        """One of them, with its payload as bytes. Raises ResourceNotFound."""

        def transaction(connection: Connection) -> dict[str, Any]:
            for letters in ALL_LETTERS:
                found = letters.find(connection, letter_id)
                if found is not None:
                    return found
            raise _missing(letter_id)

        return await self._of(letter_id, transaction)

    async def redrive(self, function: str | None, letter_id: str | None) -> int:
        """Enqueue dead letters anew: all of them, those of a function, or one; how many."""

        def some(connection: Connection, letters: Letters) -> int:
            now = self._clock(connection)
            return letters.redrive(connection, letters.chosen(function, letter_id), now)

        changed = sum([await self._all(letters, some) for letters in ALL_LETTERS])
        await self._queue.recount()
        self._queue.woken.set()
        return changed

    async def purge(self, function: str | None, letter_id: str | None) -> int:
        """Delete dead letters: all of them, those of a function, or one; how many."""

        def some(connection: Connection, letters: Letters) -> int:
            return letters.delete(connection, letters.chosen(function, letter_id))

        return sum([await self._all(letters, some) for letters in ALL_LETTERS])

    async def prune(self) -> int:
        """Delete what has ended and been kept long enough; how many events and deliveries."""
        return sum([await self._all(letters, self._prune) for letters in ALL_LETTERS])

    def _prune(self, connection: Connection, letters: Letters) -> int:
        now, table = self._clock(connection), letters.table
        connection.execute(delete(EVENT_KEYS).where(EVENT_KEYS.c.expires_at_ms <= now))
        old = table.c.ended_at_ms <= now - self._retention.done_s * 1000
        older = table.c.ended_at_ms <= now - self._retention.dead_letters_s * 1000
        done = delete_some(connection, table, table.c.state == EventState.DONE, old)
        failed = table.c.state.in_(FAILED)
        return done + delete_some(connection, table, failed, or_(~letters.dead & old, older))

    async def _counts(self, table: Table, group: str, function: str | None) -> Counts:
        by = table.c[group]
        query = select(by.label("by"), table.c.state, func.count().label("rows"))
        if function is not None:
            query = query.where(table.c.function_name == function)
        grouped = query.group_by(by, table.c.state)
        rows = await self._database.run(lambda connection: connection.execute(grouped).all())
        counts: Counts = {}
        for row in sorted(rows, key=lambda row: str(row.by)):
            of_group = counts.setdefault(row.by, dict.fromkeys(EventState, 0))
            of_group[row.state] = int(row.rows)
        return counts

    async def _of(
        self, row_id: str, transaction: Callable[[Connection], dict[str, Any]]
    ) -> dict[str, Any]:
        if not paging.storable(row_id):
            raise _missing(row_id)
        return await self._database.run(transaction)

    async def _all(self, letters: Letters, some: Callable[[Connection, Letters], int]) -> int:
        """Repeat *some* until there is nothing left to do."""
        total = 0
        while True:
            done = await self._database.run(lambda connection: some(connection, letters))
            total += done
            if done < ROWS_MAX:
                return total


def _missing(row_id: str) -> ResourceNotFound:
    return ResourceNotFound(f"There is no such event: {row_id[:100]!a}")


def _but(row: Any, name: str) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != name}
