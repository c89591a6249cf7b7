"""Log groups: every function has one, and others have been made by name."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Connection,
    Row,
    Subquery,
    delete,
    func,
    insert,
    literal,
    null,
    select,
    union_all,
    update,
)
from sqlalchemy import cast as sql_cast
from sqlalchemy.exc import IntegrityError

from wasmfaas.log_errors import LogGroupExists, LogGroupLimitExceeded, LogGroupNotFound, TooManyTags
from wasmfaas.store.database import Database
from wasmfaas.store.schema import DEPLOYMENTS, FUNCTIONS, LOG_GROUPS

#: What Lambda names the group of a function by.
FUNCTION_PREFIX: Final = "/aws/lambda/"
TAGS_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class LogGroup:
    """A log group. Its events are in the log of its function, if it is one's."""

    name: str
    created_at_ms: int
    #: Days after which events are not shown any more; None for ever.
    retention_days: int | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def function(self) -> str | None:
        """The name of the function that writes to it, whether or not that exists."""
        name = self.name.removeprefix(FUNCTION_PREFIX)
        return None if name == self.name else name


class LogGroups:
    """The log groups of one installation. Lives as long as the server.

    *clock_ms* gives Unix time; *made_max* bounds those that are made by name. Every
    method raises StorageFull where it cannot write.
    """

    def __init__(
        self,
        database: Database,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        *,
        made_max: int = 10_000,
    ) -> None:
        self._database = database
        self._made_max = made_max
        self._clock_ms = clock_ms

    async def get(self, name: str) -> LogGroup:
        """Raises LogGroupNotFound."""
        return await self._database.run(lambda connection: _existing(connection, name))

    async def page(
        self, *, prefix: str, part: str, after: str, limit: int
    ) -> tuple[list[LogGroup], bool]:
        """Groups whose names start with *prefix*, hold *part* and come after *after*, by name: at
        most *limit*, and whether there are more."""
        names = _names()
        # LIKE is case-insensitive on some databases: it only makes the search short.
        query = (
            _groups(names)
            .where(
                names.c.name > after,
                names.c.name.startswith(prefix, autoescape=True),
                names.c.name.contains(part, autoescape=True),
            )
            .order_by(names.c.name)
        )

        def transaction(connection: Connection) -> list[LogGroup]:
            rows = connection.execute(query)
            fitting = (row for row in rows if row.name.startswith(prefix) and part in row.name)
            return [_group(row) for row in islice(fitting, limit + 1)]

        found = await self._database.run(transaction)
        return found[:limit], len(found) > limit

    async def create(self, name: str, tags: Mapping[str, str]) -> None:
        """Raises LogGroupExists, also for the group of a function that exists, and
        LogGroupLimitExceeded."""

        def transaction(connection: Connection) -> None:
            if connection.execute(_named(name)).first() is not None:
                raise LogGroupExists("The specified log group already exists")
            count = connection.execute(select(func.count()).select_from(LOG_GROUPS)).scalar_one()
            if count >= self._made_max:
                raise LogGroupLimitExceeded(
                    f"There are {count} log groups that were made or tagged by name, and at most "
                    f"{self._made_max} may be. Delete some."
                )
            self._insert(connection, name, tags)

        await self._database.run(transaction)

    async def delete(self, name: str) -> LogGroup:
        """Forget what was recorded of the group; returns it. Raises LogGroupNotFound."""

        def transaction(connection: Connection) -> LogGroup:
            group = _existing(connection, name)
            connection.execute(delete(LOG_GROUPS).where(LOG_GROUPS.c.name == name))
            return group

        return await self._database.run(transaction)

    async def retain(self, name: str, days: int | None) -> None:
        """Show events of the last *days* days only. Raises LogGroupNotFound."""
        await self._amend(name, lambda group: {"retention_days": days})

    async def tag(self, name: str, tags: Mapping[str, str], removed: list[str]) -> None:
        """Add *tags*, without those named in *removed*. Raises LogGroupNotFound and TooManyTags."""

        def changed(group: LogGroup) -> dict[str, Any]:
            merged = {**group.tags, **tags}
            kept = {key: value for key, value in merged.items() if key not in removed}
            if len(kept) > TAGS_MAX:
                raise TooManyTags(
                    f"The log group would have {len(kept)} tags, but at most {TAGS_MAX} may be."
                )
            return {"tags": json.dumps(kept)}

        await self._amend(name, changed)

    async def _amend(self, name: str, change: Callable[[LogGroup], dict[str, Any]]) -> None:
        def transaction(connection: Connection) -> None:
            group = _existing(connection, name)
            row = LOG_GROUPS.c.name == name
            if connection.execute(select(LOG_GROUPS.c.name).where(row)).first() is None:
                # The group of a function, of which nothing has been recorded so far.
                self._insert(connection, name, {})
            connection.execute(update(LOG_GROUPS).where(row).values(change(group)))

        await self._database.run(transaction)

    def _insert(self, connection: Connection, name: str, tags: Mapping[str, str]) -> None:
        values = {"name": name, "created_at_ms": self._clock_ms(), "tags": json.dumps(dict(tags))}
        try:
            connection.execute(insert(LOG_GROUPS).values(values))
        except IntegrityError:
            raise LogGroupExists("The specified log group already exists") from None


def _names() -> Subquery:
    """The names of all groups, and when they were made as far as that is known."""
    created_at_ms = (
        select(func.min(DEPLOYMENTS.c.created_at_ms))
        .where(DEPLOYMENTS.c.function_name == FUNCTIONS.c.name)
        .scalar_subquery()
    )
    of_functions = select(
        (literal(FUNCTION_PREFIX) + FUNCTIONS.c.name).label("name"),
        created_at_ms.label("created_at_ms"),
        sql_cast(null(), BigInteger).label("recorded_at_ms"),
    )
    recorded = select(LOG_GROUPS.c.name, sql_cast(null(), BigInteger), LOG_GROUPS.c.created_at_ms)
    both = union_all(of_functions, recorded).subquery()
    return (
        select(
            both.c.name,
            func.coalesce(func.max(both.c.recorded_at_ms), func.max(both.c.created_at_ms), 0).label(
                "created_at_ms"
            ),
        )
        .group_by(both.c.name)
        .subquery()
    )


def _groups(names: Subquery) -> Any:
    joined = names.outerjoin(LOG_GROUPS, LOG_GROUPS.c.name == names.c.name)
    return select(
        names.c.name, names.c.created_at_ms, LOG_GROUPS.c.retention_days, LOG_GROUPS.c.tags
    ).select_from(joined)


def _named(name: str) -> Any:
    names = _names()
    return _groups(names).where(names.c.name == name)


def _existing(connection: Connection, name: str) -> LogGroup:
    row = connection.execute(_named(name)).first()
    if row is None:
        raise LogGroupNotFound("The specified log group does not exist.")
    return _group(row)


def _group(row: Row[Any]) -> LogGroup:
    return LogGroup(
        name=row.name,
        created_at_ms=row.created_at_ms,
        retention_days=row.retention_days,
        tags=json.loads(row.tags or "{}"),
    )
