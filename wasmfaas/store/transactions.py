"""Transactions on functions, which are looked up in them, locked, and told of when they change."""

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from sqlalchemy import Connection, select

from wasmfaas.errors import PreconditionFailed, ResourceConflict, ResourceNotFound
from wasmfaas.models import Function, State, UpdateStatus
from wasmfaas.store import paging, records
from wasmfaas.store.database import Database
from wasmfaas.store.schema import FUNCTIONS

Result = TypeVar("Result")


class Transactions:
    """What the parts of the registry share. Lives as long as the server.

    *arn* and *on_change* are the registry's.
    """

    def __init__(
        self, database: Database, arn: Callable[[str], str], on_change: Callable[[str], None]
    ) -> None:
        self._database = database
        self._arn = arn
        self._on_change = on_change

    def arn(self, name: str, qualifier: str | None = None) -> str:
        """The ARN of *name*, qualified if *qualifier* is given."""
        return self._arn(name) if qualifier is None else f"{self._arn(name)}:{qualifier}"

    async def read(self, transaction: Callable[[Connection], Result]) -> Result:
        """The result of *transaction*, which changes nothing."""
        return await self._database.run(transaction)

    async def change(self, name: str, transaction: Callable[[Connection], Result]) -> Result:
        """The result of *transaction*, which changes the function *name*. It is committed, and the
        change told, even where the caller is cancelled meanwhile."""
        running = asyncio.ensure_future(self._database.run(transaction))
        running.add_done_callback(lambda done: self._changed(name, done))
        return await asyncio.shield(running)

    def function(self, connection: Connection, name: str, qualifier: str | None = None) -> Function:
        """The function. Raises ResourceNotFound, which names it with *qualifier*."""
        found = records.load(connection, FUNCTIONS.c.name == name) if paging.storable(name) else []
        if not found:
            raise self.missing(name, qualifier)
        return found[0]

    def locked(self, connection: Connection, name: str, qualifier: str | None = None) -> Function:
        """The function, no other node being able to change it before this transaction ends."""
        if paging.storable(name):
            query = select(FUNCTIONS.c.name).where(FUNCTIONS.c.name == name).with_for_update()
            connection.execute(query)
        return self.function(connection, name, qualifier)

    def missing(self, name: str, qualifier: str | None = None) -> ResourceNotFound:
        """Lambda's error for a function, a version or an alias that is not there."""
        return ResourceNotFound(f"Function not found: {self.arn(name, qualifier)}")

    def check_updatable(self, function: Function, revision_id: str | None = None) -> None:
        """Raise PreconditionFailed where *revision_id* is given and not that of *function*, and
        ResourceConflict while a change of it is on its way."""
        check_revision(revision_id, function.revision_id)
        if function.state == State.PENDING:
            raise ResourceConflict(
                "The operation cannot be performed at this time. The function is currently in the "
                "following state: Pending"
            )
        if function.last_update_status == UpdateStatus.IN_PROGRESS:
            raise ResourceConflict(
                "The operation cannot be performed at this time. An update is in progress for "
                f"resource: {self.arn(function.name)}"
            )

    def _changed(self, name: str, done: "asyncio.Future[Any]") -> None:
        if not done.cancelled() and done.exception() is None:
            self._on_change(name)


def check_revision(asked: str | None, current: str) -> None:
    """Raise PreconditionFailed where a request names another revision than the current one."""
    if asked is not None and asked != current:
        raise PreconditionFailed(
            "The Revision Id provided does not match the latest Revision Id. Call the "
            "GetFunction/GetAlias API to retrieve the latest Revision Id"
        )
