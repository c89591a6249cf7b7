"""Functions as rows: how they are read, written, and what each transition writes."""

import json
import uuid
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from wasmfaas.models import Deployment, Function, PackageKind, State, UpdateStatus
from wasmfaas.store.code import Code
from wasmfaas.store.schema import DEPLOYMENTS, FUNCTIONS

#: Slots of deployments.
ACTIVE: Final = "active"
PENDING: Final = "pending"

CREATING: Final = ("The function is being created.", "Creating")
#: SQLite takes at most 32,766 parameters, PostgreSQL 65,535.
_NAMES_PER_QUERY: Final = 10_000

Changes = dict[str, Any]


def load(
    connection: Connection, *where: ColumnElement[bool], limit: int | None = None
) -> list[Function]:
    """The functions that meet all of *where*, by name."""
    query = select(FUNCTIONS).where(*where).order_by(FUNCTIONS.c.name).limit(limit)
    rows = connection.execute(query).all()
    slots: dict[str, dict[str, Deployment]] = defaultdict(dict)
    for start in range(0, len(rows), _NAMES_PER_QUERY):
        names = [row.name for row in rows[start : start + _NAMES_PER_QUERY]]
        deployments = select(DEPLOYMENTS).where(
            DEPLOYMENTS.c.function_name.in_(names), DEPLOYMENTS.c.slot.in_((ACTIVE, PENDING))
        )
        for row in connection.execute(deployments):
            slots[row.function_name][row.slot] = deployment(row)
    return [_function(row, slots[row.name]) for row in rows]


def propose(
    connection: Connection,
    name: str,
    configuration: Mapping[str, Any],
    code: Code,
    at_ms: int,
    slot: str = PENDING,
    kind: PackageKind | None = None,
    artefact_name: str | None = None,
) -> str:
    """Insert a deployment of *name*; returns its id."""
    row = {
        "id": str(uuid.uuid4()),
        "function_name": name,
        "slot": slot,
        "kind": kind,
        "artefact": artefact_name,
        "configuration": to_json(configuration),
        "code_sha256": code.sha256,
        "code_digest": code.digest,
        "code_size_bytes": code.size_bytes,
        "created_at_ms": at_ms,
    }
    connection.execute(insert(DEPLOYMENTS).values(row))
    return str(row["id"])


def vacate(connection: Connection, name: str, slot: str) -> None:
    """Delete the deployment in *slot* of *name*, if there is one."""
    connection.execute(
        delete(DEPLOYMENTS).where(DEPLOYMENTS.c.function_name == name, DEPLOYMENTS.c.slot == slot)
    )


def amend(connection: Connection, name: str, changes: Changes) -> None:
    """Write *changes* to the row of *name*."""
    connection.execute(update(FUNCTIONS).where(FUNCTIONS.c.name == name).values(changes))


def creation_pending() -> Changes:
    """A function that has never been served, on its way."""
    return _status(State.PENDING, CREATING, None, None)


def creation_failed(reason: str, code: str) -> Changes:
    """A function that has never been served, and will not be as it is."""
    return _status(State.FAILED, (reason, code), UpdateStatus.FAILED, (reason, code))


def update_pending() -> Changes:
    """A function that is served, with a successor on its way."""
    return _status(State.ACTIVE, None, UpdateStatus.IN_PROGRESS, CREATING)


def update_failed(reason: str, code: str) -> Changes:
    """A function that is served as before the update that has failed."""
    return _status(State.ACTIVE, None, UpdateStatus.FAILED, (reason, code))


def succeeded() -> Changes:
    """A function that is served as last deployed."""
    return _status(State.ACTIVE, None, UpdateStatus.SUCCESSFUL, None)


def to_json(value: Mapping[str, Any]) -> str:
    """*value* as ASCII: it may hold characters that a database's text cannot."""
    return json.dumps(dict(value), separators=(",", ":"))


def from_json(text: str) -> Mapping[str, Any]:
    """What `to_json` made *text* of."""
    value: Mapping[str, Any] = json.loads(text)
    return value


def _status(
    state: State,
    why: tuple[str, str] | None,
    update_status: UpdateStatus | None,
    update_why: tuple[str, str] | None,
) -> Changes:
    reason, code = _texts(why)
    update_reason, update_code = _texts(update_why)
    return {
        "state": state,
        "state_reason": reason,
        "state_reason_code": code,
        "last_update_status": update_status,
        "last_update_status_reason": update_reason,
        "last_update_status_reason_code": update_code,
        # Lambda gives a function a new revision with every transition.
        "revision_id": str(uuid.uuid4()),
    }


def _texts(why: tuple[str, str] | None) -> tuple[str | None, str | None]:
    if why is None:
        return None, None
    reason, code = why
    return storable_text(reason), code


def storable_text(text: str | None) -> str | None:
    """*text*, less what the text of a database cannot hold."""
    return text and text.encode("utf-8", "replace").decode().replace("\0", "")


def _function(row: Row[Any], slots: Mapping[str, Deployment]) -> Function:
    status = row.last_update_status
    return Function(
        name=row.name,
        state=State(row.state),
        state_reason=row.state_reason,
        state_reason_code=row.state_reason_code,
        last_update_status=None if status is None else UpdateStatus(status),
        last_update_status_reason=row.last_update_status_reason,
        last_update_status_reason_code=row.last_update_status_reason_code,
        revision_id=row.revision_id,
        last_modified=timestamp(row.modified_at_ms),
        active=slots.get(ACTIVE),
        pending=slots.get(PENDING),
        tags=json.loads(row.tags),
    )


def described(stored: Deployment, version: str, description: str) -> Deployment:
    """*stored* as a published version."""
    configuration = {**stored.configuration, "Description": description}
    return replace(stored, version=version, configuration=configuration)


def deployment(row: Row[Any]) -> Deployment:
    """The deployment in *row*."""
    return Deployment(
        id=row.id,
        function_name=row.function_name,
        configuration=json.loads(row.configuration),
        code_sha256=row.code_sha256,
        code_digest=row.code_digest,
        code_size_bytes=row.code_size_bytes,
        created_at_ms=row.created_at_ms,
        kind=None if row.kind is None else PackageKind(row.kind),
        artefact=row.artefact,
    )


def timestamp(unix_ms: int) -> str:
    """As Lambda prints LastModified: `2026-11-23T04:00:00.000+0000`."""
    seconds, milliseconds = divmod(unix_ms, 1000)
    at = datetime.fromtimestamp(seconds, UTC)
    return f"{at:%Y-%m-%dT%H:%M:%S}.{milliseconds:03d}+0000"
