"""Taking turns: rows that are due, of one group after the other, so that what waits in one group
keeps nobody in another waiting."""

from collections.abc import Collection, Iterable
from itertools import chain, zip_longest
from typing import Any, Final

from sqlalchemy import ColumnElement, Connection, Table, func, select

from wasmfaas.store.events import EventState

#: Groups that one choice looks at, of those that have rows waiting.
_GROUPS_SEEN_MAX: Final = 256


class Turns:
    """Chooses rows of *table*, which has `id`, `state` and `due_at_ms`, grouped by its column
    *group*. Lives as long as the server."""

    def __init__(self, table: Table, group: str) -> None:
        self._columns = table.c
        self._group = table.c[group]
        self._waiting = table.c.state == EventState.QUEUED
        #: The group that was chosen last: the next choice goes on behind it.
        self._last = ""

    def choose(
        self,
        connection: Connection,
        now: int,
        limit: int,
        *,
        each_max: int | None = None,
        without: Collection[str] = (),
    ) -> list[str]:
        """Ids of up to *limit* rows that are due, locked: one of each group, then a second of
        each, and so on up to *each_max*; none of the groups *without*."""
        of_each = limit if each_max is None else min(limit, each_max)
        due = list(self._due(connection, now, limit, of_each, without))
        turns = (row for row in chain.from_iterable(zip_longest(*due)) if row is not None)
        chosen = [row for row, _ in zip(turns, range(limit), strict=False)]
        if chosen:
            self._last = chosen[-1].turn
        return [row.id for row in chosen]

    def _due(
        self,
        connection: Connection,
        now: int,
        groups_max: int,
        of_each: int,
        without: Collection[str],
    ) -> Iterable[list[Any]]:
        """Rows that are due, by group, from the group whose turn it is."""
        columns, found = self._columns, 0
        for name in self._groups(connection):
            if name in without:
                continue
            query = (
                select(columns.id, self._group.label("turn"))
                .where(self._waiting, self._group == name, columns.due_at_ms <= now)
                .order_by(columns.due_at_ms)
                .limit(of_each)
                .with_for_update(skip_locked=True)
            )
            rows = list(connection.execute(query))
            if rows:
                yield rows
                found += 1
            if found == groups_max:
                return

    def _groups(self, connection: Connection) -> Iterable[str]:
        """Groups that have rows waiting: those behind the last one, then those up to it."""
        seen = 0
        turns = ((self._last, None), ("", self._last))
        for begin, end in turns:
            last = begin
            while seen < _GROUPS_SEEN_MAX:
                where: list[ColumnElement[bool]] = [self._waiting, self._group > last]
                if end is not None:
                    where.append(self._group <= end)
                query = select(func.min(self._group)).where(*where)
                name = connection.execute(query).scalar_one()
                if name is None:
                    break
                yield name
                seen, last = seen + 1, name
                if seen == _GROUPS_SEEN_MAX:
                    self._last = name
