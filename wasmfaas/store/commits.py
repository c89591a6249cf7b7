"""Group commit: what many callers write at once is one transaction, and one sync."""

import asyncio
from collections.abc import Callable
from typing import Any, Final, TypeVar

from sqlalchemy import Connection

from wasmfaas.errors import WasmfaasError
from wasmfaas.store.database import Database

Result = TypeVar("Result")

_BATCH_MAX: Final = 256

_Pending = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]


class GroupCommit:
    """Runs what comes in while a transaction is under way in the next one, together. Lives as long
    as the server; used in its event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._pending: list[_Pending] = []
        self._committing: asyncio.Task[None] | None = None

    async def run(self, step: Callable[[Connection], Result]) -> Result:
        """The result of *step*, committed; it is done even where the caller is cancelled.

        A *step* that raises a WasmfaasError must have written nothing: others share its
        transaction. Raises that, and what `Database.run` raises; then nothing was written.
        """
        done: asyncio.Future[Result] = asyncio.get_running_loop().create_future()
        self._pending.append((step, done))
        if self._committing is None:
            self._committing = asyncio.ensure_future(self._commit_all())
        return await done

    async def close(self) -> None:
        """Finish what has been handed over."""
        if self._committing is not None:
            await self._committing

    async def _commit_all(self) -> None:
        while self._pending:
            batch, self._pending = self._pending[:_BATCH_MAX], self._pending[_BATCH_MAX:]
            results = await self._results(batch)
            for (_, done), (result, failure) in zip(batch, results, strict=True):
                if done.done():
                    continue
                if failure is None:
                    done.set_result(result)
                else:
                    done.set_exception(failure)
        self._committing = None

    async def _results(self, batch: list[_Pending]) -> list[tuple[Any, Exception | None]]:
        try:
            return await self._database.run(lambda connection: _run(connection, batch))
        except WasmfaasError as error:
            return [(None, error)] * len(batch)
        except Exception as error:
            if len(batch) == 1:
                return [(None, error)]
        # A defect of one is not to be that of all who happened to come with it.
        return [result for each in batch for result in await self._results([each])]


def _run(connection: Connection, batch: list[_Pending]) -> list[tuple[Any, Exception | None]]:
    results: list[tuple[Any, Exception | None]] = []
    for step, _ in batch:
        try:
            results.append((step(connection), None))
        except WasmfaasError as error:
            results.append((None, error))
    return results
