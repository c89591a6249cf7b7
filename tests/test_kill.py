"""SIGKILL at any moment: nobody is told what is not on record, and nothing is left half done."""

import itertools
import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server, start_server, zip_of

HANDLER = """\
import os, time
def lambda_handler(event, context):
    if event.get("sleep"):
        time.sleep(event["sleep"])
    return {"version": VERSION}
VERSION = %d
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


@pytest.fixture
def killable(data_dir: Path, cache_dir: Path) -> Iterator[Server]:
    server = start_server(data_dir, cache_dir, workers_max=2)
    yield server
    if server.process.poll() is None:
        server.stop()


def children(pid: int) -> list[int]:
    """Processes whose parent is *pid*."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid:
            found.append(int(path.parent.name))
    return found


def until(condition: object, seconds: float = 30) -> None:
    """Wait until *condition*, a callable, holds."""
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_every_answer_has_its_record_and_the_workers_die_too(
    killable: Server, data_dir: Path, cache_dir: Path
) -> None:
    killable.deploy("f", {"app.py": HANDLER % 1})
    answered: list[str] = []

    def call() -> None:
        with httpx.Client(base_url=killable.url) as client:
            while True:
                try:
                    response = client.get("/f/f/")
                except httpx.TransportError:
                    return
                if response.status_code == 200:
                    answered.append(response.headers["x-amzn-requestid"])

    callers = [threading.Thread(target=call) for _ in range(3)]
    for caller in callers:
        caller.start()
    until(lambda: len(answered) > 150)
    workers = children(killable.process.pid)
    killable.process.kill()
    killable.process.wait()
    for caller in callers:
        caller.join()
    assert workers
    until(lambda: not any(map(is_alive, workers)))
    again = start_server(data_dir, cache_dir, workers_max=2)
    total = again.http.get("/_wasmfaas/v1/usage").json()["rows"]
    assert again.stop() == 0
    with sqlite3.connect(data_dir / "wasmfaas.db") as database:
        rows = [row[0] for row in database.execute("select request_id from ledger")]
    assert len(rows) == len(set(rows)) == sum(row["requests"] for row in total)
    assert set(answered) <= set(rows)


def test_a_killed_update_is_old_or_new(data_dir: Path, cache_dir: Path) -> None:
    server = start_server(data_dir, cache_dir, workers_max=1)
    server.deploy("f", {"app.py": HANDLER % 0})
    asked = 0
    for round_, version in zip(range(3), itertools.count(1), strict=False):
        update = threading.Thread(target=_update_quietly, args=(server, version))
        update.start()
        time.sleep(0.004 * round_ * round_)
        server.process.kill()
        server.process.wait()
        update.join()
        asked = version
        server = start_server(data_dir, cache_dir, workers_max=1)
        waiter = server.lambda_client().get_waiter("function_updated_v2")
        waiter.wait(FunctionName="f", WaiterConfig={"Delay": 0.05, "MaxAttempts": 600})
        answer, response = server.invoke("f", {})
        assert "FunctionError" not in response
        assert 0 <= answer["version"] <= asked
    assert server.stop() == 0


def _update_quietly(server: Server, version: int) -> None:
    client = server.lambda_client()
    try:
        client.update_function_code(FunctionName="f", ZipFile=zip_of({"app.py": HANDLER % version}))
    except Exception:
        return  # killed before it could answer


def test_a_worker_that_dies_costs_one_invocation(killable: Server) -> None:
    killable.deploy("f", {"app.py": HANDLER % 1}, Timeout=60)
    outcome: dict[str, object] = {}

    def call() -> None:
        outcome["payload"], outcome["response"] = killable.invoke("f", {"sleep": 30})

    caller = threading.Thread(target=call)
    caller.start()
    url = "/_wasmfaas/v1/functions/f/logs"
    # The worker that holds the function is busy; any may be: all are killed.
    time.sleep(0.5)
    before = set(children(killable.process.pid))
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    caller.join(30)
    payload = outcome["payload"]
    assert isinstance(payload, dict)
    assert payload["errorType"] == "Runtime.ExitError"
    until(lambda: set(children(killable.process.pid)) - before)
    answer, _ = killable.invoke("f", {})
    assert answer == {"version": 1}
    assert "Runtime.ExitError" in killable.http.get(url, params={"limit": 50}).text
    (row,) = killable.http.get("/_wasmfaas/v1/usage").json()["rows"]
    assert (row["requests"], row["errors"]) == (2, 1)


def test_a_guest_that_blocks_past_its_timeout_is_killed(killable: Server) -> None:
    killable.deploy("f", {"app.py": HANDLER % 1}, Timeout=1)
    payload, response = killable.invoke("f", {"sleep": 50})
    assert response["FunctionError"] == "Unhandled"
    assert payload["errorType"] == "Sandbox.Timedout"
    assert payload["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert killable.invoke("f", {})[0] == {"version": 1}


def test_a_data_directory_has_one_server(killable: Server, data_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wasmfaas", "up", "--port=0", f"--data-dir={data_dir}"],
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert str(killable.process.pid) in done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads((data_dir / "server.json").read_text())
    assert found["pid"] == killable.process.pid
    assert killable.stop() == 0
    assert not (data_dir / "server.json").exists()
