"""Functions by name: what is served, what is on its way, and every change from one to the other.

A function has one row; its deployments hang on it in slots. Every method is one transaction, so
that a reader, or a server that starts after a kill, finds the function before or after it.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, TypeVar

from sqlalchemy import Connection, delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from wasmfaas.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from wasmfaas.models import LATEST, Function, PackageKind, Route, State, UpdateStatus, Version
from wasmfaas.store import aliases, database, paging, records, references, versions
from wasmfaas.store.aliases import Aliases
from wasmfaas.store.attachments import Attachments
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.event_sources import EventSourceMappings
from wasmfaas.store.schema import DEPLOYMENTS, FUNCTIONS
from wasmfaas.store.transactions import Transactions
from wasmfaas.store.urls import FunctionUrls
from wasmfaas.store.versions import Versions

Result = TypeVar("Result")

_TAGS_MAX: Final = 50
_PAGE_MAX: Final = 10_000
_IN_PROGRESS: Final = or_(
    FUNCTIONS.c.state == State.PENDING,
    FUNCTIONS.c.last_update_status == UpdateStatus.IN_PROGRESS,
)


def _ignore(name: str) -> None:
    pass


class Registry:
    """The functions of one installation. Lives as long as the server.

    *arn* makes the ARN that error messages name a function by. *on_change* is called in the event
    loop with the name of a function after a change to it is committed, even where the caller of the
    change has been cancelled meanwhile.

    Every method raises StorageFull where it cannot write, and, where it takes the name of a
    function that must exist, ResourceNotFound.
    """

    def __init__(
        self,
        database: Database,
        arn: Callable[[str], str],
        on_change: Callable[[str], None] = _ignore,
    ) -> None:
        self._transactions = Transactions(database, arn, on_change)
        self.versions = Versions(self._transactions)
        self.aliases = Aliases(self._transactions)
        self.urls = FunctionUrls(self._transactions)
        self.attachments = Attachments(self._transactions)
        self.event_sources = EventSourceMappings(database)

    async def create(
        self,
        configuration: Mapping[str, Any],
        code: Code,
        tags: Mapping[str, str],
        publish: bool = False,
    ) -> Function:
        """Enter the function that *configuration* names, in state Pending; with *publish*, also as
        its first version.

        Raises ResourceConflict where there is one of that name, InvalidParameterValue for more than
        50 tags.
        """
        name = str(configuration["FunctionName"])
        _check_tags(tags)

        def transaction(connection: Connection) -> Function:
            now = database.now_ms(connection)
            row = {
                "name": name,
                "modified_at_ms": now,
                "tags": records.to_json(tags),
                "version_next": versions.first_number(connection, name),
            }
            try:
                connection.execute(insert(FUNCTIONS).values(row | records.creation_pending()))
            except IntegrityError:
                raise ResourceConflict(f"Function already exist: {name}") from None
            records.propose(connection, name, configuration, code, now)
            return self._published(connection, name, publish)

        return await self._change(name, transaction)

    async def require(self, name: str, qualifier: str | None = None) -> Version:
        """The version that *qualifier* (a version or an alias; None for `$LATEST`) stands for; of
        an alias for two, the one that is not weighted. Raises ResourceNotFound."""
        return (await self.route(name, qualifier)).version

    async def describe(self, name: str, qualifier: str | None) -> tuple[Function, Version]:
        """The function, and the version of it as `require` tells it. Raises ResourceNotFound."""

        def transaction(connection: Connection) -> tuple[Function, Version]:
            function = self._transactions.function(connection, name, qualifier)
            return function, self._route(connection, function, qualifier).version

        return await self._transactions.read(transaction)

    async def route(self, name: str, qualifier: str | None = None) -> Route:
        """Where the invocations of *qualifier* (a version or an alias; None for `$LATEST`) go. A
        version gets a share only while it is served.
        Raises ResourceNotFound."""

        def transaction(connection: Connection) -> Route:
            function = self._transactions.function(connection, name, qualifier)
            return self._route(connection, function, qualifier)

        return await self._transactions.read(transaction)

    async def get(self, name: str) -> Function:
        """The function with *name*."""
        return await self._transactions.read(lambda connection: self._function(connection, name))

    async def list_functions(
        self, marker: str | None, limit: int
    ) -> tuple[list[Function], str | None]:
        """Functions by name, at most *limit* of them, and the marker to go on with, or None.

        Raises InvalidParameterValue for a marker that is not from here.
        """
        limit = max(1, min(limit, _PAGE_MAX))
        after = None if marker is None else paging.last_of(marker)

        def transaction(connection: Connection) -> list[Function]:
            where = [] if after is None else [FUNCTIONS.c.name > after]
            return records.load(connection, *where, limit=limit + 1)

        found = await self._transactions.read(transaction)
        page = found[:limit]
        return page, paging.marker(page[-1].name) if len(found) > limit else None

    async def pending(self) -> list[Function]:
        """Functions with a deployment on its way: what a server goes on with when it starts."""
        return await self._transactions.read(
            lambda connection: records.load(connection, _IN_PROGRESS)
        )

    async def update(
        self,
        name: str,
        *,
        configuration: Mapping[str, Any] | None = None,
        code: Code | None = None,
        revision_id: str | None = None,
        publish: bool = False,
    ) -> Function:
        """Propose a new deployment of *name*: *configuration* (complete), *code*, or both; what is
        None stays as it is. The active deployment is served until the new one is activated. With
        *publish*, it is a version as well.

        Raises PreconditionFailed where *revision_id* is not the latest, ResourceConflict while
        another change is on its way.
        """

        def transaction(connection: Connection) -> Function:
            before = self._locked(connection, name)
            self.check_updatable(before, revision_id)
            shown, now = before.shown, database.now_ms(connection)
            same_code = Code(shown.code_digest, shown.code_sha256, shown.code_size_bytes)
            new_configuration = shown.configuration if configuration is None else configuration
            records.vacate(connection, name, records.PENDING)
            records.propose(connection, name, new_configuration, code or same_code, now)
            pending = (
                records.creation_pending() if before.active is None else records.update_pending()
            )
            records.amend(connection, name, pending | {"modified_at_ms": now})
            return self._published(connection, name, publish)

        return await self._change(name, transaction)

    def check_updatable(self, function: Function, revision_id: str | None = None) -> None:
        """Raise what `update` raises for *function* as it is."""
        self._transactions.check_updatable(function, revision_id)

    async def activate(
        self, name: str, deployment_id: str, kind: PackageKind, artefact_name: str
    ) -> Function | None:
        """Serve the pending deployment from now on; None where it is not pending any more."""

        def transaction(connection: Connection) -> Function | None:
            if not self._is_pending(connection, name, deployment_id):
                return None
            records.vacate(connection, name, records.ACTIVE)
            connection.execute(
                update(DEPLOYMENTS)
                .where(DEPLOYMENTS.c.id == deployment_id)
                .values(slot=records.ACTIVE, kind=kind, artefact=artefact_name)
            )
            versions.settle(connection, name, kind, artefact_name)
            records.amend(connection, name, records.succeeded())
            return self._function(connection, name)

        return await self._change(name, transaction)

    async def fail(
        self, name: str, deployment_id: str, reason: str, reason_code: str
    ) -> Function | None:
        """Give the pending deployment up; None where it is not pending any more.

        What was active stays so. Where nothing was, the function is Failed and keeps the deployment
        for show, until an update or its deletion.
        """

        def transaction(connection: Connection) -> Function | None:
            if not self._is_pending(connection, name, deployment_id):
                return None
            versions.give_up(connection, name, reason, reason_code)
            if self._function(connection, name).active is None:
                records.amend(connection, name, records.creation_failed(reason, reason_code))
            else:
                records.vacate(connection, name, records.PENDING)
                records.amend(connection, name, records.update_failed(reason, reason_code))
            return self._function(connection, name)

        return await self._change(name, transaction)

    async def delete(self, name: str) -> None:
        """Remove the function and all that hangs on it."""

        def transaction(connection: Connection) -> None:
            self._locked(connection, name)
            versions.remember_numbers(connection, name)
            connection.execute(delete(FUNCTIONS).where(FUNCTIONS.c.name == name))

        await self._change(name, transaction)

    async def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Add *tags*, or give them new values.

        Raises InvalidParameterValue where the function would have more than 50.
        """

        def transaction(connection: Connection) -> None:
            merged = dict(self._locked(connection, name).tags) | dict(tags)
            _check_tags(merged)
            records.amend(connection, name, {"tags": records.to_json(merged)})

        await self._change(name, transaction)

    async def untag(self, name: str, keys: list[str]) -> None:
        """Remove the tags with *keys*, as far as they are there."""

        def transaction(connection: Connection) -> None:
            tags = self._locked(connection, name).tags
            kept = {key: value for key, value in tags.items() if key not in keys}
            records.amend(connection, name, {"tags": records.to_json(kept)})

        await self._change(name, transaction)

    async def totals(self) -> tuple[int, int]:
        """How many functions there are, and the bytes of all packages: of functions, of their
        versions, and of versions of layers."""

        def transaction(connection: Connection) -> tuple[int, int]:
            count = connection.scalar(select(func.count()).select_from(FUNCTIONS))
            return int(count or 0), references.code_bytes(connection)

        return await self._transactions.read(transaction)

    async def code_digests_in_use(self) -> set[str]:
        """Names of the blobs and trees that any deployment or layer refers to."""
        return await self._transactions.read(references.code_digests)

    async def artefact_names(self) -> set[str]:
        """Names of the artefacts of all deployments."""
        query = select(DEPLOYMENTS.c.artefact).where(DEPLOYMENTS.c.artefact.is_not(None))
        return await self._transactions.read(lambda connection: set(connection.scalars(query)))

    async def deployment_ids(self) -> set[str]:
        """Ids of all deployments that a function refers to."""
        query = select(DEPLOYMENTS.c.id)
        return await self._transactions.read(lambda connection: set(connection.scalars(query)))

    async def _change(self, name: str, transaction: Callable[[Connection], Result]) -> Result:
        return await self._transactions.change(name, transaction)

    def _function(self, connection: Connection, name: str) -> Function:
        return self._transactions.function(connection, name)

    def _locked(self, connection: Connection, name: str) -> Function:
        return self._transactions.locked(connection, name)

    def _published(self, connection: Connection, name: str, publish: bool) -> Function:
        """The function, its pending deployment made a version as well if *publish*."""
        function = self._function(connection, name)
        if not publish:
            return function
        version = versions.publish(connection, function.shown, State.PENDING)
        return replace(self._function(connection, name), published=version)

    def _route(self, connection: Connection, function: Function, qualifier: str | None) -> Route:
        if qualifier in (None, LATEST):
            return Route(function.latest)
        alias = aliases.find(connection, function.name, qualifier)
        if alias is None:
            return Route(self._version(connection, function, qualifier))
        version = self._version(connection, function, alias.version)
        for number, weight in alias.weights.items():
            additional = self._version(connection, function, number)
            # Until it is served, and if it never is, the other version takes its share.
            if additional.served is not None:
                return Route(version, additional, weight)
        return Route(version)

    def _version(self, connection: Connection, function: Function, number: str) -> Version:
        if number == LATEST:
            return function.latest
        version = versions.find(connection, function.name, number)
        if version is None:
            raise self._transactions.missing(function.name, number)
        return version

    def _is_pending(self, connection: Connection, name: str, deployment_id: str) -> bool:
        try:
            function = self._locked(connection, name)
        except ResourceNotFound:
            return False
        return function.pending is not None and function.pending.id == deployment_id


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > _TAGS_MAX:
        raise InvalidParameterValue("Number of tags exceeds resource tag limit.")
