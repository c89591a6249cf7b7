"""The ledger: every acknowledged record counts, and counts once."""

import asyncio
import os
import signal
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from wasmfaas.errors import InvalidParameterValue, ServiceFailure, StorageFull
from wasmfaas.models import Usage
from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.ledger import Ledger, UsageRow

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000
NOON_MS = 20_000 * DAY_MS + DAY_MS // 2


def usage(request_id: object, **members: Any) -> Usage:
    fields: dict[str, Any] = {
        "request_id": str(request_id),
        "attempt": 1,
        "function_name": "f",
        "function_version": "$LATEST",
        "started_at_ms": NOON_MS,
        "fuel_counted": 100,
        "fuel": 100,
        "duration_us": 1500,
        "billed_duration_ms": 2,
        "cpu_us": 1000,
        "memory_bytes_peak": 65536,
        "init_us": None,
        "request_bytes": 3,
        "response_bytes": 4,
        "error_type": None,
    }
    return Usage(**fields | members)


@pytest.fixture
def ledger(database: Database, directory: DataDirectory) -> Ledger:
    return Ledger(database, directory.journal)


def reopened(database: Database, directory: DataDirectory) -> Ledger:
    """A ledger as the next process has it."""
    return Ledger(database, directory.journal)


async def requests(ledger: Ledger) -> int:
    (row,) = await ledger.usage()
    return row.requests


async def test_records_are_added_up(ledger: Ledger) -> None:
    ledger.record(usage(1, fuel=5, init_us=9))
    ledger.record(usage(2, fuel=6, function_name="g", error_type="KeyError"))
    ledger.record(usage(3, fuel=7, started_at_ms=NOON_MS + DAY_MS, memory_bytes_peak=99999))
    assert await ledger.usage() == [
        UsageRow(
            key=None,
            requests=3,
            errors=1,
            cold_starts=1,
            fuel=18,
            duration_ms=4.5,
            billed_duration_ms=6,
            cpu_ms=3.0,
            memory_bytes_peak=99999,
            request_bytes=9,
            response_bytes=12,
        )
    ]
    by_function = await ledger.usage("function")
    assert [(row.key, row.requests, row.fuel) for row in by_function] == [("f", 2, 12), ("g", 1, 6)]
    by_day = await ledger.usage("day")
    assert [(row.key, row.requests) for row in by_day] == [("2024-10-04", 2), ("2024-10-05", 1)]


async def test_the_bounds_of_time_are_from_inclusive_to_exclusive(ledger: Ledger) -> None:
    for offset in (-1, 0, 1):
        ledger.record(usage(offset, started_at_ms=NOON_MS + offset))
    (row,) = await ledger.usage(since_ms=NOON_MS, until_ms=NOON_MS + 1)
    assert row.requests == 1
    assert await ledger.usage("function", since_ms=NOON_MS + 9) == []
    (nothing,) = await ledger.usage(since_ms=NOON_MS + 9)
    assert (nothing.requests, nothing.fuel, nothing.memory_bytes_peak) == (0, 0, 0)


async def test_another_grouping_is_refused(ledger: Ledger) -> None:
    with pytest.raises(InvalidParameterValue, match="'week', only by 'function' or 'day'"):
        await ledger.usage("week")


async def test_an_attempt_counts_once_and_each_attempt_counts(ledger: Ledger) -> None:
    for attempt in (1, 1, 2):
        ledger.record(usage("r", attempt=attempt))
    await ledger.fold()
    ledger.record(usage("r", attempt=1, fuel=999))
    (row,) = await ledger.usage()
    assert (row.requests, row.fuel) == (2, 200)


async def test_figures_and_names_from_a_subverted_worker_are_stored_all_the_same(
    ledger: Ledger,
) -> None:
    ledger.record(usage(1, fuel=2**80, cpu_us=-5, error_type="\ud800" * 1000))
    ledger.record(usage(2, fuel_counted=2**63, error_type="a\x00b"))
    ledger.record(usage(3, fuel=2**63 - 1))
    (row,) = await ledger.usage("function", until_ms=NOON_MS + 1)
    assert (row.requests, row.errors, row.cpu_ms) == (3, 2, 2.0)
    assert row.fuel == 2 * (2**63 - 1) + 100


async def test_segments_are_bounded_and_go_when_folded(
    database: Database, directory: DataDirectory
) -> None:
    ledger = Ledger(database, directory.journal, segment_bytes_max=1000)
    for number in range(50):
        ledger.record(usage(number))
    sizes = [path.stat().st_size for path in directory.journal.iterdir()]
    assert len(sizes) > 1
    assert max(sizes) <= 1000
    assert await requests(ledger) == 50
    assert list(directory.journal.iterdir()) == []


