"""Webhook triggers, as the database keeps them: all but their secrets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from wasmfaas.errors import ResourceConflict, ResourceNotFound
from wasmfaas.hooks.definitions import NAME, Definition
from wasmfaas.store import database, records
from wasmfaas.store.database import Database
from wasmfaas.store.hook_tables import HOOKS
from wasmfaas.store.schema import FUNCTIONS

HOOKS_MAX: Final = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """One webhook. Times are Unix time in milliseconds."""

    name: str
    #: Other than any that there was of the same name before.
    id: str
    definition: Definition
    #: Whether a deploy made it.
    is_declared: bool
    created_at_ms: int
    modified_at_ms: int


class Hooks:
    """The webhooks of one database; they go with their functions. Lives as long as the server.

    *clock* gives the database's time in Unix milliseconds. Every method that writes raises
    StorageFull where it cannot.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[Connection], int] = database.now_ms,
        *,
        hooks_max: int = HOOKS_MAX,
    ) -> None:
        self._database = database
        self._clock = clock
        self._hooks_max = hooks_max

    async def add(self, hook_id: str, name: str, wanted: Definition, *, is_declared: bool) -> Hook:
        """A new webhook. Raises ResourceConflict where the name is taken or there are too many,
        ResourceNotFound where its function is not there."""

        def transaction(connection: Connection) -> Hook:
            if _found(connection, HOOKS.c.name == name):
                raise ResourceConflict(f"There is a webhook {name} already.")
            count = connection.execute(select(func.count()).select_from(HOOKS)).scalar_one()
            if count >= self._hooks_max:
                raise ResourceConflict(
                    f"There are {count} webhooks, and at most {self._hooks_max} may be. Delete "
                    "some of them."
                )
            _check_function(connection, wanted.function)
            now = self._clock(connection)
            row = _values(wanted, is_declared) | {
                "name": name, "id": hook_id, "created_at_ms": now, "modified_at_ms": now,
            }  # fmt: skip
            connection.execute(insert(HOOKS).values(row))
            return _found(connection, HOOKS.c.name == name)[0]

        return await self._database.run(transaction)

    async def change(self, name: str, wanted: Definition, *, is_declared: bool) -> Hook:
        """The webhook as it is wanted now; its function stays the same one. Raises
        ResourceNotFound, and ResourceConflict for another function."""

        def transaction(connection: Connection) -> Hook:
            before = _only(connection, name)
            if before.definition.function != wanted.function:
                raise ResourceConflict(
                    f"The webhook {name} is one of the function {before.definition.function}. "
                    "Delete it, or choose another name."
                )
            values = _values(wanted, is_declared) | {"modified_at_ms": self._clock(connection)}
            connection.execute(update(HOOKS).where(HOOKS.c.name == name).values(values))
            return _only(connection, name)

        return await self._database.run(transaction)

    async def get(self, name: str) -> Hook:
        """The webhook called *name*. Raises ResourceNotFound."""
        return await self._database.run(lambda connection: _only(connection, name))

    async def all(self, function: str | None = None) -> list[Hook]:
        """All of them, or those of one function, by name."""
        where = [] if function is None else [HOOKS.c.function_name == function]
        if function is not None and not NAME.fullmatch(function):
            return []
        return await self._database.run(lambda connection: _found(connection, *where))

    async def delete(self, name: str) -> Hook:
        """Take it away. Raises ResourceNotFound."""

        def transaction(connection: Connection) -> Hook:
            hook = _only(connection, name)
            connection.execute(delete(HOOKS).where(HOOKS.c.name == name))
            return hook

        return await self._database.run(transaction)

    async def ids(self) -> set[str]:
        """The ids of all."""
        query = select(HOOKS.c.id)
        return await self._database.run(
            lambda connection: set(connection.execute(query).scalars().all())
        )


def _check_function(connection: Connection, name: str) -> None:
    query = select(FUNCTIONS.c.name).where(FUNCTIONS.c.name == name).with_for_update()
    if connection.execute(query).first() is None:
        raise ResourceNotFound(f"There is no function {name}.")


def _values(wanted: Definition, is_declared: bool) -> dict[str, Any]:
    return {
        "function_name": wanted.function,
        "definition": records.to_json(wanted.document()),
        "is_declared": is_declared,
    }


def _only(connection: Connection, name: str) -> Hook:
    found = _found(connection, HOOKS.c.name == name) if NAME.fullmatch(name) else []
    if not found:
        raise ResourceNotFound(f"There is no webhook {name[:64]!a}.")
    return found[0]


def _found(connection: Connection, *where: ColumnElement[bool]) -> list[Hook]:
    rows = connection.execute(select(HOOKS).where(*where).order_by(HOOKS.c.name))
    return [_hook(row) for row in rows]


def _hook(row: Row[Any]) -> Hook:
    return Hook(
        name=row.name,
        id=row.id,
        definition=Definition.of(records.from_json(row.definition)),
        is_declared=row.is_declared,
        created_at_ms=row.created_at_ms,
        modified_at_ms=row.modified_at_ms,
    )
