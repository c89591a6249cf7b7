"""Event source mappings: which source's records a function is invoked with."""

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

    async def create(
        self, mapping: EventSourceMapping, conflict: Callable[[str], Exception]
    ) -> EventSourceMapping:
        """Enter *mapping*. Raises what *conflict* makes of the UUID of one with the same
        identity."""

        def transaction(connection: Connection) -> EventSourceMapping:
            _check_unique(connection, mapping, conflict)
            row = {"uuid": mapping.uuid} | _columns(connection, mapping)
            connection.execute(insert(EVENT_SOURCE_MAPPINGS).values(row))
            return _found(connection, mapping.uuid)

        return await self._database.run(transaction)

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
            mapping = changed(_found(connection, uuid))
            _check_unique(connection, mapping, conflict)
            query = update(EVENT_SOURCE_MAPPINGS).where(EVENT_SOURCE_MAPPINGS.c.uuid == uuid)
            connection.execute(query.values(_columns(connection, mapping)))
            return _found(connection, uuid)

        return await self._database.run(transaction)

    async def delete(self, uuid: str) -> EventSourceMapping:
        """Remove the mapping, and return it. Raises ResourceNotFound."""

        def transaction(connection: Connection) -> EventSourceMapping:
            found = _found(connection, uuid)
            connection.execute(
                delete(EVENT_SOURCE_MAPPINGS).where(EVENT_SOURCE_MAPPINGS.c.uuid == uuid)
            )
            return found

        return await self._database.run(transaction)

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
            lambda connection: [_mapping(row) for row in connection.execute(query)]
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


def _found(connection: Connection, uuid: str) -> EventSourceMapping:
    row = None
    if paging.storable(uuid):
        query = select(EVENT_SOURCE_MAPPINGS).where(EVENT_SOURCE_MAPPINGS.c.uuid == uuid)
        row = connection.execute(query).one_or_none()
    if row is None:
        raise ResourceNotFound(NOT_THERE)
    return _mapping(row)


def _columns(connection: Connection, mapping: EventSourceMapping) -> dict[str, Any]:
    return {
        "function_name": mapping.function_name,
        "qualifier": mapping.qualifier,
        "source": mapping.source,
        "identity": mapping.identity,
        "configuration": records.to_json(mapping.configuration),
        "modified_at_ms": database.now_ms(connection),
    }


def _mapping(row: Row[Any]) -> EventSourceMapping:
    return EventSourceMapping(
        uuid=row.uuid,
        function_name=row.function_name,
        qualifier=row.qualifier,
        source=row.source,
        configuration=json.loads(row.configuration),
        modified_at_ms=row.modified_at_ms,
    )
