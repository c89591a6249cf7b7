"""Who polls which source, and how it fares.

A mapping's source is polled by one server at a time, which leases it on the database's clock. What
a server has done about a mapping it says of a revision, so that a later change is not taken for
done.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, or_, select, update

from wasmfaas.models import Usage
from wasmfaas.store import database, journal
from wasmfaas.store.commits import GroupCommit
from wasmfaas.store.database import Database
from wasmfaas.store.event_sources import EventSourceMapping, mapping_of
from wasmfaas.store.records import storable_text
from wasmfaas.store.schema import EVENT_SOURCE_MAPPINGS, LEDGER

LEASE_MS: Final = 30_000
_RESULT_CHARACTERS_MAX: Final = 1000


class Polling:
    """The mappings that one server polls. Lives as long as the server.

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

    async def resume(self, *, alone: bool) -> None:
        """Begin. With *alone*, no other server uses this database, so every lease in it was left
        by one that is gone."""
        if alone:
            free = update(EVENT_SOURCE_MAPPINGS).values(lease_until_ms=0)
            await self._database.run(lambda connection: connection.execute(free))

    async def close(self) -> None:
        """Finish what has been handed over, and let others poll."""
        await self._commits.close()
        mine = EVENT_SOURCE_MAPPINGS.c.lease_owner == self._owner
        free = update(EVENT_SOURCE_MAPPINGS).where(mine).values(lease_until_ms=0)
        await self._database.run(lambda connection: connection.execute(free))

    async def claim(self, limit: int) -> list[EventSourceMapping]:
        """Up to *limit* mappings that this server polls from now on, or still: its leases are
        prolonged by this."""
        columns = EVENT_SOURCE_MAPPINGS.c

        def step(connection: Connection) -> list[EventSourceMapping]:
            now = self._clock(connection)
            mine = columns.lease_owner == self._owner
            free = or_(columns.lease_until_ms.is_(None), columns.lease_until_ms <= now)
            query = select(EVENT_SOURCE_MAPPINGS).order_by(columns.uuid)
            # Whoever changes one of its own is waited for: passed over, it would not be polled.
            owned = query.where(mine).limit(limit).with_for_update()
            rows = list(connection.execute(owned))
            others = query.where(or_(columns.lease_owner.is_(None), ~mine), free)
            others = others.limit(limit - len(rows)).with_for_update(skip_locked=True)
            rows += connection.execute(others)
            due = [row.uuid for row in rows if not self._is_fresh(row, now)]
            if due:
                lease = {"lease_owner": self._owner, "lease_until_ms": now + LEASE_MS}
                renewed = update(EVENT_SOURCE_MAPPINGS).where(columns.uuid.in_(due))
                connection.execute(renewed.values(lease))
            return [mapping_of(row) for row in rows]

        return await self._commits.run(step)

    def _is_fresh(self, row: Row[Any], now: int) -> bool:
        """Whether a lease is ours, and has most of its time before it."""
        return bool(row.lease_owner == self._owner and row.lease_until_ms > now + LEASE_MS * 2 // 3)

    async def seen(self, mapping: EventSourceMapping) -> None:
        """*mapping* is in the state that it is to be in, unless it has been changed meanwhile."""
        columns = EVENT_SOURCE_MAPPINGS.c
        same = columns.uuid == mapping.uuid, columns.revision == mapping.revision
        query = update(EVENT_SOURCE_MAPPINGS).where(*same).values(state=None)
        await self._commits.run(lambda connection: connection.execute(query))

    async def remove(self, mapping: EventSourceMapping) -> None:
        """*mapping* was deleted, and nobody polls its source any more."""
        columns = EVENT_SOURCE_MAPPINGS.c
        same = columns.uuid == mapping.uuid, columns.revision == mapping.revision
        query = delete(EVENT_SOURCE_MAPPINGS).where(*same)
        await self._commits.run(lambda connection: connection.execute(query))

    async def record(self, uuid: str, usage: Usage | None, result: str) -> None:
        """What an invocation for a mapping used, in the ledger, and how it went; synced to disk
        when this returns. Raises StorageFull."""
        columns = EVENT_SOURCE_MAPPINGS.c
        shown = storable_text(result[:_RESULT_CHARACTERS_MAX])
        chosen = columns.uuid == uuid, or_(columns.result.is_(None), columns.result != shown)

        def step(connection: Connection) -> None:
            if usage is not None:
                members = dataclasses.asdict(usage).items()
                row = {name: journal.storable(value) for name, value in members}
                database.insert_new(connection, LEDGER, [row])
            connection.execute(update(EVENT_SOURCE_MAPPINGS).where(*chosen).values(result=shown))

        await self._commits.run(step)
