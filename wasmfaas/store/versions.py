"""Published versions: what `$LATEST` was when somebody gave it a number.

A version has a deployment of its own, in the slot of its number, so that its code is kept and it is
served while `$LATEST` changes. Numbers are given once: not again after a version is
deleted, nor to another function of the same name.
"""

import json
import uuid
from collections import defaultdict
from collections.abc import Iterator
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, insert, or_, select, update

from wasmfaas.errors import InvalidParameterValue, ResourceConflict
from wasmfaas.models import Deployment, Function, PackageKind, State, UpdateStatus, Version
from wasmfaas.store import attachments, database, paging, records
from wasmfaas.store.code import Code
from wasmfaas.store.schema import ALIASES, DEPLOYMENTS, FORMER_FUNCTIONS, FUNCTIONS, VERSIONS
from wasmfaas.store.transactions import Transactions

_NUMBER_LENGTH_MAX: Final = 9
_PAGE_MAX: Final = 10_000
#: Columns of both tables, of which each version has a row.
_COLUMNS: Final = select(
    VERSIONS, *(column for column in DEPLOYMENTS.c if column.name != "function_name")
).join(DEPLOYMENTS, VERSIONS.c.deployment_id == DEPLOYMENTS.c.id)


class Versions:
    """The versions of functions. Lives as long as the server.

    Every method raises StorageFull where it cannot write, and ResourceNotFound for a function that
    does not exist.
    """

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def publish(
        self,
        name: str,
        description: str | None = None,
        code_sha256: str | None = None,
        revision_id: str | None = None,
    ) -> Version:
        """`$LATEST` of *name* as a version; the newest one where nothing has changed since.

        *description* replaces the function's. Raises PreconditionFailed where *revision_id* is not
        the latest, InvalidParameterValue where *code_sha256* is not that of `$LATEST`, and
        ResourceConflict while a change is on its way.
        """

        def transaction(connection: Connection) -> Version:
            function = self._transactions.locked(connection, name)
            self._transactions.check_updatable(function, revision_id)
            deployment = function.active
            if deployment is None:
                raise not_active(function.state)
            if code_sha256 not in (None, deployment.code_sha256):
                raise InvalidParameterValue(
                    f"CodeSHA256 ({code_sha256}) is different from current CodeSHA256 in $LATEST "
                    f"({deployment.code_sha256}). Please try again with the CodeSHA256 in $LATEST."
                )
            return publish(connection, deployment, State.ACTIVE, description)

        return await self._transactions.change(name, transaction)

    async def page(
        self, name: str | None, marker: str | None, limit: int
    ) -> tuple[list[Version], str | None]:
        """The versions of *name* or, where that is None, of every function: `$LATEST` first, then
        from the oldest to the newest; at most *limit* of them, and the marker to go on with, or
        None. Raises InvalidParameterValue for a marker that is not from here."""
        limit = max(1, min(limit, _PAGE_MAX))
        after = ("", 0) if marker is None else paging.place_of(marker)

        def transaction(connection: Connection) -> list[tuple[str, int, Version]]:
            if name is not None:
                self._transactions.function(connection, name)
            published = _published_after(connection, name, after, limit + 1)
            # What is left of the function that the marker names comes first.
            places = published.pop(after[0], [])
            for function in _functions_after(connection, name, after[0], limit + 1):
                places.append((function.name, 1, function.latest))
                places += published.get(function.name, [])
            return places

        found = await self._transactions.read(transaction)
        page = found[:limit]
        following = paging.marker("{}:{}".format(*page[-1][:2])) if len(found) > limit else None
        return [version for _, _, version in page], following

    async def newest(self, name: str) -> Version | None:
        """The version that was published last, unless it has been deleted."""

        def transaction(connection: Connection) -> Version | None:
            self._transactions.function(connection, name)
            return find(connection, name, str(_numbering(connection, name)[0] - 1))

        return await self._transactions.read(transaction)

    async def delete(self, name: str, number: str) -> None:
        """Remove a version, if it is there. Raises ResourceConflict where an alias refers to it."""

        def transaction(connection: Connection) -> None:
            self._transactions.locked(connection, name, number)
            aliases = [alias for alias, versions in _referring(connection, name)
                       if number in versions]  # fmt: skip
            if aliases:
                raise ResourceConflict(
                    "Unable to delete version because the following aliases reference it: "
                    f"[{', '.join(aliases)}]"
                )
            # The version goes along.
            records.vacate(connection, name, number)
            attachments.remove_all(connection, name, number)

        await self._transactions.change(name, transaction)


