"""Groups of schedules, which also carry their tags."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from wasmfaas.schedule_errors import (
    InvalidSchedule,
    ScheduleConflict,
    ScheduleNotFound,
    ScheduleQuotaExceeded,
)
from wasmfaas.store import database
from wasmfaas.store.database import Database
from wasmfaas.store.schedule_tables import SCHEDULE_GROUPS, SCHEDULES
from wasmfaas.store.schedules import SCHEDULE

#: The group of schedules that name none; it is always there.
DEFAULT: Final = "default"
TAGS_MAX: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleGroup:
    """A group of schedules."""

    name: str
    tags: Mapping[str, str]
    created_at_ms: int
    modified_at_ms: int


class ScheduleGroups:
    """The groups of one database. Lives as long as the server.

    *clock* gives the database's time in Unix milliseconds. Every method raises StorageFull where
    it cannot write, and ScheduleNotFound for a group that is not there.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[Connection], int] = database.now_ms,
        *,
        groups_max: int = 500,
    ) -> None:
        self._database = database
        self._clock = clock
        self._groups_max = groups_max

    async def create(self, name: str, tags: Mapping[str, str], token: str | None) -> None:
        """Does nothing where the group was made with the same *token*. Raises ScheduleConflict and
        ScheduleQuotaExceeded."""
        _check_tags(tags)

        def transaction(connection: Connection) -> None:
            row = _row(connection, name)
            if row is not None:
                if token is not None and row.client_token == token:
                    return
                raise ScheduleConflict(f"Schedule group {name} already exists.")
            count = select(func.count()).select_from(SCHEDULE_GROUPS)
            if connection.execute(count).scalar_one() >= self._groups_max:
                raise ScheduleQuotaExceeded(
                    f"There are {self._groups_max} schedule groups already, and no more may be. "
                    "Delete some."
                )
            now = self._clock(connection)
            values = {
                "name": name,
                "tags": json.dumps(tags),
                "client_token": token,
                "created_at_ms": now,
                "modified_at_ms": now,
            }
            connection.execute(insert(SCHEDULE_GROUPS).values(values))

        await self._database.run(transaction)

    async def get(self, name: str) -> ScheduleGroup:
        return await self._database.run(lambda connection: _found(connection, name))

    async def delete(self, name: str) -> None:
        """With the schedules in it. Raises InvalidSchedule for the default group."""
        if name == DEFAULT:
            raise InvalidSchedule("The default schedule group cannot be deleted.")

        def transaction(connection: Connection) -> None:
            _found(connection, name)
            held = SCHEDULES.c.family == SCHEDULE, SCHEDULES.c.group_name == name
            connection.execute(delete(SCHEDULES).where(*held))
            connection.execute(delete(SCHEDULE_GROUPS).where(SCHEDULE_GROUPS.c.name == name))

        await self._database.run(transaction)

    async def page(
        self, *, prefix: str, after: str, limit: int
    ) -> tuple[list[ScheduleGroup], bool]:
        """Groups by name from behind *after* on: at most *limit*, and whether there are more."""
        name = SCHEDULE_GROUPS.c.name
        where = name > after, func.substr(name, 1, len(prefix)) == prefix
        query = select(SCHEDULE_GROUPS).where(*where).order_by(name).limit(limit + 1)
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [_group(row) for row in rows[:limit]], len(rows) > limit

    async def tag(self, name: str, tags: Mapping[str, str]) -> None:
        """Add *tags*, in place of such of the same keys."""
        await self._change_tags(name, lambda known: {**known, **tags})

    async def untag(self, name: str, keys: list[str]) -> None:
        """Remove tags."""
        await self._change_tags(
            name, lambda known: {key: known[key] for key in known if key not in keys}
        )

    async def _change_tags(
        self, name: str, change: Callable[[Mapping[str, str]], Mapping[str, str]]
    ) -> None:
        def transaction(connection: Connection) -> None:
            tags = change(_found(connection, name).tags)
            _check_tags(tags)
            values = {"tags": json.dumps(tags), "modified_at_ms": self._clock(connection)}
            where = SCHEDULE_GROUPS.c.name == name
            connection.execute(update(SCHEDULE_GROUPS).where(where).values(values))

        await self._database.run(transaction)


def _row(connection: Connection, name: str) -> Row[Any] | None:
    query = select(SCHEDULE_GROUPS).where(SCHEDULE_GROUPS.c.name == name).with_for_update()
    return connection.execute(query).first()


def _found(connection: Connection, name: str) -> ScheduleGroup:
    row = _row(connection, name)
    if row is None:
        raise ScheduleNotFound(f"Schedule group {name} does not exist.")
    return _group(row)


def _group(row: Row[Any]) -> ScheduleGroup:
    return ScheduleGroup(
        name=row.name,
        tags=json.loads(row.tags),
        created_at_ms=row.created_at_ms,
        modified_at_ms=row.modified_at_ms,
    )


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise InvalidSchedule(f"There would be {len(tags)} tags, but at most {TAGS_MAX} may be.")
