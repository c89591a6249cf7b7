"""The ledger: what every attempt of every invocation used, each exactly once.

A record goes to the journal first, from where `fold` moves whole segments into the table. Its
primary key makes a segment that is folded twice, because a kill came between the two, count once.
"""

import asyncio
import enum
import functools
import logging
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Column, ColumnElement, Connection, Label, Row, Select, func, null, select

from wasmfaas.errors import InvalidParameterValue, WasmfaasError
from wasmfaas.models import Usage
from wasmfaas.store import journal
from wasmfaas.store.database import Database, insert_new
from wasmfaas.store.datadir import disk_errors
from wasmfaas.store.journal import Journal
from wasmfaas.store.schema import LEDGER

_log = logging.getLogger(__name__)

_SEGMENT_BYTES_MAX: Final = 1024 * 1024
_DAY_MS: Final = 24 * 60 * 60 * 1000
_HALF: Final = 2**32
_SUMMED: Final = (
    LEDGER.c.fuel,
    LEDGER.c.duration_us,
    LEDGER.c.billed_duration_ms,
    LEDGER.c.cpu_us,
    LEDGER.c.request_bytes,
    LEDGER.c.response_bytes,
)


class UsageBy(enum.StrEnum):
    """What usage can be added up by."""

    FUNCTION = "function"
    DAY = "day"


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """Usage added up. `key` is the name of a function, a day in UTC (`2026-11-23`), or None for all
    together."""

    key: str | None
    requests: int
    #: Requests that ended in a function error.
    errors: int
    #: Requests that had to wait for a sandbox to start.
    cold_starts: int
    fuel: int
    duration_ms: float
    billed_duration_ms: int
    cpu_ms: float
    memory_bytes_peak: int
    request_bytes: int
    response_bytes: int


class Ledger:
    """The ledger of one data directory. Lives as long as the server; used in its event loop."""

    def __init__(
        self,
        database: Database,
        journal_dir: Path,
        segment_bytes_max: int = _SEGMENT_BYTES_MAX,
    ) -> None:
        self._database = database
        self._journal = Journal(journal_dir, segment_bytes_max)
        self._folding = asyncio.Lock()

    def record(self, usage: Usage) -> None:
        """Store *usage*: once this has returned, it survives a SIGKILL of every process of ours.

        One write, no sync. Raises StorageFull where the disk is full and ServiceFailure where the
        journal cannot be written; *usage* is not counted then.
        """
        self._journal.append(usage)

    async def fold(self) -> None:
        """Move what has been recorded into the table. Records may come in meanwhile.

        Raises StorageFull and ServiceFailure; what has not been moved then stays in the journal.
        """
        async with self._folding:
            with disk_errors():
                for segment in self._journal.seal():
                    await self._database.run(functools.partial(_insert, segment))
                    segment.unlink()

    async def keep_folding(self, interval_s: float) -> None:
        """Fold every *interval_s* seconds, until cancelled. That it fails is logged, once until it
        does not."""
        failed = False
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.fold()
            except WasmfaasError as error:
                if not failed:
                    _log.warning("recorded usage stays in the journal: %s", error.message)
                failed = True
            else:
                failed = False

    async def usage(
        self,
        by: str | None = None,
        since_ms: int | None = None,
        until_ms: int | None = None,
    ) -> list[UsageRow]:
        """Usage of the attempts that started at *since_ms* or later and before *until_ms* (Unix
        time in milliseconds), by "function", by "day", or (None) in one row; ordered by key.

        Raises InvalidParameterValue for another *by*; folds first, and raises as `fold`.
        """
        query = _query(by, since_ms, until_ms)
        await self.fold()
        rows = await self._database.run(lambda connection: connection.execute(query).all())
        return [_row(row, by) for row in rows]

    def close(self) -> None:
        """Close the journal; what is in it stays for the next fold. May be called again."""
        self._journal.close()


def _insert(segment: Path, connection: Connection) -> None:
    insert_new(connection, LEDGER, journal.read(segment))


def _query(by: str | None, since_ms: int | None, until_ms: int | None) -> Select[Any]:
    key = _key(by)
    query = select(
        key.label("key"),
        func.count().label("requests"),
        func.count(LEDGER.c.error_type).label("errors"),
        func.count(LEDGER.c.init_us).label("cold_starts"),
        func.coalesce(func.max(LEDGER.c.memory_bytes_peak), 0).label("memory_bytes_peak"),
        *(half for column in _SUMMED for half in _halves(column)),
    )
    if since_ms is not None:
        query = query.where(LEDGER.c.started_at_ms >= since_ms)
    if until_ms is not None:
        query = query.where(LEDGER.c.started_at_ms < until_ms)
    return query if by is None else query.group_by(key).order_by(key)


def _halves(column: Column[int]) -> tuple[Label[int], Label[int]]:
    """Two sums that make the sum of *column*, which by itself may be more than 64 bits hold."""
    return (
        func.coalesce(func.sum(column // _HALF), 0).label(f"{column.name}_high"),
        func.coalesce(func.sum(column % _HALF), 0).label(f"{column.name}_low"),
    )


def _key(by: str | None) -> ColumnElement[Any]:
    if by is None:
        return null()
    if by == UsageBy.FUNCTION:
        return LEDGER.c.function_name
    if by == UsageBy.DAY:
        return LEDGER.c.started_at_ms // _DAY_MS
    accepted = " or ".join(repr(str(choice)) for choice in UsageBy)
    raise InvalidParameterValue(f"Usage cannot be added up by {by!r}, only by {accepted}.")


def _row(row: Row[Any], by: str | None) -> UsageRow:
    key = row.key
    if by == UsageBy.DAY:
        key = f"{datetime.fromtimestamp(key * _DAY_MS / 1000, UTC):%Y-%m-%d}"
    sums = {
        column.name: int(getattr(row, f"{column.name}_high")) * _HALF
        + int(getattr(row, f"{column.name}_low"))
        for column in _SUMMED
    }
    return UsageRow(
        key=key,
        requests=int(row.requests),
        errors=int(row.errors),
        cold_starts=int(row.cold_starts),
        fuel=sums["fuel"],
        duration_ms=sums["duration_us"] / 1000,
        billed_duration_ms=sums["billed_duration_ms"],
        cpu_ms=sums["cpu_us"] / 1000,
        memory_bytes_peak=int(row.memory_bytes_peak),
        request_bytes=sums["request_bytes"],
        response_bytes=sums["response_bytes"],
    )
