"""Schedules of EventBridge Scheduler and rules of EventBridge: by name, with the time at which each
is due next."""

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from wasmfaas.schedule_errors import ScheduleConflict, ScheduleNotFound, ScheduleQuotaExceeded
from wasmfaas.schedules.timing import Timing
from wasmfaas.store import database
from wasmfaas.store.database import Database
from wasmfaas.store.schedule_tables import SCHEDULE_GROUPS, SCHEDULES

SCHEDULE: Final = "schedule"
RULE: Final = "rule"
_COLUMNS: Final = SCHEDULES.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What a request says of a schedule or of a rule."""

    group: str
    name: str
    state: str
    #: Members of the request.
    configuration: Mapping[str, Any]
    pattern: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)

    def identity(self, family: str) -> str:
        """What tells it from others, also before it is stored."""
        return f"{family}/{self.group}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule(Draft):
    """A schedule or a rule as it is stored. Times are Unix milliseconds."""

    id: str
    family: str
    #: Counts changes; occurrences are none.
    revision: int
    created_at_ms: int
    modified_at_ms: int
    #: What rates count from.
    anchor_ms: int
    #: The next occurrence, and when it is due, which differs in a window.
    next_at_ms: int | None
    due_at_ms: int | None
    #: The last occurrence that was fired; how many were, and how many were missed.
    last_at_ms: int | None
    fired: int
    skipped: int

    @property
    def timing(self) -> Timing:
        """When it is due."""
        return Timing(
            anchor_ms=self.anchor_ms, next_at_ms=self.next_at_ms, due_at_ms=self.due_at_ms
        )

    @classmethod
    def of(cls, row: Row[Any]) -> "Schedule":
        """From a row of the table."""
        members = dict(row._mapping)
        members.pop("client_token")
        members["group"] = members.pop("group_name")
        for name in ("configuration", "tags"):
            members[name] = json.loads(members[name])
        return cls(**members)


#: Says when something is due, at the database's time; the second is what was stored before.
Timer = Callable[[int, Schedule | None], Timing]


class Schedules:
    """The schedules and rules of one database. Lives as long as the server.

    *clock* gives the database's time in Unix milliseconds. Every method raises StorageFull where
    it cannot write.
    """

    def __init__(
        self,
        database: Database,
        clock: Callable[[Connection], int] = database.now_ms,
        *,
        schedules_max: int = 100_000,
    ) -> None:
        self._database = database
        self._clock = clock
        self._schedules_max = schedules_max

    async def create(self, draft: Draft, timer: Timer, token: str | None) -> Schedule:
        """A new schedule; the one that there is where it was made with the same *token*.

        Raises ScheduleConflict, ScheduleNotFound for its group, ScheduleQuotaExceeded.
        """

        def transaction(connection: Connection) -> Schedule:
            check_group(connection, draft.group)
            row = _row(connection, SCHEDULE, draft.group, draft.name)
            if row is not None:
                known = Schedule.of(row)
                same = known.configuration == draft.configuration and known.state == draft.state
                if token is None or row.client_token != token:
                    raise ScheduleConflict(f"Schedule {draft.name} already exists.")
                if not same:
                    raise ScheduleConflict(
                        f"The client token {token} has been used for another request."
                    )
                return known
            self._check_room(connection)
            return _insert(connection, SCHEDULE, draft, timer, self._clock(connection), token)

        return await self._database.run(transaction)

    async def update(self, draft: Draft, timer: Timer) -> Schedule:
        """What a schedule says from now on. Raises ScheduleNotFound."""

        def transaction(connection: Connection) -> Schedule:
            known = _found(connection, SCHEDULE, draft.group, draft.name)
            return _update(connection, known, draft, timer, self._clock(connection))

        return await self._database.run(transaction)

    async def put_rule(self, draft: Draft, timer: Timer) -> Schedule:
        """A rule, new or changed. Tags of one that there is stay. Raises ScheduleQuotaExceeded."""

        def transaction(connection: Connection) -> Schedule:
            now = self._clock(connection)
            row = _row(connection, RULE, draft.group, draft.name)
            if row is None:
                self._check_room(connection)
                return _insert(connection, RULE, draft, timer, now, None)
            return _update(connection, Schedule.of(row), draft, timer, now)

        return await self._database.run(transaction)

    async def get(self, family: str, group: str, name: str) -> Schedule:
        """Raises ScheduleNotFound."""
        return await self._database.run(lambda connection: _found(connection, family, group, name))

    async def delete(self, family: str, group: str, name: str) -> None:
        """Raises ScheduleNotFound. What it has enqueued stays."""

        def transaction(connection: Connection) -> None:
            known = _found(connection, family, group, name)
            connection.execute(delete(SCHEDULES).where(_COLUMNS.id == known.id))

        await self._database.run(transaction)

    async def set_tags(self, known: Schedule, tags: Mapping[str, str]) -> None:
        """Replace the tags of a rule."""
        values = {"tags": json.dumps(tags)}
        change = update(SCHEDULES).where(_COLUMNS.id == known.id).values(values)
        await self._database.run(lambda connection: connection.execute(change))

    async def page(
        self,
        family: str,
        *,
        group: str | None = None,
        name: str | None = None,
        prefix: str = "",
        state: str | None = None,
        after: tuple[str, str] = ("", ""),
        limit: int,
    ) -> tuple[list[Schedule], bool]:
        """Those that fit, by group and name from behind *after* on: at most *limit*, and whether
        there are more. Raises ScheduleNotFound for the group of schedules."""
        behind_group, behind = after
        behind_name = (_COLUMNS.group_name == behind_group) & (_COLUMNS.name > behind)
        where: list[ColumnElement[bool]] = [
            _COLUMNS.family == family,
            (_COLUMNS.group_name > behind_group) | behind_name,
        ]
        if group is not None:
            where.append(_COLUMNS.group_name == group)
        if name is not None:
            where.append(_COLUMNS.name == name)
        if prefix:
            # Not LIKE, which some databases take without regard to case.
            where.append(func.substr(_COLUMNS.name, 1, len(prefix)) == prefix)
        if state is not None:
            where.append(_COLUMNS.state == state)
        order = _COLUMNS.group_name, _COLUMNS.name
        query = select(SCHEDULES).where(*where).order_by(*order).limit(limit + 1)

        def transaction(connection: Connection) -> list[Schedule]:
            if group is not None and family == SCHEDULE:
                check_group(connection, group)
            return [Schedule.of(row) for row in connection.execute(query)]

        found = await self._database.run(transaction)
        return found[:limit], len(found) > limit

    def _check_room(self, connection: Connection) -> None:
        count = connection.execute(select(func.count()).select_from(SCHEDULES)).scalar_one()
        if count >= self._schedules_max:
            raise ScheduleQuotaExceeded(
                f"There are {count} schedules and rules, and at most {self._schedules_max} may be. "
                "Delete some."
            )


def check_group(connection: Connection, name: str) -> None:
    """Raise ScheduleNotFound where there is no such group of schedules."""
    query = select(SCHEDULE_GROUPS.c.name).where(SCHEDULE_GROUPS.c.name == name)
    if connection.execute(query).first() is None:
        raise ScheduleNotFound(f"Schedule group {name} does not exist.")


def _row(connection: Connection, family: str, group: str, name: str) -> Row[Any] | None:
    where = _COLUMNS.family == family, _COLUMNS.group_name == group, _COLUMNS.name == name
    return connection.execute(select(SCHEDULES).where(*where).with_for_update()).first()


def _found(connection: Connection, family: str, group: str, name: str) -> Schedule:
    row = _row(connection, family, group, name)
    if row is not None:
        return Schedule.of(row)
    if family == RULE:
        raise ScheduleNotFound(f"Rule {name} does not exist on EventBus {group}.")
    check_group(connection, group)
    raise ScheduleNotFound(f"Schedule {name} does not exist.")


def _insert(
    connection: Connection, family: str, draft: Draft, timer: Timer, now: int, token: str | None
) -> Schedule:
    values = _values(draft, timer(now, None)) | {
        "id": str(uuid.uuid4()),
        "family": family,
        "tags": json.dumps(draft.tags),
        "client_token": token,
        "revision": 1,
        "created_at_ms": now,
        "modified_at_ms": now,
        "fired": 0,
        "skipped": 0,
    }
    connection.execute(insert(SCHEDULES).values(values))
    return _found(connection, family, draft.group, draft.name)


def _update(
    connection: Connection, known: Schedule, draft: Draft, timer: Timer, now: int
) -> Schedule:
    values = _values(draft, timer(now, known)) | {
        "revision": known.revision + 1,
        "modified_at_ms": now,
    }
    connection.execute(update(SCHEDULES).where(_COLUMNS.id == known.id).values(values))
    return _found(connection, known.family, draft.group, draft.name)


def _values(draft: Draft, timing: Timing) -> dict[str, Any]:
    return {
        "group_name": draft.group,
        "name": draft.name,
        "state": draft.state,
        "configuration": json.dumps(draft.configuration),
        "pattern": draft.pattern,
        "anchor_ms": timing.anchor_ms,
        "next_at_ms": timing.next_at_ms,
        "due_at_ms": timing.due_at_ms,
    }