async def test_records_that_come_during_a_fold_are_kept_for_the_next(ledger: Ledger) -> None:
    for number in range(20):
        ledger.record(usage(number))
    folding = asyncio.gather(ledger.fold(), ledger.fold())
    for number in range(20, 200):
        ledger.record(usage(number))
        await asyncio.sleep(0)
    await folding
    assert await requests(ledger) == 200


async def test_a_record_outlives_a_kill_right_after_its_acknowledgement(
    tmp_path: Path, database: Database, directory: DataDirectory
) -> None:
    child = subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-m", "tests.store.recording_child", tmp_path / "db", directory.journal],
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout is not None
        acknowledged = [child.stdout.readline().strip() for _ in range(500)]
        child.send_signal(signal.SIGKILL)
        acknowledged += child.stdout.read().split()
    assert len(acknowledged) >= 500
    count = await requests(Ledger(database, directory.journal))
    assert count in (len(acknowledged), len(acknowledged) + 1), "one may not have been told yet"


def _cut(tail: int) -> Callable[[bytes], bytes]:
    return lambda data: data[:-tail]


@pytest.mark.parametrize(
    ("damage", "left"),
    [
        (_cut(1), 2),
        (_cut(30), 2),
        (lambda data: data + b"\x05", 3),
        (lambda data: data + b"\x05\x00\x00\x00" + b"torn", 3),
        (lambda data: data + bytes(4096), 3),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), 2),
        (lambda data: b"", 0),
    ],
)
async def test_a_torn_tail_is_ignored_and_not_appended_to(
    database: Database,
    directory: DataDirectory,
    ledger: Ledger,
    damage: Callable[[bytes], bytes],
    left: int,
) -> None:
    for number in range(3):
        ledger.record(usage(number))
    ledger.close()
    (segment,) = directory.journal.iterdir()
    segment.write_bytes(damage(segment.read_bytes()))
    after = reopened(database, directory)
    after.record(usage("after"))
    assert await requests(after) == left + 1
    assert list(directory.journal.iterdir()) == []


async def test_a_kill_between_the_insert_and_the_removal_counts_once(
    database: Database, directory: DataDirectory, ledger: Ledger
) -> None:
    for number in range(10):
        ledger.record(usage(number))
    ledger.close()
    (segment,) = directory.journal.iterdir()
    content = segment.read_bytes()
    await ledger.fold()
    segment.write_bytes(content)
    assert await requests(reopened(database, directory)) == 10
    assert list(directory.journal.iterdir()) == []


async def test_a_fold_that_fails_loses_nothing(
    database: Database, directory: DataDirectory, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger.record(usage(1))

    async def full(transaction: object) -> None:
        raise StorageFull("full")

    with monkeypatch.context() as patched:
        patched.setattr(database, "run", full)
        with pytest.raises(StorageFull):
            await ledger.fold()
    ledger.record(usage(2))
    assert await requests(ledger) == 2


async def test_a_segment_of_a_newer_program_is_kept(
    database: Database, directory: DataDirectory, ledger: Ledger
) -> None:
    body = msgpack.packb([2, "something else"])
    segment = directory.journal / "0000000000000001.journal"
    segment.write_bytes(struct.pack("<II", len(body), zlib.crc32(body)) + body)
    with pytest.raises(ServiceFailure, match="newer wasmfaas"):
        await reopened(database, directory).fold()
    assert segment.exists()


async def test_folding_in_the_background_goes_on_after_a_failure(
    database: Database,
    directory: DataDirectory,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ledger.record(usage(1))
    run, failures = database.run, iter([StorageFull("no room")])

    async def fail_once(transaction: Any) -> Any:
        for failure in failures:
            raise failure
        return await run(transaction)

    monkeypatch.setattr(database, "run", fail_once)
    background = asyncio.create_task(ledger.keep_folding(0.001))
    async with asyncio.timeout(120):
        while list(directory.journal.iterdir()):
            await asyncio.sleep(0.001)
    background.cancel()
    assert "no room" in caplog.text
    assert await requests(ledger) == 1


async def test_a_full_disk_refuses_a_record_whole(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = os.write
    ledger.record(usage(1))

    def half_then_full(descriptor: int, data: bytes) -> int:
        if len(data) < 60:
            raise OSError(28, "No space left on device")
        return write(descriptor, data[:60])

    with monkeypatch.context() as patched:
        patched.setattr(os, "write", half_then_full)
        with pytest.raises(StorageFull, match="full"):
            ledger.record(usage(2))
    ledger.record(usage(3))
    (row,) = await ledger.usage()
    assert row.requests == 2
