"""Aliases: names for versions, which one can move."""

import json
import uuid
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, insert, select, update

from wasmfaas.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from wasmfaas.models import LATEST, Alias
from wasmfaas.store import attachments, paging, versions
from wasmfaas.store.schema import ALIASES
from wasmfaas.store.transactions import Transactions, check_revision

_PAGE_MAX: Final = 10_000


class Aliases:
    """The aliases of functions. Lives as long as the server.

    Every method raises StorageFull where it cannot write, and ResourceNotFound for a function or a
    version that does not exist.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def create(
        self, name: str, alias: str, version: str, description: str, weights: Mapping[str, float]
    ) -> Alias:
        """A new alias. Raises ResourceConflict where there is one of that name, and
        InvalidParameterValue for versions and weights that do not go together."""

        def transaction(connection: Connection) -> Alias:
            self._transactions.locked(connection, name, version)
            if find(connection, name, alias) is not None:
                arn = self._transactions.arn(name, alias)
                raise ResourceConflict(f"Alias already exists: {arn}")
            self._check(connection, name, version, weights)
            row = {
                "function_name": name,
                "name": alias,
                "version": version,
                "description": json.dumps(description),
                "weights": json.dumps(dict(weights)),
                "revision_id": str(uuid.uuid4()),
            }
            connection.execute(insert(ALIASES).values(row))
            return self._found(connection, name, alias)

        return await self._transactions.change(name, transaction)

    async def get(self, name: str, alias: str) -> Alias:
        """The alias. Raises ResourceNotFound."""
        return await self._transactions.read(
            lambda connection: self._found(connection, name, alias)
        )

    async def update(
        self,
        name: str,
        alias: str,
        *,
        version: str | None = None,
        description: str | None = None,
        weights: Mapping[str, float] | None = None,
        revision_id: str | None = None,
    ) -> Alias:
        """Change the alias; what is None stays as it is. Raises ResourceNotFound,
        PreconditionFailed where *revision_id* is not the latest, and as `create`."""

        def transaction(connection: Connection) -> Alias:
            self._transactions.locked(connection, name)
            before = find(connection, name, alias)
            if before is None:
                arn = self._transactions.arn(name, alias)
                raise ResourceNotFound(f"Alias not found: {arn}")
            check_revision(revision_id, before.revision_id)
            new_version = before.version if version is None else version
            new_weights = before.weights if weights is None else weights
            self._check(connection, name, new_version, new_weights)
            new_description = before.description if description is None else description
            changes = {
                "version": new_version,
                "description": json.dumps(new_description),
                "weights": json.dumps(dict(new_weights)),
                "revision_id": str(uuid.uuid4()),
            }
            query = update(ALIASES).where(ALIASES.c.function_name == name, ALIASES.c.name == alias)
            connection.execute(query.values(changes))
            return self._found(connection, name, alias)

        return await self._transactions.change(name, transaction)

    async def delete(self, name: str, alias: str) -> None:
        """Remove the alias, if it is there."""

        def transaction(connection: Connection) -> None:
            self._transactions.locked(connection, name)
            if paging.storable(alias):
                connection.execute(
                    delete(ALIASES).where(ALIASES.c.function_name == name, ALIASES.c.name == alias)
                )
                attachments.remove_all(connection, name, alias)

        await self._transactions.change(name, transaction)

    async def page(
        self, name: str, version: str | None, marker: str | None, limit: int
    ) -> tuple[list[Alias], str | None]:
        """The aliases of *name*, or those of them for *version*, by name: at most *limit* of them,
        and the marker to go on with, or None. Raises InvalidParameterValue for a marker that is
        not from here."""
        limit = max(1, min(limit, _PAGE_MAX))
        query = select(ALIASES).where(ALIASES.c.function_name == name)
        if version is not None:
            query = query.where(ALIASES.c.version == version)
        if marker is not None:
            query = query.where(ALIASES.c.name > paging.last_of(marker))
        query = query.order_by(ALIASES.c.name).limit(limit + 1)

        def transaction(connection: Connection) -> list[Alias]:
            self._transactions.function(connection, name)
            return [_alias(row) for row in connection.execute(query)]

        found = await self._transactions.read(transaction)
        page = found[:limit]
        return page, paging.marker(page[-1].name) if len(found) > limit else None

    def _found(self, connection: Connection, name: str, alias: str) -> Alias:
        found = find(connection, name, alias)
        if found is None:
            raise ResourceNotFound(f"Cannot find alias arn: {self._transactions.arn(name, alias)}")
        return found

    def _check(
        self, connection: Connection, name: str, version: str, weights: Mapping[str, float]
    ) -> None:
        """Raise where an alias cannot stand for *version* and *weights*."""
        self._check_exists(connection, name, version)
        if len(weights) > 1:
            raise InvalidParameterValue(
                "Number of items in AdditionalVersionWeights cannot be greater than 1"
            )
        if version in weights:
            raise InvalidParameterValue(
                f"Invalid function version {version}. Function version {version} is already "
                "included in routing configuration."
            )
        if weights and LATEST in (version, *weights):
            raise InvalidParameterValue(
                "$LATEST is not supported for an alias pointing to more than 1 version"
            )
        for number in weights:
            self._check_exists(connection, name, number)

    def _check_exists(self, connection: Connection, name: str, version: str) -> None:
        if version != LATEST and versions.find(connection, name, version) is None:
            raise self._transactions.missing(name, version)


def find(connection: Connection, name: str, alias: str) -> Alias | None:
    """The alias, if it is there."""
    if not paging.storable(name) or not paging.storable(alias):
        return None
    query = select(ALIASES).where(ALIASES.c.function_name == name, ALIASES.c.name == alias)
    row = connection.execute(query).one_or_none()
    return None if row is None else _alias(row)


def _alias(row: Row[Any]) -> Alias:
    return Alias(
        function_name=row.function_name,
        name=row.name,
        version=row.version,
        description=json.loads(row.description),
        weights=json.loads(row.weights),
        revision_id=row.revision_id,
    )
