"""The outbox: what is to be sent to services elsewhere is a row, written in the transaction that
gives rise to it, and sent from there at least once.

    insert_delivery ─▶ queued ─claim─▶ running ─settle─▶ done · dead · expired
                          └──────◀──── again, later ◀──────┘

Leases and fences are those of the queue of events.
"""

import asyncio
import dataclasses
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, select, update

from wasmfaas.store import database
from wasmfaas.store.commits import GroupCommit
from wasmfaas.store.database import Database
from wasmfaas.store.deliveries import Delivery, DeliveryEnd, NewDelivery, insert_delivery
from wasmfaas.store.events import ENDED, EventState
from wasmfaas.store.outbox_tables import OUTBOX
from wasmfaas.store.records import storable_text
from wasmfaas.store.turns import Turns

#: Longer than one attempt may take: leases are not prolonged.
LEASE_MS: Final = 60_000
_LEASES_TAKEN_MAX: Final = 100
_ERROR_CHARACTERS_MAX: Final = 1000
_RUNNING: Final = OUTBOX.c.state == EventState.RUNNING


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be done with the end of a delivery."""

    #: In the transaction that ends it; raises nothing but a WasmfaasError, before it writes.
    write: Callable[[Connection], None]
    #: After its commit.
    committed: Callable[[], None]


class Outbox:
    """The outbox of one database. Lives as long as the server; used in its event loop.

    *owner* is this server's name on leases; *clock* gives the database's time in Unix milliseconds.
    """

    def __init__(
        self,
        database: Database,
        owner: str,
        clock: Callable[[Connection], int] = database.now_ms,
    ) -> None:
        self._database = database
        self._commits = GroupCommit(database)
        self._owner = owner
        self._clock = clock
        self._turns = Turns(OUTBOX, "destination")
        #: Set when something may be due.
        self.woken = asyncio.Event()

    async def resume(self, *, alone: bool) -> None:
        """Begin. With *alone*, no other server uses this database, so every lease in it was left
        by one that is gone."""
        if alone:
            freed = update(OUTBOX).where(_RUNNING).values(lease_until_ms=0)
            await self._database.run(lambda connection: connection.execute(freed))

    async def close(self) -> None:
        """Finish what has been handed over."""
        await self._commits.close()

    async def enqueue(self, delivery: NewDelivery) -> None:
        """Store *delivery*, which comes of nothing that is stored here; when this returns, it is
        synced to disk. Raises StorageFull."""
        await self._commits.run(
            lambda connection: insert_delivery(connection, delivery, self._clock(connection))
        )
        self.woken.set()

    async def claim(self, limit: int, each_max: int, busy: Collection[str] = ()) -> list[Delivery]:
        """Lease up to *limit* deliveries that are due, *each_max* of one destination, none of
        those that are *busy*, for one attempt each. Destinations take turns."""

        def step(connection: Connection) -> list[Delivery]:
            now = self._clock(connection)
            _take_lost(connection, now)
            ids = self._turns.choose(connection, now, limit, each_max=each_max, without=busy)
            if not ids:
                return []
            lease = {
                "state": EventState.RUNNING,
                "attempt": OUTBOX.c.attempt + 1,
                "lease_owner": self._owner,
                "lease_until_ms": now + LEASE_MS,
            }
            connection.execute(update(OUTBOX).where(OUTBOX.c.id.in_(ids)).values(lease))
            columns = [OUTBOX.c[each.name] for each in dataclasses.fields(Delivery)]
            rows = connection.execute(select(*columns).where(OUTBOX.c.id.in_(ids)))
            return [Delivery.of(row) for row in rows]

        return await self._commits.run(step)

    async def settle(
        self, delivery: Delivery, end: Callable[[int], DeliveryEnd], entry: Entry | None = None
    ) -> DeliveryEnd | None:
        """End the attempt that *delivery* was claimed for as *end* says of the database's time,
        with *entry*. None, and nothing is done, where the lease was lost meanwhile. Raises what
        *entry* raises, and StorageFull and ServiceFailure; the lease is kept then."""
        columns = OUTBOX.c
        held = (
            columns.id == delivery.id,
            _RUNNING,
            columns.lease_owner == self._owner,
            columns.attempt == delivery.attempt,
        )

        def settled(connection: Connection) -> DeliveryEnd | None:
            query = select(columns.id).where(*held).with_for_update()
            if connection.execute(query).first() is None:
                return None
            now = self._clock(connection)
            done = end(now)
            if entry is not None:
                entry.write(connection)
            changed = _changed(delivery, done, now)
            connection.execute(update(OUTBOX).where(columns.id == delivery.id).values(changed))
            return done

        ended = await self._commits.run(settled)
        if ended is not None and entry is not None:
            entry.committed()
        return ended


def _take_lost(connection: Connection, now: int) -> None:
    """Make due again what was leased and let go of."""
    columns = OUTBOX.c
    lost = select(columns.id).where(_RUNNING, columns.lease_until_ms <= now)
    ids = connection.scalars(lost.limit(_LEASES_TAKEN_MAX).with_for_update(skip_locked=True)).all()
    if ids:
        waiting = {"state": EventState.QUEUED, "due_at_ms": now, "lease_owner": None}
        connection.execute(update(OUTBOX).where(columns.id.in_(ids)).values(waiting))


def _changed(delivery: Delivery, end: DeliveryEnd, now: int) -> dict[str, Any]:
    error = storable_text(end.error)
    changed: dict[str, Any] = {
        "state": end.state,
        "failures": delivery.failures + (end.error is not None),
        "due_at_ms": now + end.delay_ms,
        "ended_at_ms": now if end.state in ENDED else None,
        "lease_owner": None,
        "lease_until_ms": None,
        "error": error and error[:_ERROR_CHARACTERS_MAX],
    }
    if end.state is EventState.DONE:
        # Nothing asks for it any more.
        changed |= {"body": b"", "attributes": "{}"}
    return changed
