"""A server that is killed while it folds its journal loses no record and doubles none."""

import asyncio
from pathlib import Path

import pytest

from tests.killing import Child, Journal, killed_at_line
from tests.store.test_ledger import requests, usage
from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.ledger import Ledger

pytestmark = pytest.mark.anyio

_RECORDS = 12
_LINES_PER_KILL = 61


async def record_and_fold(path: Path, told: Journal) -> None:
    directory = DataDirectory.open(path)
    database = Database.open(directory.database)
    ledger = Ledger(database, directory.journal, segment_bytes_max=500)
    for number in range(_RECORDS):
        ledger.record(usage(number))
        told.tell(number)
        if number % 5 == 4:
            await ledger.fold()
    ledger.close()
    database.close()
    directory.close()


def child(path: Path, told: Path, line: int) -> None:
    with killed_at_line(line):
        asyncio.run(record_and_fold(path, Journal(told)))


async def test_a_kill_at_any_line_of_recording_and_folding_counts_each_record_once(
    tmp_path: Path,
) -> None:
    line, kills = 1, 0
    while True:
        path, told = tmp_path / f"data-{line}", tmp_path / f"told-{line}"
        with Child(child, path, told, line) as killed:
            if killed.ended_by_itself():
                break
        kills += 1
        line += _LINES_PER_KILL
        directory = DataDirectory.open(path)
        database = Database.open(directory.database)
        count = await requests(Ledger(database, directory.journal))
        database.close()
        directory.close()
        acknowledged = len(Journal(told).told())
        assert count in (acknowledged, acknowledged + 1), f"killed at line {line}"
    assert kills >= 5, "the kills have come before the end"
