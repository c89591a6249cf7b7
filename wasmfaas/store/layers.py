"""Layers: packages that functions share, in numbered versions that never change.

A version that is deleted is gone from here; functions that use it hold on to its package.
"""

import json
import uuid
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, tuple_, update
from sqlalchemy.exc import IntegrityError

from wasmfaas.errors import InvalidParameterValue, ResourceNotFound
from wasmfaas.store import database, records
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.schema import LAYER_VERSIONS, LAYERS

_NUMBER_MAX: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerVersion:
    """One version of a layer."""

    layer_name: str
    #: From 1.
    number: int
    code: Code
    #: As given, of Lambda's members: Description, LicenseInfo, CompatibleRuntimes,
    #: CompatibleArchitectures.
    details: Mapping[str, Any]
    #: `2026-11-23T04:00:00.000+0000`
    created: str
    #: Of the resource policy, by Sid, in the order in which they were added.
    statements: Mapping[str, Any]
    policy_revision_id: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Which versions a list is to show; None is all."""

    runtime: str | None = None
    architecture: str | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        columns = (
            (LAYER_VERSIONS.c.compatible_runtimes, self.runtime),
            (LAYER_VERSIONS.c.compatible_architectures, self.architecture),
        )
        return [
            column.contains(f'"{value}"', autoescape=True)
            for column, value in columns
            if value is not None
        ]


class Layers:
    """The layers of one installation. Lives as long as the server.

    Every method raises StorageFull where it cannot write.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def publish(self, name: str, code: Code, details: Mapping[str, Any]) -> LayerVersion:
        """A new version of the layer *name*, which is made if it is not there. *details* are those
        of LayerVersion."""

        def transaction(connection: Connection) -> LayerVersion:
            number = _next_number(connection, name)
            row = {
                "layer_name": name,
                "number": number,
                "code_sha256": code.sha256,
                "code_digest": code.digest,
                "code_size_bytes": code.size_bytes,
                "details": records.to_json(_texts(details)),
                "compatible_runtimes": _listed(details.get("CompatibleRuntimes")),
                "compatible_architectures": _listed(details.get("CompatibleArchitectures")),
                "policy": "{}",
                "policy_revision_id": str(uuid.uuid4()),
                "created_at_ms": database.now_ms(connection),
            }
            connection.execute(insert(LAYER_VERSIONS).values(row))
            return _found(connection, name, number)

        return await self._database.run(transaction)

    async def get(self, name: str, number: int) -> LayerVersion:
        """The version. Raises ResourceNotFound."""
        return await self._database.run(lambda connection: _found(connection, name, number))

    async def find(
        self, versions: Collection[tuple[str, int]]
    ) -> dict[tuple[str, int], LayerVersion]:
        """Those of *versions*, names and numbers, that are there."""
        wanted = [(name, number) for name, number in versions if number <= _NUMBER_MAX]
        columns = tuple_(LAYER_VERSIONS.c.layer_name, LAYER_VERSIONS.c.number)
        query = select(LAYER_VERSIONS).where(columns.in_(wanted))
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return {(row.layer_name, row.number): _version(row) for row in rows}

    async def latest(self, shown: Filter, after: str | None, limit: int) -> list[LayerVersion]:
        """Of each layer the newest version that *shown* lets through, by name: the first *limit*
        after the name *after*."""
        conditions = shown.conditions()
        if after is not None:
            conditions.append(LAYER_VERSIONS.c.layer_name > after)
        newest = (
            select(LAYER_VERSIONS.c.layer_name, func.max(LAYER_VERSIONS.c.number))
            .where(*conditions)
            .group_by(LAYER_VERSIONS.c.layer_name)
            .order_by(LAYER_VERSIONS.c.layer_name)
            .limit(limit)
        )
        columns = tuple_(LAYER_VERSIONS.c.layer_name, LAYER_VERSIONS.c.number)

        def transaction(connection: Connection) -> list[LayerVersion]:
            keys = [(name, number) for name, number in connection.execute(newest)]
            rows = connection.execute(select(LAYER_VERSIONS).where(columns.in_(keys))).all()
            return sorted(map(_version, rows), key=lambda version: version.layer_name)

        return await self._database.run(transaction)

    async def versions(
        self, name: str, shown: Filter, before: int | None, limit: int
    ) -> list[LayerVersion]:
        """The versions of *name* that *shown* lets through, newest first: the first *limit* below
        the number *before*. None where there is no such layer."""
        conditions = [LAYER_VERSIONS.c.layer_name == name, *shown.conditions()]
        if before is not None:
            conditions.append(LAYER_VERSIONS.c.number < before)
        query = (
            select(LAYER_VERSIONS)
            .where(*conditions)
            .order_by(LAYER_VERSIONS.c.number.desc())
            .limit(limit)
        )
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [_version(row) for row in rows]

    async def delete(self, name: str, number: int) -> bool:
        """Remove the version; whether there was one. Its number is not used again."""
        if number > _NUMBER_MAX:
            return False
        statement = delete(LAYER_VERSIONS).where(*_is(name, number))
        return await self._database.run(
            lambda connection: connection.execute(statement).rowcount > 0
        )

    async def change_policy(
        self, name: str, number: int, change: Callable[[LayerVersion], Mapping[str, Any]]
    ) -> LayerVersion | None:
        """The version with the statements that *change* makes of it, in one transaction; None
        where there is no such version. Raises what *change* raises."""

        def transaction(connection: Connection) -> LayerVersion | None:
            query = select(LAYER_VERSIONS).where(*_is(name, number)).with_for_update()
            before = connection.execute(query).one_or_none()
            if before is None:
                return None
            values = {
                "policy": records.to_json(change(_version(before))),
                "policy_revision_id": str(uuid.uuid4()),
            }
            connection.execute(update(LAYER_VERSIONS).where(*_is(name, number)).values(values))
            return _found(connection, name, number)

        return await self._database.run(transaction)


