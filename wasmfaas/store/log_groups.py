"""Log groups: every function has one, and others have been made by name."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, literal, select, union, update
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
        of_functions = select((literal(FUNCTION_PREFIX) + FUNCTIONS.c.name).label("name"))
        names = union(of_functions, select(LOG_GROUPS.c.name)).subquery()
        # LIKE is case-insensitive on some databases: it only makes the search short.
        query = (
            select(names.c.name)
            .where(
                names.c.name > after,
                names.c.name.startswith(prefix, autoescape=True),
                names.c.name.contains(part, autoescape=True),
            )
            .order_by(names.c.name)
        )

        def transaction(connection: Connection) -> list[LogGroup]:
            found = connection.execute(query).scalars()
            fitting = (name for name in found if name.startswith(prefix) and part in name)
            return [_existing(connection, name) for name in list(islice(fitting, limit + 1))]

        groups = await self._database.run(transaction)
        return groups[:limit], len(groups) > limit

    async def create(self, name: str, tags: Mapping[str, str]) -> None:
        """Raises LogGroupExists, also for the group of a function that exists, and
        LogGroupLimitExceeded."""

        def transaction(connection: Connection) -> None:
            if _found(connection, name) is not None:
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


def _existing(connection: Connection, name: str) -> LogGroup:
    group = _found(connection, name)
    if group is None:
        raise LogGroupNotFound("The specified log group does not exist.")
    return group


def _found(connection: Connection, name: str) -> LogGroup | None:
    """What is recorded of the group, else that there is a function that it belongs to."""
    row = connection.execute(select(LOG_GROUPS).where(LOG_GROUPS.c.name == name)).first()
    if row is not None:
        return LogGroup(
            name=name,
            created_at_ms=row.created_at_ms,
            retention_days=row.retention_days,
            tags=json.loads(row.tags),
        )
    function = name.removeprefix(FUNCTION_PREFIX)
    if function == name:
        return None
    oldest = select(func.min(DEPLOYMENTS.c.created_at_ms)).where(
        DEPLOYMENTS.c.function_name == FUNCTIONS.c.name
    )
    query = select(oldest.scalar_subquery()).where(FUNCTIONS.c.name == function)
    found = connection.execute(query).first()
    return None if found is None else LogGroup(name=name, created_at_ms=found[0] or 0)
