"""The queue of asynchronous invocations.

    enqueue ─▶ queued ─claim─▶ running ─settle─▶ done · dead · expired
                  └───────◀──── again, later ◀─────┘

Whoever runs an event leases it, for a while that it prolongs. What ends an attempt is one
transaction: the next state, the attempt's row in the history and in the ledger, and what is sent to
a destination; it does nothing unless lease and attempt are still those of the claim. A lease that
runs out, because its owner was killed, lets the event run again.
"""

import asyncio
import dataclasses
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, delete, func, insert, select, update

from wasmfaas.errors import InvalidParameterValue, TooManyRequests
from wasmfaas.store import database, event_rows
from wasmfaas.store.commits import GroupCommit
from wasmfaas.store.database import Database
from wasmfaas.store.deliveries import insert_delivery
from wasmfaas.store.event_rows import insert_event
from wasmfaas.store.events import ENDED, Attempt, Claimed, EventState, Judge, NewEvent, Verdict
from wasmfaas.store.schema import EVENT_ATTEMPTS, EVENT_KEYS, EVENTS, LEDGER
from wasmfaas.store.turns import Turns

LEASE_MS: Final = 30_000
KEY_CHARACTERS_MAX: Final = 256
#: How long an idempotency key is remembered.
KEY_MS: Final = 24 * 60 * 60 * 1000
_LEASES_TAKEN_MAX: Final = 100
#: Lost by a server that was killed, or stood still.
LEASE_EXPIRED: Final = "Lease.Expired"

_RUNNING: Final = EVENTS.c.state == EventState.RUNNING