def _next_number(connection: Connection, name: str) -> int:
    query = select(LAYERS.c.latest_number).where(LAYERS.c.name == name).with_for_update()
    latest = connection.scalar(query)
    if latest is None:
        try:
            connection.execute(insert(LAYERS).values({"name": name, "latest_number": 1}))
        except IntegrityError:
            raise InvalidParameterValue(
                f"The layer {name} was published for the first time at the same moment. Try again."
            ) from None
        return 1
    number = int(latest) + 1
    connection.execute(update(LAYERS).where(LAYERS.c.name == name).values(latest_number=number))
    return number


def _is(name: str, number: int) -> Sequence[ColumnElement[bool]]:
    return LAYER_VERSIONS.c.layer_name == name, LAYER_VERSIONS.c.number == number


def _found(connection: Connection, name: str, number: int) -> LayerVersion:
    row = None
    if number <= _NUMBER_MAX:
        query = select(LAYER_VERSIONS).where(*_is(name, number))
        row = connection.execute(query).one_or_none()
    if row is None:
        raise ResourceNotFound("The resource you requested does not exist.")
    return _version(row)


def _texts(details: Mapping[str, Any]) -> dict[str, Any]:
    return {name: details[name] for name in ("Description", "LicenseInfo") if name in details}


def _listed(values: Sequence[str] | None) -> str | None:
    return None if values is None else json.dumps(values)


def _version(row: Row[Any]) -> LayerVersion:
    details = json.loads(row.details)
    for name, text in (
        ("CompatibleRuntimes", row.compatible_runtimes),
        ("CompatibleArchitectures", row.compatible_architectures),
    ):
        if text is not None:
            details[name] = json.loads(text)
    return LayerVersion(
        layer_name=row.layer_name,
        number=row.number,
        code=Code(row.code_digest, row.code_sha256, row.code_size_bytes),
        details=details,
        created=records.timestamp(row.created_at_ms),
        statements=json.loads(row.policy),
        policy_revision_id=row.policy_revision_id,
    )