def find(connection: Connection, name: str, number: str) -> Version | None:
    """The published version with *number*, if there is one."""
    if not number.isdecimal() or len(number) > _NUMBER_LENGTH_MAX or str(int(number)) != number:
        return None
    query = _COLUMNS.where(VERSIONS.c.function_name == name, VERSIONS.c.number == int(number))
    row = connection.execute(query).one_or_none()
    return None if row is None else _version(row)


def publish(
    connection: Connection, latest: Deployment, state: State, description: str | None = None
) -> Version:
    """Give *latest*, which is or will be served as `$LATEST`, a number; where the newest version is
    the same, and has not failed, return that instead. *state* is Active, or Pending until
    `settle`."""
    name = latest.function_name
    number, modified_at_ms = _numbering(connection, name)
    newest = find(connection, name, str(number - 1))
    if newest is not None and _is_same(connection, newest, latest):
        return newest
    now = database.now_ms(connection)
    code = Code(latest.code_digest, latest.code_sha256, latest.code_size_bytes)
    deployment_id = records.propose(
        connection, name, latest.configuration, code, now, str(number), latest.kind, latest.artefact
    )
    if description is None:
        description = latest.configuration.get("Description", "")
    reason, reason_code = records.CREATING if state is State.PENDING else (None, None)
    row = {
        "function_name": name,
        "number": number,
        "deployment_id": deployment_id,
        "description": json.dumps(description),
        "state": state,
        "state_reason": reason,
        "state_reason_code": reason_code,
        "revision_id": str(uuid.uuid4()),
        # As a part of what is frozen.
        "modified_at_ms": modified_at_ms,
    }
    connection.execute(insert(VERSIONS).values(row))
    # Lambda gives `$LATEST` a new revision as well.
    changes = {"version_next": number + 1, "revision_id": str(uuid.uuid4())}
    records.amend(connection, name, changes)
    published = find(connection, name, str(number))
    assert published is not None, "it has just been inserted"
    return published


def first_number(connection: Connection, name: str) -> int:
    """The number of the first version of a function that is being created."""
    query = select(FORMER_FUNCTIONS.c.version_next).where(FORMER_FUNCTIONS.c.name == name)
    return connection.execute(query).scalar_one_or_none() or 1


def remember_numbers(connection: Connection, name: str) -> None:
    """Keep for `first_number` which numbers *name* has given, which is being deleted."""
    number, _ = _numbering(connection, name)
    if number > 1:
        connection.execute(delete(FORMER_FUNCTIONS).where(FORMER_FUNCTIONS.c.name == name))
        connection.execute(insert(FORMER_FUNCTIONS).values(name=name, version_next=number))


def settle(connection: Connection, name: str, kind: PackageKind, artefact_name: str) -> None:
    """The deployment of `$LATEST` is active, and so is the version that it was published as."""
    pending = _is_pending(name)
    ids = select(VERSIONS.c.deployment_id).where(pending)
    connection.execute(
        update(DEPLOYMENTS)
        .where(DEPLOYMENTS.c.id.in_(ids))
        .values(kind=kind, artefact=artefact_name)
    )
    _settle(connection, pending, State.ACTIVE, None, None)


def give_up(connection: Connection, name: str, reason: str, code: str) -> None:
    """The deployment of `$LATEST` has failed, and so has the version that it was published as."""
    _settle(connection, _is_pending(name), State.FAILED, reason, code)


