"""Servers as processes: one that is stopped past its lease, and what is on disk when it says so."""

import contextlib
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, select

from tests.store.test_queue import DONE, attempt, new
from wasmfaas.store.database import Database
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.queue import LEASE_EXPIRED, EventQueue
from wasmfaas.store.schema import LEDGER

pytestmark = pytest.mark.anyio

LEASE_MS = 500
_SYNC = re.compile(r"\bf(?:data)?sync\(")


class Child:
    """One server, told what to do line by line."""

    def __init__(self, url: str, owner: str, *before: str) -> None:
        command = [*before, sys.executable, "-m", "tests.store.queue_child", url, owner,
                   str(LEASE_MS)]  # fmt: skip
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.told() == "ready"

    def ask(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def told(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode().strip()

    def does(self, text: str) -> str:
        self.ask(text)
        return self.told()

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGCONT)
        self.process.stdin.close()
        self.process.wait(timeout=200)
        self.process.stdout.close()


@pytest.fixture
def database(database_url: str) -> Iterator[Database]:
    database = Database.open(database_url)
    yield database
    database.close()


async def test_a_server_stopped_past_its_lease_touches_nothing_when_it_goes_on(
    database_url: str, database: Database
) -> None:
    queue = EventQueue(database, "b", 10, lease_ms=LEASE_MS)
    await queue.enqueue(new("e"))
    stale = Child(database_url, "a")
    try:
        assert stale.does("claim") == "claimed 1"
        os.kill(stale.process.pid, signal.SIGSTOP)
        stale.ask("renew")
        stale.ask("settle")
        deadline = time.monotonic() + 200
        while not (claimed := await queue.claim(1)):
            assert time.monotonic() < deadline
        assert claimed[0].attempt == 2
        assert await queue.settle(claimed[0], attempt(claimed[0]), lambda now: DONE) == DONE
        before = await Events(database, queue).show("e")
        os.kill(stale.process.pid, signal.SIGCONT)
        assert [stale.told(), stale.told()] == ["renew", "settled False"]
    finally:
        stale.close()
    shown = await Events(database, queue).show("e")
    assert shown == before
    history = [(row["attempt"], row["error_type"]) for row in shown["attempts"]]
    assert history == [(1, LEASE_EXPIRED), (2, None)]

    def billed(connection: Connection) -> list[tuple[str, int]]:
        rows = connection.execute(select(LEDGER.c.request_id, LEDGER.c.attempt))
        return [(row.request_id, row.attempt) for row in rows]

    assert await database.run(billed) == [("e", 2)]


def test_what_is_acknowledged_was_synced_and_callers_share_a_sync(tmp_path: Path) -> None:
    strace = shutil.which("strace")
    trace = tmp_path / "trace"
    before = [strace or "strace", "-f", "-qq", "-e", "trace=fsync,fdatasync,write", "-s", "16",
              "-o", str(trace)]  # fmt: skip
    if strace is None or subprocess.run([*before, "true"], capture_output=True).returncode:
        pytest.skip("there is no strace here, or it may not trace")
    child = Child(f"sqlite:///{tmp_path / 'database'}", "a", *before)
    try:
        for _ in range(5):
            assert child.does("enqueue 1") == "enqueue"
        assert child.does("enqueue 200") == "enqueue"
    finally:
        child.close()
    lines = trace.read_text().splitlines()
    told = [number for number, line in enumerate(lines) if 'write(1, "' in line]
    syncs = [
        sum(_SYNC.search(line) is not None for line in lines[begin:end])
        for begin, end in itertools.pairwise(told)
    ]
    assert len(syncs) == 6
    assert all(count >= 1 for count in syncs), "none is acknowledged without"
    assert syncs[-1] <= 5, "200 callers share a few"
