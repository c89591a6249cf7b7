"""The key-value store of functions: durable, with versions to compare and times to live."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, delete, insert, or_, select, update

from wasmfaas.errors import PreconditionFailed, RequestTooLarge, ResourceNotFound
from wasmfaas.store import database
from wasmfaas.store.commits import GroupCommit
from wasmfaas.store.database import Database, insert_new
from wasmfaas.store.key_value_tables import KEY_SPACES, KEY_VALUES
from wasmfaas.store.schema import FUNCTIONS

KEY_BYTES_MAX: Final = 1024
_PRUNED_AT_ONCE: Final = 1000

_COLUMNS = KEY_VALUES.c


@dataclass(frozen=True, slots=True)
class Space:
    """A namespace: a function's own, or a shared one."""

    name: str
    #: Whose own it is.
    function_name: str | None = None

    @property
    def key(self) -> str:
        """Its name in the database, where no shared one can be taken for a function's own."""
        own = self.function_name
        return f"shared:{self.name}" if own is None else f"own:{own}"


@dataclass(frozen=True, slots=True)
class Entry:
    """What is under a key."""

    key: bytes
    value: bytes
    version: int
    #: Unix time in milliseconds, by the database's clock.
    expires_at_ms: int | None


@dataclass(frozen=True, slots=True)
class _Write:
    key: bytes
    value: bytes
    ttl_ms: int | None
    if_version: int | None


@dataclass(frozen=True, slots=True)
class Quota:
    """What one namespace may hold."""

    entries_max: int
    #: Of keys and values together.
    bytes_max: int


class KeyValues:
    """All namespaces of one database. Lives as long as the server; used in its event loop.

    Writes are synced to disk when they return. *clock* gives the database's time in Unix
    milliseconds. Methods raise StorageFull and ServiceFailure.
    """

    def __init__(
        self,
        database: Database,
        quota: Quota,
        clock: Callable[[Connection], int] = database.now_ms,
    ) -> None:
        self._database = database
        self._commits = GroupCommit(database)
        self._quota = quota
        self._clock = clock

    async def close(self) -> None:
        """Finish what has been handed over."""
        await self._commits.close()

    async def get(self, space: Space, key: bytes) -> Entry | None:
        """What is under *key*."""

        def read(connection: Connection) -> Entry | None:
            row = connection.execute(
                select(KEY_VALUES).where(*_at(space, key), self._alive(connection))
            ).one_or_none()
            return None if row is None else _entry(row)

        return await self._database.run(read)

    async def set(
        self,
        space: Space,
        key: bytes,
        value: bytes,
        *,
        ttl_ms: int | None = None,
        if_version: int | None = None,
    ) -> int:
        """Store *value*, for *ttl_ms* from now; its version.

        Raises PreconditionFailed where the version is not *if_version* (0 for none),
        RequestTooLarge where the namespace would be too large, ResourceNotFound where the function
        whose own it is has gone.
        """

        def step(connection: Connection) -> int:
            return self._set(connection, space, _Write(key, value, ttl_ms, if_version))

        try:
            return await self._commits.run(step)
        except RequestTooLarge:
            # What counts may be over.
            if not await self.prune(space):
                raise
            return await self._commits.run(step)

    async def delete(self, space: Space, key: bytes, if_version: int | None = None) -> bool:
        """Take *key* away; whether it was there. Raises PreconditionFailed as `set`."""

        def step(connection: Connection) -> bool:
            found = _locked(connection, space)
            if found is None:
                _compare(0, if_version)
                return False
            row = connection.execute(select(*_FIGURES).where(*_at(space, key))).one_or_none()
            version = self._current(connection, row)
            _compare(version, if_version)
            if row is None:
                return False
            connection.execute(delete(KEY_VALUES).where(*_at(space, key)))
            _count(connection, space, -1, -row.size, found.version)
            return version > 0

        return await self._commits.run(step)

    async def list(
        self, space: Space, prefix: bytes, after: bytes | None, limit: int
    ) -> tuple[Sequence[Entry], bool]:
        """Up to *limit* entries, without their values, whose keys begin with *prefix* and come
        after *after*, by the bytes of their keys; and whether there are more."""

        def read(connection: Connection) -> tuple[Sequence[Entry], bool]:
            query = (
                select(_COLUMNS.key, _COLUMNS.version, _COLUMNS.expires_at_ms)
                .where(_COLUMNS.space == space.key, self._alive(connection), *_beginning(prefix))
                .order_by(_COLUMNS.key)
                .limit(limit + 1)
            )
            if after is not None:
                query = query.where(_COLUMNS.key > after)
            rows = connection.execute(query).all()
            entries = [Entry(bytes(row.key), b"", row.version, row.expires_at_ms) for row in rows]
            return entries[:limit], len(rows) > limit

        return await self._database.run(read)

    async def prune(self, space: Space | None = None) -> int:
        """Delete what has expired, of one namespace or of all; how many there were."""
        pruned = 0
        while True:
            count = await self._commits.run(lambda connection: self._prune(connection, space))
            pruned += count
            if count < _PRUNED_AT_ONCE:
                return pruned

    def _set(self, connection: Connection, space: Space, write: _Write) -> int:
        _ensure(connection, space)
        found = _locked(connection, space)
        assert found is not None, "it has been made"
        where = _at(space, write.key)
        row = connection.execute(select(*_FIGURES).where(*where)).one_or_none()
        _compare(self._current(connection, row), write.if_version)
        size = len(write.key) + len(write.value)
        entries_more, bytes_more = (1, size) if row is None else (0, size - row.size)
        self._check(space, found.entries + entries_more, found.bytes + bytes_more)
        ttl_ms = write.ttl_ms
        values = {
            "value": write.value,
            "size": size,
            "version": found.version + 1,
            "expires_at_ms": None if ttl_ms is None else self._clock(connection) + ttl_ms,
        }
        if row is None:
            keys = {"space": space.key, "key": write.key}
            connection.execute(insert(KEY_VALUES).values(values | keys))
        else:
            connection.execute(update(KEY_VALUES).where(*where).values(values))
        _count(connection, space, entries_more, bytes_more, found.version + 1)
        return int(found.version) + 1

    def _check(self, space: Space, entries: int, size: int) -> None:
        for found, most, what in (
            (entries, self._quota.entries_max, "keys"),
            (size, self._quota.bytes_max, "bytes of keys and values"),
        ):
            if found > most:
                raise RequestTooLarge(
                    f"The namespace {space.name} would have {found} {what}, but may have {most}."
                )

    def _prune(self, connection: Connection, space: Space | None) -> int:
        query = select(_COLUMNS.space, _COLUMNS.key, _COLUMNS.size).where(
            _COLUMNS.expires_at_ms <= self._clock(connection)
        )
        if space is not None:
            query = query.where(_COLUMNS.space == space.key)
        rows = connection.execute(query.limit(_PRUNED_AT_ONCE)).all()
        for row in rows:
            where = (_COLUMNS.space == row.space, _COLUMNS.key == row.key)
            connection.execute(delete(KEY_VALUES).where(*where))
            connection.execute(
                update(KEY_SPACES)
                .where(KEY_SPACES.c.name == row.space)
                .values(entries=KEY_SPACES.c.entries - 1, bytes=KEY_SPACES.c.bytes - row.size)
            )
        return len(rows)

    def _alive(self, connection: Connection) -> ColumnElement[bool]:
        expires = _COLUMNS.expires_at_ms
        return or_(expires.is_(None), expires > self._clock(connection))

    def _current(self, connection: Connection, row: Any) -> int:
        """The version under a key; 0 where there is nothing, or nothing any more."""
        if row is None:
            return 0
        over = row.expires_at_ms is not None and row.expires_at_ms <= self._clock(connection)
        return 0 if over else int(row.version)


