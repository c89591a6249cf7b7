"""What is attached to a function beside its code: its policy, its concurrency, how it is invoked.

Each is one JSON object, by function, qualifier and kind. The qualifier is that of a version or an
alias; for the function's name itself it is empty.
"""

import enum
import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, select, update

from wasmfaas.errors import PreconditionFailed
from wasmfaas.models import LATEST
from wasmfaas.policy import Policy
from wasmfaas.store import database, paging, records
from wasmfaas.store.schema import ALIASES, ATTACHMENTS, FUNCTIONS, VERSIONS
from wasmfaas.store.transactions import Transactions

Value = Mapping[str, Any]
Changed = Callable[[Value | None], Value | None]


#: The member of a reservation that says how much.
RESERVED: Final = "ReservedConcurrentExecutions"


#: The member of a provision that says how much.
PROVISIONED: Final = "ProvisionedConcurrentExecutions"


class Kind(enum.StrEnum):
    """What can be attached; each at most once."""

    POLICY = "policy"
    RESERVED_CONCURRENCY = "reserved-concurrency"
    PROVISIONED_CONCURRENCY = "provisioned-concurrency"
    EVENT_INVOKE = "event-invoke"
    RECURSION = "recursion"
    RUNTIME_MANAGEMENT = "runtime-management"
    PERMISSIONS = "permissions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One attachment as it is stored."""

    function_name: str
    qualifier: str
    value: Value
    modified_at_ms: int