def not_active(state: State) -> ResourceConflict:
    """Lambda's error for what cannot be done with a version that is not served."""
    return ResourceConflict(
        "The operation cannot be performed at this time. The function is currently in the "
        f"following state: {state}"
    )


def _numbering(connection: Connection, name: str) -> tuple[int, int]:
    """The number of the version to come, and when `$LATEST` was modified."""
    query = select(FUNCTIONS.c.version_next, FUNCTIONS.c.modified_at_ms)
    number, modified_at_ms = connection.execute(query.where(FUNCTIONS.c.name == name)).one()
    return int(number), int(modified_at_ms)


def _settle(
    connection: Connection,
    pending: ColumnElement[bool],
    state: State,
    reason: str | None,
    code: str | None,
) -> None:
    changes = {
        "state": state,
        "state_reason": records.storable_text(reason),
        "state_reason_code": code,
        "revision_id": str(uuid.uuid4()),
    }
    connection.execute(update(VERSIONS).where(pending).values(changes))


def _is_pending(name: str) -> ColumnElement[bool]:
    return and_(VERSIONS.c.function_name == name, VERSIONS.c.state == State.PENDING)


def _is_same(connection: Connection, version: Version, latest: Deployment) -> bool:
    """Whether *latest* is what *version* was made of, its description as it was then."""
    if version.state is State.FAILED:
        return False
    query = select(DEPLOYMENTS.c.configuration).where(DEPLOYMENTS.c.id == version.deployment.id)
    configuration = json.loads(connection.execute(query).scalar_one())
    same_code = version.deployment.code_digest == latest.code_digest
    return same_code and configuration == dict(latest.configuration)


def _referring(connection: Connection, name: str) -> Iterator[tuple[str, set[str]]]:
    """The aliases of *name*, each with the versions that it may send invocations to."""
    query = select(ALIASES).where(ALIASES.c.function_name == name).order_by(ALIASES.c.name)
    for row in connection.execute(query):
        yield row.name, {row.version, *json.loads(row.weights)}


def _functions_after(
    connection: Connection, name: str | None, last_name: str, limit: int
) -> list[Function]:
    where = [FUNCTIONS.c.name > last_name]
    if name is not None:
        where.append(FUNCTIONS.c.name == name)
    return records.load(connection, *where, limit=limit)


def _published_after(
    connection: Connection, name: str | None, after: tuple[str, int], limit: int
) -> dict[str, list[tuple[str, int, Version]]]:
    """Of each function, the places in the list of its published versions. There, `$LATEST` has the
    number 1, and version N the number N + 1."""
    last_name, last_place = after
    query = _COLUMNS.where(
        or_(
            VERSIONS.c.function_name > last_name,
            and_(VERSIONS.c.function_name == last_name, VERSIONS.c.number >= last_place),
        )
    )
    if name is not None:
        query = query.where(VERSIONS.c.function_name == name)
    query = query.order_by(VERSIONS.c.function_name, VERSIONS.c.number).limit(limit)
    places: dict[str, list[tuple[str, int, Version]]] = defaultdict(list)
    for row in connection.execute(query):
        places[row.function_name].append((row.function_name, row.number + 1, _version(row)))
    return places


def _version(row: Row[Any]) -> Version:
    state = State(row.state)
    stored = records.deployment(row)
    description = json.loads(row.description)
    deployment = records.described(stored, str(row.number), description)
    update_status = {
        State.ACTIVE: UpdateStatus.SUCCESSFUL, State.FAILED: UpdateStatus.FAILED
    }.get(state)  # fmt: skip
    return Version(
        function_name=row.function_name,
        number=str(row.number),
        deployment=deployment,
        served=deployment if state is State.ACTIVE else None,
        revision_id=row.revision_id,
        last_modified=records.timestamp(row.modified_at_ms),
        state=state,
        state_reason=row.state_reason,
        state_reason_code=row.state_reason_code,
        last_update_status=update_status,
        last_update_status_reason=row.state_reason if update_status else None,
        last_update_status_reason_code=row.state_reason_code if update_status else None,
    )
