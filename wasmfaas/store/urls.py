"""Function URLs: of functions, and of aliases, which they outlive."""

import secrets
import string
from collections.abc import Callable, Mapping
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, select, update

from wasmfaas.errors import ResourceConflict, ResourceNotFound
from wasmfaas.models import FunctionUrl
from wasmfaas.store import aliases, paging, records
from wasmfaas.store.schema import FUNCTION_URLS
from wasmfaas.store.transactions import Transactions

_ID_ALPHABET: Final = string.ascii_lowercase + string.digits
_ID_LENGTH: Final = 32
_PAGE_MAX: Final = 10_000
#: Stands for the function itself in markers.
_OWN: Final = "$LATEST"

Configuration = Mapping[str, Any]


class FunctionUrls:
    """The function URLs of one installation. Lives as long as the server.

    A *qualifier* is the name of an alias, or None for the function's own URL. Every method that
    writes raises StorageFull where it cannot.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def create(
        self, name: str, qualifier: str | None, configuration: Configuration
    ) -> FunctionUrl:
        """A new URL of *configuration*. Raises ResourceNotFound where there is no such function or
        alias, ResourceConflict where it has a URL."""

        def transaction(connection: Connection) -> FunctionUrl:
            try:
                self._transactions.locked(connection, name)
            except ResourceNotFound:
                raise ResourceNotFound("Function does not exist") from None
            if _find(connection, *_is(name, qualifier)):
                raise ResourceConflict(
                    "Failed to create function url config for [functionArn = "
                    f"{self._transactions.arn(name, qualifier)}]. Error message:  "
                    "FunctionUrlConfig exists for this Lambda function"
                )
            if qualifier is not None and aliases.find(connection, name, qualifier) is None:
                raise ResourceNotFound("Function does not exist")
            row = {
                "id": "".join(secrets.choice(_ID_ALPHABET) for _ in range(_ID_LENGTH)),
                "function_name": name,
                "qualifier": qualifier or "",
                "configuration": records.to_json(configuration),
            }
            connection.execute(insert(FUNCTION_URLS).values(row))
            return _find(connection, *_is(name, qualifier))[0]

        return await self._transactions.change(name, transaction)

    async def find(self, name: str, qualifier: str | None = None) -> FunctionUrl | None:
        """The URL, if there is one. Raises ResourceNotFound for a function that does not exist."""

        def transaction(connection: Connection) -> FunctionUrl | None:
            self._transactions.function(connection, name)
            found = _find(connection, *_is(name, qualifier))
            return found[0] if found else None

        return await self._transactions.read(transaction)

    async def by_id(self, url_id: str) -> FunctionUrl:
        """The URL with *url_id*. Raises ResourceNotFound."""
        found = []
        if paging.storable(url_id):
            where = FUNCTION_URLS.c.id == url_id
            found = await self._transactions.read(lambda connection: _find(connection, where))
        if not found:
            raise ResourceNotFound("The function URL does not exist.")
        return found[0]

    async def update(
        self,
        name: str,
        qualifier: str | None,
        changed: Callable[[Configuration], Configuration],
    ) -> FunctionUrl:
        """The URL with what *changed* makes of its configuration; its id stays the same. Raises
        ResourceNotFound."""

        def transaction(connection: Connection) -> FunctionUrl:
            before = self._locked(connection, name, qualifier)
            configuration = records.to_json(changed(before.configuration))
            query = update(FUNCTION_URLS).where(*_is(name, qualifier))
            connection.execute(query.values(configuration=configuration))
            return _find(connection, *_is(name, qualifier))[0]

        return await self._transactions.change(name, transaction)

    async def delete(self, name: str, qualifier: str | None = None) -> None:
        """Take the URL away. Raises ResourceNotFound."""

        def transaction(connection: Connection) -> None:
            self._locked(connection, name, qualifier)
            connection.execute(delete(FUNCTION_URLS).where(*_is(name, qualifier)))

        await self._transactions.change(name, transaction)

    async def page(
        self, name: str, marker: str | None, limit: int
    ) -> tuple[list[FunctionUrl], str | None]:
        """The URLs of *name*, its own first, then by alias: at most *limit* of them, and the marker
        to go on with, or None. Raises ResourceNotFound for a function that does not exist,
        InvalidParameterValue for a marker that is not from here."""
        limit = max(1, min(limit, _PAGE_MAX))
        where = [FUNCTION_URLS.c.function_name == name]
        if marker is not None:
            last = paging.last_of(marker)
            where.append(FUNCTION_URLS.c.qualifier > ("" if last == _OWN else last))

        def transaction(connection: Connection) -> list[FunctionUrl]:
            self._transactions.function(connection, name)
            return _find(connection, *where, limit=limit + 1)

        found = await self._transactions.read(transaction)
        page = found[:limit]
        following = paging.marker(page[-1].qualifier or _OWN) if len(found) > limit else None
        return page, following

    def _locked(self, connection: Connection, name: str, qualifier: str | None) -> FunctionUrl:
        try:
            self._transactions.locked(connection, name)
        except ResourceNotFound:
            raise not_there() from None
        found = _find(connection, *_is(name, qualifier))
        if not found:
            raise not_there()
        return found[0]


def not_there() -> ResourceNotFound:
    """Lambda's error for a URL that does not exist."""
    return ResourceNotFound("The resource you requested does not exist.")


def _is(name: str, qualifier: str | None) -> list[ColumnElement[bool]]:
    return [FUNCTION_URLS.c.function_name == name, FUNCTION_URLS.c.qualifier == (qualifier or "")]


def _find(
    connection: Connection, *where: ColumnElement[bool], limit: int | None = None
) -> list[FunctionUrl]:
    query = select(FUNCTION_URLS).where(*where).order_by(FUNCTION_URLS.c.qualifier).limit(limit)
    return [
        FunctionUrl(
            function_name=row.function_name,
            qualifier=row.qualifier or None,
            id=row.id,
            configuration=records.from_json(row.configuration),
        )
        for row in connection.execute(query)
    ]