class EventQueue:
    """The queue of one database. Lives as long as the server; used in its event loop.

    *owner* is this server's name on leases, *events_max* how many events may wait or run.
    *clock* gives the database's time in Unix milliseconds; *lease_ms* is how long a lease holds
    that is not prolonged.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        events_max: int,
        clock: Callable[[Connection], int] = database.now_ms,
        lease_ms: int = LEASE_MS,
    ) -> None:
        self._database = database
        self._commits = GroupCommit(database)
        self._owner = owner
        self._events_max = events_max
        self._clock = clock
        self.lease_ms = lease_ms
        #: How many wait or run, as far as this server knows.
        self._pending = 0
        self._turns = Turns(EVENTS, "function_name")
        #: Ids of the events that this server runs.
        self._held: set[str] = set()
        #: Set when something may be due.
        self.woken = asyncio.Event()

    async def resume(self, *, alone: bool) -> None:
        """Begin. With *alone*, no other server uses this database, so every lease in it was left
        by one that is gone."""

        def transaction(connection: Connection) -> None:
            if alone:
                connection.execute(update(EVENTS).where(_RUNNING).values(lease_until_ms=0))

        await self._database.run(transaction)
        await self.recount()

    async def recount(self) -> None:
        """Find out how many events wait or run: other servers add and take."""
        pending = EVENTS.c.state.in_((EventState.QUEUED, EventState.RUNNING))
        query = select(func.count()).select_from(EVENTS).where(pending)
        found = await self._database.run(lambda connection: connection.execute(query).scalar_one())
        self._pending = int(found)

    async def close(self) -> None:
        """Finish what has been handed over."""
        await self._commits.close()

    async def enqueue(self, event: NewEvent, key: str | None = None) -> str:
        """Store *event*; when this returns, it is synced to disk. Returns its id, or that of the
        event that was enqueued for the same function with the same idempotency *key* before.

        Raises TooManyRequests where the queue is full, InvalidParameterValue for a *key* that is
        none, StorageFull.
        """
        if key is not None and not 0 < len(key) <= KEY_CHARACTERS_MAX:
            raise InvalidParameterValue(
                f"The idempotency key has {len(key)} characters, but must have from 1 to "
                f"{KEY_CHARACTERS_MAX}."
            )
        if self.is_full:
            raise TooManyRequests(
                f"{self._pending} asynchronous invocations wait already, and at most "
                f"{self._events_max} may (--events-max). Try again later.",
                reason="CallerRateLimitExceeded",
            )
        self._pending += 1
        stored = None
        try:
            stored = await self._commits.run(
                lambda connection: self._enqueue(connection, event, key)
            )
        finally:
            if stored != event.id:
                self._pending -= 1
        self.woken.set()
        return stored

    @property
    def is_full(self) -> bool:
        """Whether as many events wait or run as may."""
        return self._pending >= self._events_max

    def note(self, count: int) -> None:
        """Hear of *count* events that were entered beside it."""
        self._pending += count
        self.woken.set()

    async def claim(self, limit: int) -> list[Claimed]:
        """Lease up to *limit* events that are due, for one attempt each. Functions take turns, so
        that the events of one do not keep those of another waiting."""
        held = list(self._held)
        claimed = await self._commits.run(lambda connection: self._claim(connection, limit, held))
        self._held.update(event.id for event in claimed)
        return claimed

    def let_go(self, event_id: str) -> None:
        """Prolong the lease of an event no more; where it has not been settled, it runs again."""
        self._held.discard(event_id)

    async def renew(self) -> None:
        """Prolong the leases of all that was claimed and not let go."""
        owned = EVENTS.c.lease_owner == self._owner
        mine = _RUNNING, owned, EVENTS.c.id.in_(list(self._held))

        def step(connection: Connection) -> None:
            until = self._clock(connection) + self.lease_ms
            connection.execute(update(EVENTS).where(*mine).values(lease_until_ms=until))

        await self._commits.run(step)

    async def settle(self, event: Claimed, attempt: Attempt, judge: Judge) -> Verdict | None:
        """End the attempt that *event* was claimed for as *judge* says. None, and nothing is done,
        where the lease was lost meanwhile.

        Raises StorageFull and ServiceFailure; the lease is kept then.
        """
        verdict = await self._commits.run(
            lambda connection: self._settle(connection, event, attempt, judge)
        )
        if verdict is not None:
            self._pending -= verdict.state in ENDED
            self._pending += len(verdict.events)
            if verdict.events:
                self.woken.set()
        return verdict

    def _enqueue(self, connection: Connection, event: NewEvent, key: str | None) -> str:
        now = self._clock(connection)
        if key is not None:
            columns = EVENT_KEYS.c
            place = columns.function_name == event.function_name, columns.idempotency_key == key
            connection.execute(delete(EVENT_KEYS).where(*place, columns.expires_at_ms <= now))
            row = {
                "function_name": event.function_name,
                "idempotency_key": key,
                "event_id": event.id,
                "expires_at_ms": now + KEY_MS,
            }
            # Another server may be about to do the same: the key belongs to whoever gets it in.
            database.insert_new(connection, EVENT_KEYS, [row])
            query = select(columns.event_id).where(*place)
            known = str(connection.execute(query).scalar_one())
            if known != event.id:
                return known
        insert_event(connection, event, now)
        return event.id

    def _claim(self, connection: Connection, limit: int, held: list[str]) -> list[Claimed]:
        now = self._clock(connection)
        self._take_lost(connection, now, held)
        ids = self._turns.choose(connection, now, limit)
        if not ids:
            return []
        lease = {
            "state": EventState.RUNNING,
            "attempt": EVENTS.c.attempt + 1,
            "started_at_ms": now,
            "lease_owner": self._owner,
            "lease_until_ms": now + self.lease_ms,
        }
        connection.execute(update(EVENTS).where(EVENTS.c.id.in_(ids)).values(lease))
        columns = [EVENTS.c[field.name] for field in dataclasses.fields(Claimed)]
        rows = connection.execute(select(*columns).where(EVENTS.c.id.in_(ids)))
        found = {row.id: Claimed.of(row) for row in rows}
        return [found[each] for each in ids]

    def _take_lost(self, connection: Connection, now: int, held: list[str]) -> None:
        """Make due again what was leased and let go of. Not what this server runs still: it may
        only have stood still for a while."""
        columns = EVENTS.c
        query = (
            select(columns.id, columns.attempt, columns.started_at_ms)
            .where(_RUNNING, columns.lease_until_ms <= now, columns.id.not_in(held))
            .limit(_LEASES_TAKEN_MAX)
            .with_for_update(skip_locked=True)
        )
        for row in connection.execute(query).all():
            history = {
                "event_id": row.id,
                "attempt": row.attempt,
                "started_at_ms": row.started_at_ms,
                "ended_at_ms": now,
                "error_type": LEASE_EXPIRED,
            }
            connection.execute(insert(EVENT_ATTEMPTS).values(history))
            waiting = {"state": EventState.QUEUED, "due_at_ms": now, "lease_owner": None}
            connection.execute(update(EVENTS).where(columns.id == row.id).values(waiting))

    def _settle(
        self, connection: Connection, event: Claimed, attempt: Attempt, judge: Judge
    ) -> Verdict | None:
        columns = EVENTS.c
        held = (
            columns.id == event.id,
            _RUNNING,
            columns.lease_owner == self._owner,
            columns.attempt == event.attempt,
        )
        if connection.execute(select(columns.id).where(*held).with_for_update()).first() is None:
            return None
        now = self._clock(connection)
        verdict = judge(now)
        changed = event_rows.changed(verdict, attempt, now)
        connection.execute(update(EVENTS).where(columns.id == event.id).values(changed))
        connection.execute(insert(EVENT_ATTEMPTS).values(event_rows.history(event, attempt, now)))
        if attempt.usage is not None:
            database.insert_new(connection, LEDGER, [event_rows.ledger_row(attempt.usage)])
        for sent in verdict.events:
            insert_event(connection, sent, now)
        for delivery in verdict.deliveries:
            insert_delivery(connection, delivery, now)
        return verdict