_FIGURES: Final = (_COLUMNS.version, _COLUMNS.size, _COLUMNS.expires_at_ms)


def _ensure(connection: Connection, space: Space) -> None:
    """Have the namespace there; an empty one is as good as none. Raises ResourceNotFound."""
    name = space.function_name
    if name is not None:
        found = connection.execute(select(FUNCTIONS.c.name).where(FUNCTIONS.c.name == name))
        if found.one_or_none() is None:
            raise ResourceNotFound(f"The function {name}, whose keys these are, is gone.")
    row = {"name": space.key, "function_name": name, "entries": 0, "bytes": 0, "version": 0}
    insert_new(connection, KEY_SPACES, [row])


def _locked(connection: Connection, space: Space) -> Any:
    """The row of the namespace, which no other server can change meanwhile; None where there is
    none."""
    columns = KEY_SPACES.c
    query = select(columns.entries, columns.bytes, columns.version)
    return connection.execute(
        query.where(columns.name == space.key).with_for_update()
    ).one_or_none()


def _count(connection: Connection, space: Space, entries: int, size: int, version: int) -> None:
    columns = KEY_SPACES.c
    connection.execute(
        update(KEY_SPACES)
        .where(columns.name == space.key)
        .values(entries=columns.entries + entries, bytes=columns.bytes + size, version=version)
    )


def _compare(version: int, if_version: int | None) -> None:
    if if_version is not None and version != if_version:
        raise PreconditionFailed(f"The key has version {version}, and not {if_version}.")


def _at(space: Space, key: bytes) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return _COLUMNS.space == space.key, _COLUMNS.key == key


def _beginning(prefix: bytes) -> list[ColumnElement[bool]]:
    """Conditions for keys that begin with *prefix*: a range, for which there is an index."""
    bounds: list[ColumnElement[bool]] = [_COLUMNS.key >= prefix] if prefix else []
    stem = prefix.rstrip(b"\xff")
    if stem:
        bounds.append(_COLUMNS.key < stem[:-1] + bytes([stem[-1] + 1]))
    return bounds


def _entry(row: Any) -> Entry:
    return Entry(bytes(row.key), bytes(row.value), row.version, row.expires_at_ms)