class Attachments:
    """The attachments of all functions; they go with their function. Lives as long as the server.

    Every method that writes raises StorageFull where it cannot, and ResourceNotFound for a function
    that does not exist.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def get(self, name: str, kind: Kind, qualifier: str = "") -> Attachment | None:
        """What is attached, whether the function exists or not."""
        if not (paging.storable(name) and paging.storable(qualifier)):
            return None
        where = _place(name, kind, qualifier)
        found = await self._transactions.read(lambda connection: _load(connection, *where))
        return found[0] if found else None

    async def policy(self, name: str, qualifier: str = "") -> Policy | None:
        """The policy of a function, or of one version or alias of it."""
        found = await self.get(name, Kind.POLICY, qualifier)
        return None if found is None else Policy.of(found.value)

    async def reserved_concurrency(self, name: str) -> int | None:
        """How many invocations of a function may be under way at once; None for no limit."""
        found = await self.get(name, Kind.RESERVED_CONCURRENCY)
        return None if found is None else int(found.value[RESERVED])

    async def reservations(self) -> dict[str, int]:
        """Reserved concurrency, of each function that has any."""
        found = await self.of_kind(Kind.RESERVED_CONCURRENCY)
        return {each.function_name: int(each.value[RESERVED]) for each in found}

    async def provisioned_concurrency(self, name: str) -> dict[str, int]:
        """How many sandboxes of a function are to be ready, by qualifier."""
        found = await self.of_function(name, Kind.PROVISIONED_CONCURRENCY)
        return {each.qualifier: int(each.value[PROVISIONED]) for each in found}

    async def provisioned_functions(self) -> list[str]:
        """The functions of which sandboxes are to be ready."""
        found = await self.of_kind(Kind.PROVISIONED_CONCURRENCY)
        return sorted({each.function_name for each in found})

    async def claimed(self, but: str | None = None) -> int:
        """The concurrency that functions, but one, have to themselves: reserved, or provisioned
        without a reservation."""
        reserved = await self.reservations()
        provisioned = await self.of_kind(Kind.PROVISIONED_CONCURRENCY)
        claims = [(name, count) for name, count in reserved.items()] + [
            (each.function_name, int(each.value[PROVISIONED]))
            for each in provisioned
            if each.function_name not in reserved
        ]
        return sum(count for name, count in claims if name != but)

    async def revised(self, name: str, kind: Kind, qualifier: str = "") -> tuple[Value, str] | None:
        """What is attached, and the revision that `revise` compares with."""
        if not (paging.storable(name) and paging.storable(qualifier)):
            return None

        def transaction(connection: Connection) -> tuple[Value, str] | None:
            found = _load(connection, *_place(name, kind, qualifier))
            return (found[0].value, self._lock(connection, name, qualifier)) if found else None

        return await self._transactions.read(transaction)

    async def of_function(self, name: str, kind: Kind) -> list[Attachment]:
        """All of one kind that hangs on *name*, by qualifier."""
        if not paging.storable(name):
            return []
        where = ATTACHMENTS.c.function_name == name, ATTACHMENTS.c.kind == kind
        return await self._transactions.read(lambda connection: _load(connection, *where))

    async def of_kind(self, kind: Kind) -> list[Attachment]:
        """All of one kind, by function and qualifier."""
        return await self._transactions.read(
            lambda connection: _load(connection, ATTACHMENTS.c.kind == kind)
        )

    async def change(
        self, name: str, kind: Kind, qualifier: str, changed: Changed
    ) -> Attachment | None:
        """Attach what *changed* makes of what is attached, or nothing where it makes None.

        *changed* may raise, and then nothing is changed.
        """

        def transaction(connection: Connection) -> Attachment | None:
            self._transactions.locked(connection, name)
            return _change(connection, name, kind, qualifier, changed)

        return await self._transactions.change(name, transaction)

    async def revise(
        self, name: str, kind: Kind, qualifier: str, changed: Changed, asked: str | None
    ) -> str:
        """As `change`, with a new revision of the function, the version or the alias, which is
        returned.

        Raises PreconditionFailed where *asked* is not its revision.
        """

        def transaction(connection: Connection) -> str:
            current = self._lock(connection, name, qualifier)
            if asked is not None and asked != current:
                raise PreconditionFailed(
                    "The Revision Id provided does not match the latest Revision Id. Call the "
                    "GetPolicy API to retrieve the latest Revision Id"
                )
            _change(connection, name, kind, qualifier, changed)
            revision_id = str(uuid.uuid4())
            table, where = _revised(name, qualifier)
            connection.execute(update(table).where(*where).values(revision_id=revision_id))
            return revision_id

        return await self._transactions.change(name, transaction)

    def _lock(self, connection: Connection, name: str, qualifier: str = "") -> str:
        """The revision of what *qualifier* says of the function, which no other node can change
        meanwhile."""
        function = self._transactions.locked(connection, name)
        if qualifier in ("", LATEST):
            return function.revision_id
        table, where = _revised(name, qualifier)
        found = connection.execute(select(table.c.revision_id).where(*where)).scalar_one_or_none()
        if found is None:
            raise self._transactions.missing(name, qualifier)
        return str(found)


def remove_all(connection: Connection, name: str, qualifier: str) -> None:
    """Take away all that hangs on a version or an alias, which is being deleted."""
    connection.execute(
        delete(ATTACHMENTS).where(
            ATTACHMENTS.c.function_name == name, ATTACHMENTS.c.qualifier == qualifier
        )
    )


def _revised(name: str, qualifier: str) -> tuple[Table, tuple[ColumnElement[bool], ...]]:
    """Where the revision of what *qualifier* says of the function is kept."""
    if qualifier in ("", LATEST):
        return FUNCTIONS, (FUNCTIONS.c.name == name,)
    if qualifier.isdecimal():
        number = int(qualifier[:9])
        return VERSIONS, (VERSIONS.c.function_name == name, VERSIONS.c.number == number)
    return ALIASES, (ALIASES.c.function_name == name, ALIASES.c.name == qualifier)


def _change(
    connection: Connection, name: str, kind: Kind, qualifier: str, changed: Changed
) -> Attachment | None:
    place = _place(name, kind, qualifier)
    before = _load(connection, *place)
    value = changed(before[0].value if before else None)
    connection.execute(delete(ATTACHMENTS).where(*place))
    if value is None:
        return None
    now = database.now_ms(connection)
    row = {
        "function_name": name,
        "qualifier": qualifier,
        "kind": kind,
        "value": records.to_json(value),
        "modified_at_ms": now,
    }
    connection.execute(insert(ATTACHMENTS).values(row))
    return Attachment(function_name=name, qualifier=qualifier, value=value, modified_at_ms=now)


def _place(name: str, kind: Kind, qualifier: str) -> tuple[ColumnElement[bool], ...]:
    columns = ATTACHMENTS.c
    return columns.function_name == name, columns.kind == kind, columns.qualifier == qualifier


def _load(connection: Connection, *where: ColumnElement[bool]) -> list[Attachment]:
    columns = ATTACHMENTS.c
    query = select(ATTACHMENTS).where(*where).order_by(columns.function_name, columns.qualifier)
    return [
        Attachment(
            function_name=row.function_name,
            qualifier=row.qualifier,
            value=json.loads(row.value),
            modified_at_ms=row.modified_at_ms,
        )
        for row in connection.execute(query)
    ]
