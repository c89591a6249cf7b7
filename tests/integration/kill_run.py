"""Producers enqueue events while the server, or a worker, is killed about every second; then the
books are compared.

    python -m tests.integration.kill_run --seconds 60
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.conftest import Server
from tests.integration.conftest import Start, kill, servers, workers_of
from wasmfaas.settings import default_cache_dir

PRODUCERS = 3
FUNCTION = "f"
#: Every third event fails, and is not retried; the others are done.
APP = """\
def lambda_handler(event, context):
    if event % 3 == 0:
        raise ValueError("asked to")
    return event
"""
SETTINGS = {"workers_max": 2, "events_concurrency_max": 4}
_DRAIN_S_MAX = 120
#: So many, and some of them fail.
_EVENTS_MIN = 50
#: How attempts end that a kill of the server has cut short.
CUT_SHORT = ("Lease.Expired", "ServiceException", "ServiceUnavailableException")


@dataclass
class Tally:
    """What happened, and what the books say of it afterwards."""

    #: Ids of events that the server has acknowledged with 202.
    acknowledged: set[str] = field(default_factory=set)
    #: Answers that are no 202.
    unexpected: list[int] = field(default_factory=list)
    server_kills: int = 0
    worker_kills: int = 0
    #: Of the events in the database.
    states: Counter[str] = field(default_factory=Counter)
    attempts: int = 0
    lost: int = 0
    ledger_rows: int = 0


class Producer(threading.Thread):
    """Enqueues one event after another. It asks again with the same key where an answer does not
    come, so that what is stored is what is acknowledged."""

    def __init__(self, run: "KillRun", seed: int) -> None:
        super().__init__()
        self._run = run
        self._random = random.Random(seed)
        self.start()

    def run(self) -> None:
        with httpx.Client(timeout=30) as client:
            while not self._run.over.is_set():
                payload = json.dumps(self._random.randrange(1000)).encode()
                self._enqueue(client, payload, uuid.uuid4().hex)

    def _enqueue(self, client: httpx.Client, payload: bytes, key: str) -> None:
        """Until it is acknowledged: there will be a server again."""
        headers = {"X-Amz-Invocation-Type": "Event", "X-Wasmfaas-Idempotency-Key": key}
        while True:
            server = self._run.server
            url = f"{server.url}/2015-03-31/functions/{FUNCTION}/invocations"
            try:
                answer = client.post(url, content=payload, headers=headers, auth=server.sign)
            except httpx.TransportError:
                time.sleep(0.02)
                continue
            if answer.status_code != 202:
                self._run.tally.unexpected.append(answer.status_code)
                return
            self._run.tally.acknowledged.add(answer.headers["x-wasmfaas-event-id"])
            return


class KillRun:
    """One run on one data directory."""

    def __init__(self, start: Start, seed: int = 0) -> None:
        self._start = start
        self._random = random.Random(seed)
        self.tally = Tally()
        self.over = threading.Event()
        self.server = self._started()
        self.server.deploy(FUNCTION, {"app.py": APP})
        with contextlib.closing(self.server.lambda_client()) as client:
            client.put_function_event_invoke_config(FunctionName=FUNCTION, MaximumRetryAttempts=0)

    def run(self, seconds: float) -> Tally:
        """Produce and kill for so long, and until it can tell something; let the
        events come to their ends, and read the books."""
        producers = [Producer(self, number) for number in range(PRODUCERS)]
        try:
            until = time.monotonic() + seconds
            while time.monotonic() < until or not self._is_telling():
                time.sleep(self._random.uniform(0.5, 1.5))
                self._kill_one()
        finally:
            self.over.set()
        for producer in producers:
            producer.join()
        deadline = time.monotonic() + _DRAIN_S_MAX
        while {"queued", "running"} & self.server.events(FUNCTION).keys():
            assert time.monotonic() < deadline, self.server.events(FUNCTION)
            time.sleep(0.1)
        assert self.server.stop() == 0
        self._read(self.server.data_dir / "wasmfaas.db")
        return self.tally

    def _is_telling(self) -> bool:
        tally = self.tally
        return bool(
            tally.server_kills and tally.worker_kills and len(tally.acknowledged) >= _EVENTS_MIN
        )

    def _started(self) -> Server:
        return self._start(**SETTINGS)

    def _kill_one(self) -> None:
        workers = sorted(workers_of(self.server))
        if workers and self._random.random() < 0.5:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._random.choice(workers), signal.SIGKILL)
            self.tally.worker_kills += 1
            return
        kill(self.server)
        self.tally.server_kills += 1
        self.server = self._started()

    def _read(self, path: Path) -> None:
        tally = self.tally
        with contextlib.closing(sqlite3.connect(path)) as database:

            def rows(query: str) -> list[Any]:
                return database.execute(query).fetchall()

            assert rows("PRAGMA integrity_check") == [("ok",)]
            states = dict(rows("SELECT id, state FROM events"))
            ledger = rows("SELECT request_id, attempt FROM ledger")
            history = rows("SELECT event_id, attempt, error_type FROM event_attempts")
        tally.states = Counter(states.values())
        tally.attempts, tally.ledger_rows = len(history), len(ledger)
        tally.lost = len(tally.acknowledged - states.keys())
        check(tally, states, ledger, history)


def check(tally: Tally, states: dict[str, str], ledger: list[Any], history: list[Any]) -> None:
    """Raise AssertionError where the books do not agree."""
    assert tally.unexpected == []
    assert tally.acknowledged == states.keys(), "acknowledged = done + dead + expired + pending"
    assert set(states.values()) <= {"done", "dead"}
    assert len(ledger) == len(set(ledger)), "nothing is billed twice"
    attempts = {(event, attempt) for event, attempt, _ in history}
    assert len(attempts) == len(history)
    assert set(ledger) <= attempts, "nothing is billed that was not tried"
    # An attempt that a kill of the server has cut short is billed where it got that far; every
    # other one is. As nothing is retried that has failed, all attempts but the last were cut short.
    by_event: dict[str, list[Any]] = {}
    billed = set(ledger)
    for event, attempt, error in sorted(history, key=lambda row: (row[0], row[1])):
        by_event.setdefault(event, []).append((event, attempt, error))
    assert by_event.keys() == states.keys()
    for rows in by_event.values():
        *before, (event, attempt, error) = rows
        assert all(each[2] in CUT_SHORT for each in before), rows
        assert error not in CUT_SHORT, rows
        assert (event, attempt) in billed, rows
        assert (states[event] == "done") == (error is None), rows


def main() -> int:
    """The run as a command: prints what it counted, and fails where the books do not agree."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--cache-dir", type=Path, default=default_cache_dir())
    chosen = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="wasmfaas-kill-run-") as folder,
        servers(Path(folder), chosen.cache_dir) as start,
    ):
        tally = KillRun(start).run(chosen.seconds)
    print(f"{tally.server_kills} kills of the server, {tally.worker_kills} of workers")
    print(f"{len(tally.acknowledged)} events acknowledged, {tally.lost} lost: {dict(tally.states)}")
    print(f"{tally.attempts} attempts, {tally.ledger_rows} rows in the ledger, none twice")
    return 0


if __name__ == "__main__":
    sys.exit(main())
