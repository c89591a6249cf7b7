"""Event source mappings: which source's records a function is invoked with."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from wasmfaas.errors import ResourceNotFound
from wasmfaas.store import database, paging, records
from wasmfaas.store.database import Database
from wasmfaas.store.schema import EVENT_SOURCE_MAPPINGS

_PAGE_MAX: Final = 100
NOT_THERE: Final = "The resource you requested does not exist."
DELETING: Final = "Deleting"


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSourceMapping:
    """One mapping as it is stored."""

    uuid: str
    function_name: str
    #: A version or an alias; empty for the function's name itself.
    qualifier: str
    #: The ARN of the source, or the addresses of one that has none.
    source: str
    #: Members of Lambda's EventSourceMappingConfiguration by name, and `Enabled` and `Tags`.
    configuration: Mapping[str, Any]
    modified_at_ms: int = 0
    #: Lambda's State while it is on the way to another one; None once it is there.
    state: str | None = None
    #: Greater after every change.
    revision: int = 0
    #: Lambda's LastProcessingResult; None before the first.
    result: str | None = None

    @property
    def identity(self) -> str:
        """What no two mappings have in common: the source, what is read of it, and the function."""
        names = [self.configuration.get(member) for member in ("Topics", "Queues")]
        database = self.configuration.get("DocumentDBEventSourceConfig")
        whole = [self.source, names, database, self.function_name, self.qualifier]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


class EventSourceMappings:
    """The mappings of all functions, which may outlive these. Lives as long as the server.

    Every method that writes raises StorageFull where it cannot.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        #: Whether somebody polls sources here, and sees changes through.
        self.is_polled = False
        #: Set by every change that this server makes.
        self.changed = asyncio.Event()

    async def create(
        self, mapping: EventSourceMapping, conflict: Callable[[str], Exception]
    ) -> EventSourceMapping:
        """Enter *mapping*. Raises what *conflict* makes of the UUID of one with the same
        identity."""

        def transaction(connection: Connection) -> EventSourceMapping:
            _check_unique(connection, mapping, conflict)
            row = {"uuid": mapping.uuid, "revision": 1, "state": self._until_seen("Creating")}
            row |= _columns(connection, mapping)
            connection.execute(insert(EVENT_SOURCE_MAPPINGS).values(row))
            return _found(connection, mapping.uuid)

        return self._noted(await self._database.run(transaction))

    async def get(self, uuid: str) -> EventSourceMapping:
        """The mapping. Raises ResourceNotFound."""
        return await self._database.run(lambda connection: _found(connection, uuid))

    async def update(
        self,
        uuid: str,
        changed: Callable[[EventSourceMapping], EventSourceMapping],
        conflict: Callable[[str], Exception],
    ) -> EventSourceMapping:
        """Make the mapping what *changed*, which may raise, makes of it. Raises ResourceNotFound,
        and as `create`."""

        def transaction(connection: Connection) -> EventSourceMapping:
            before = _found(connection, uuid)
            if before.state == DELETING:
                raise ResourceNotFound(NOT_THERE)
            mapping = changed(before)
            _check_unique(connection, mapping, conflict)
            query = update(EVENT_SOURCE_MAPPINGS).where(EVENT_SOURCE_MAPPINGS.c.uuid == uuid)
            state = {
                "state": self._until_seen(_on_the_way(before, mapping)),
                "revision": before.revision + 1,
            }
            connection.execute(query.values(_columns(connection, mapping) | state))
            return _found(connection, uuid)

        return self._noted(await self._database.run(transaction))

    async def delete(self, uuid: str) -> EventSourceMapping:
        """Have the mapping removed, once nobody polls its source, and return it. Raises
        ResourceNotFound."""

        def transaction(connection: Connection) -> EventSourceMapping:
            found = _found(connection, uuid)
            if found.state == DELETING:
                raise ResourceNotFound(NOT_THERE)
            chosen = EVENT_SOURCE_MAPPINGS.c.uuid == uuid
            leased = EVENT_SOURCE_MAPPINGS.c.lease_until_ms > database.now_ms(connection)
            changes = {"state": DELETING, "revision": found.revision + 1}
            query = update(EVENT_SOURCE_MAPPINGS).where(chosen, leased)
            if connection.execute(query.values(changes)).rowcount == 0:
                connection.execute(delete(EVENT_SOURCE_MAPPINGS).where(chosen))
            return found

        return self._noted(await self._database.run(transaction))

    def _until_seen(self, state: str) -> str | None:
        return state if self.is_polled else None

    def _noted(self, mapping: EventSourceMapping) -> EventSourceMapping:
        self.changed.set()
        return mapping

    async def page(
        self,
        *,
        function_name: str | None = None,
        qualifier: str | None = None,
        source: str | None = None,
        marker: str | None = None,
        limit: int = _PAGE_MAX,
    ) -> tuple[list[EventSourceMapping], str | None]:
        """Mappings by UUID, those of a function, of one qualifier of it, of a source: at most
        *limit* of them, and the marker to go on with, or None.

        Raises InvalidParameterValue for a marker that is not from here.
        """
        limit = max(1, min(limit, _PAGE_MAX))
        columns = EVENT_SOURCE_MAPPINGS.c
        query = select(EVENT_SOURCE_MAPPINGS).order_by(columns.uuid).limit(limit + 1)
        wanted = ((columns.function_name, function_name), (columns.qualifier, qualifier),
                  (columns.source, source))  # fmt: skip
        for column, value in wanted:
            if value is not None:
                query = query.where(column == value)
        if marker is not None:
            query = query.where(columns.uuid > paging.last_of(marker))
        found = await self._database.run(
            lambda connection: [mapping_of(row) for row in connection.execute(query)]
        )
        page = found[:limit]
        return page, paging.marker(page[-1].uuid) if len(found) > limit else None


def _check_unique(
    connection: Connection,
    mapping: EventSourceMapping,
    conflict: Callable[[str], Exception],
) -> None:
    columns = EVENT_SOURCE_MAPPINGS.c
    query = select(columns.uuid).where(columns.identity == mapping.identity)
    other = connection.execute(query).scalar_one_or_none()
    if other not in (None, mapping.uuid):
        raise conflict(str(other))


def _on_the_way(before: EventSourceMapping, after: EventSourceMapping) -> str:
    """Lambda's State while a change of a mapping is not seen through yet."""
    enabled = after.configuration["Enabled"]
    if enabled == before.configuration["Enabled"]:
        return "Updating"
    return "Enabling" if enabled else "Disabling"


def _found(connection: Connection, uuid: str) -> EventSourceMapping:
    row = None
    if paging.storable(uuid):
        query = select(EVENT_SOURCE_MAPPINGS).where(EVENT_SOURCE_MAPPINGS.c.uuid == uuid)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise ResourceNotFound(NOT_THERE)
    return mapping_of(row)


def _columns(connection: Connection, mapping: EventSourceMapping) -> dict[str, Any]:
    return {
        "function_name": mapping.function_name,
        "qualifier": mapping.qualifier,
        "source": mapping.source,
        "identity": mapping.identity,
        "configuration": records.to_json(mapping.configuration),
        "modified_at_ms": database.now_ms(connection),
    }


def mapping_of(row: Row[Any]) -> EventSourceMapping:
    """From a row of the table."""
    return EventSourceMapping(
        uuid=row.uuid,
        function_name=row.function_name,
        qualifier=row.qualifier,
        source=row.source,
        configuration=json.loads(row.configuration),
        modified_at_ms=row.modified_at_ms,
        state=row.state,
        revision=row.revision,
        result=row.result,
    )
