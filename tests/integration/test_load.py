"""A server with far more to do than it has workers.

By default, what has to wait is short. With WASMFAAS_TEST_FULL_LOAD=1 it is 1,000 calls of 200 ms,
and `python -m pytest -s tests/integration/test_load.py` prints their figures.
"""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server, zip_of
from tests.integration.conftest import Start, servers, workers_of
from tests.integration.raw import (
    Answer,
    Client,
    all_connected,
    exchange,
    invoke_request,
    request,
    until,
)

FUNCTIONS = "/2015-03-31/functions"
CALLS = 1000
WORKERS = 4
FULL_LOAD = bool(os.environ.get("WASMFAAS_TEST_FULL_LOAD"))
SLEEP_S = 0.2 if FULL_LOAD else 0.02
MIB = 1024 * 1024
MODULE = Path(__file__).parents[2] / "examples/hello-c/bootstrap.wasm"
SLEEP = """\
import time

def lambda_handler(event, context):
    time.sleep({seconds})
    return event["number"]
"""
HOLD = """\
import time

def lambda_handler(event, context):
    if event:
        print("begun")
        time.sleep(event)
    return event
"""
LENGTH = "def lambda_handler(event, context):\n    return len(event)\n"


class Callers:
    """Processes that call a function many times at once."""

    def __init__(self, server: Server, function: str, count: int) -> None:
        command = [sys.executable, "-m", "tests.integration.callers"]
        self._process = subprocess.Popen(
            [*command, server.url, function, str(count)],
            stdout=subprocess.PIPE,
            env={**os.environ, **server.variables},
        )

    def is_running(self) -> bool:
        return self._process.poll() is None

    def result(self) -> dict[str, Any]:
        output, _ = self._process.communicate(timeout=400)
        result: dict[str, Any] = json.loads(output)
        return result


class Probe:
    """Asks something again and again on a thread of its own, and keeps how long it took."""

    def __init__(self, ask: Callable[[], object]) -> None:
        self._ask = ask
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.times_ms: list[float] = []
        self._error: Exception | None = None

    def __enter__(self) -> "Probe":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._stop.wait(0.02):
                start = time.monotonic()
                self._ask()
                self.times_ms.append((time.monotonic() - start) * 1000)
        except Exception as error:
            self._error = error

    def at(self, share: float) -> float:
        return sorted(self.times_ms)[int(share * (len(self.times_ms) - 1))]

    def __str__(self) -> str:
        figures = f"{self.at(0.5):.1f}, p99 {self.at(0.99):.1f}, most {self.at(1):.1f}"
        return f"median {figures} ms of {len(self.times_ms)}"


def resident_bytes(server: Server) -> int:
    """Memory of the server process."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


@contextlib.contextmanager
def most_resident_bytes(server: Server) -> Iterator[Callable[[], int]]:
    """Yields a function that tells the most memory so far."""
    seen = [resident_bytes(server)]

    def look() -> None:
        seen.append(resident_bytes(server))

    with Probe(look):
        yield lambda: max(seen)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Server]:
    with servers(tmp_path_factory.mktemp("load"), cache_dir) as start:
        server = start(workers_max=WORKERS)
        server.deploy("sleep", {"app.py": SLEEP.format(seconds=SLEEP_S)}, Timeout=10)
        server.deploy("other", {"app.py": SLEEP.format(seconds=0)}, Timeout=10)
        yield server


def test_a_thousand_callers_are_answered_and_hold_up_nobody(server: Server) -> None:
    # All workers are up, and what a first time costs is paid.
    assert Callers(server, "sleep", 40).result()["outcomes"] == {"right": 40}
    before = resident_bytes(server)

    def ask(method: str, path: str, **members: Any) -> None:
        client.request(method, path, **members).raise_for_status()

    health = Probe(lambda: ask("GET", "/_wasmfaas/v1/health"))
    listing = Probe(lambda: ask("GET", f"{FUNCTIONS}/"))
    other = Probe(lambda: ask("POST", f"{FUNCTIONS}/other/invocations", json={"number": 1}))
    with (
        httpx.Client(base_url=server.url, timeout=60, auth=server.sign) as client,
        most_resident_bytes(server) as most,
        health,
        listing,
        other,
    ):
        result = Callers(server, "sleep", CALLS).result()
    grown = most() - before
    arithmetic_s = CALLS * SLEEP_S / WORKERS
    print(
        f"\n{CALLS} calls of {SLEEP_S} s on {WORKERS} workers: {result['seconds']:.1f} s, of which "
        f"{arithmetic_s:.1f} s are arithmetic; outcomes {result['outcomes']}\n"
        f"health: {health}\nListFunctions: {listing}\nanother function: {other}\n"
        f"memory of the server: {before / MIB:.0f} MB, {grown / MIB:.0f} MB more at most"
    )
    assert result["outcomes"] == {"right": CALLS}
    assert len(workers_of(server)) <= WORKERS
    assert arithmetic_s <= result["seconds"]
    # A connection, its parser, buffers and task are some 20 KB: 20 MB for a thousand.
    assert grown < 64 * MIB
    # It waits for the one of four workers that is free next, not for those who came before; as
    # little as that is depends on what else the machine has to do.
    all_ms = 1000 * result["seconds"]
    for probe, share in ((health, 0.1), (listing, 0.1), (other, 0.25)):
        assert probe.at(0.5) < all_ms * share
    if FULL_LOAD:
        assert result["seconds"] < 10 * arithmetic_s + 10
        assert max(health.at(0.5), listing.at(0.5)) < 100
        assert other.at(0.5) < 1000 * SLEEP_S + 500


def begun(server: Server, function: str) -> int | None:
    """How many invocations of *function* have printed that they have begun; None without it."""
    answer = server.http.get(f"/_wasmfaas/v1/functions/{function}/logs?limit=1000")
    if answer.status_code == 404:
        return None
    entries = answer.json()
    return "".join(entry["text"] for entry in entries["entries"]).count("begun")


@contextlib.contextmanager
def held_workers(server: Server, count: int, seconds: float) -> Iterator[list[Client]]:
    """*count* calls that take *seconds* each, and have a worker each."""
    if begun(server, "hold") is None:
        server.deploy("hold", {"app.py": HOLD}, Timeout=120)
        call = invoke_request(server, "hold", b"0")
        until(lambda: exchange(server.url, call).status == 200, "it has started up")
    held = count + (begun(server, "hold") or 0)
    with all_connected(server.url, count) as callers:
        for caller in callers:
            caller.send(invoke_request(server, "hold", json.dumps(seconds).encode()))
        until(lambda: begun(server, "hold") == held, "all begin")
        yield callers


def answers(server: Server, requests: list[bytes]) -> list[Answer]:
    """The answers to *requests*, each sent on a connection of its own, all before the first is
    read."""
    with all_connected(server.url, len(requests)) as callers:
        for caller, data in zip(callers, requests, strict=True):
            caller.send(data)
        return [answer for caller in callers if (answer := caller.answer()) is not None]


def check_throttled(answer: Answer, words: str) -> None:
    assert answer.status == 429
    assert answer.headers["x-amzn-errortype"] == "TooManyRequestsException"
    assert answer.headers["retry-after"] == "1"
    assert answer.document["Reason"] == "ConcurrentInvocationLimitExceeded"
    assert words in answer.document["message"]


def test_what_waits_is_bounded_in_number_and_in_bytes(start: Start) -> None:
    server = start(workers_max=1, queue_depth_max=3, queue_bytes_max=1_000_000)
    server.deploy("length", {"app.py": LENGTH}, Timeout=20)
    calls = [invoke_request(server, "length", b'"abc"'), request("POST", "/f/length/", b"")] * 3
    with held_workers(server, 1, 5):
        got = answers(server, calls)
    assert sorted(answer.status for answer in got) == [200, 200, 200, 429, 429, 429]
    for answer in got:
        if answer.status == 429:
            check_throttled(answer, "3 invocations wait for a worker already")
    event = b'"' + b"a" * 399_998 + b'"'
    with held_workers(server, 1, 5):
        got = answers(server, [invoke_request(server, "length", event)] * 3)
    assert sorted(answer.status for answer in got) == [200, 200, 429]
    check_throttled(next(each for each in got if each.status == 429), "bytes of events wait")


def test_nobody_waits_for_ever(start: Start) -> None:
    server = start(workers_max=1, queue_wait_ms_max=300)
    call = invoke_request(server, "hold", b"0")
    with held_workers(server, 1, 6) as (holder,):
        for refused in answers(server, [call, request("GET", "/f/hold/")]):
            check_throttled(refused, "no worker came free within 300 ms")
        answer = holder.answer()
        assert answer is not None
        assert answer.document == 6
    until(lambda: exchange(server.url, call).status == 200, "room again")


def test_uploads_are_bounded_before_they_are_held(start: Start) -> None:
    server = start(workers_max=1, bytes_held_max=32 * MIB)
    server.deploy("length", {"app.py": LENGTH}, Timeout=20)
    before = resident_bytes(server)
    urls = [request("POST", "/f/length/", b"a" * 6_000_000)] * 10
    events = [invoke_request(server, "length", b'"' + b"a" * 5_999_998 + b'"')] * 10
    with (
        all_connected(server.url, len(urls + events)) as callers,
        most_resident_bytes(server) as most,
    ):
        for caller, data in zip(callers, urls + events, strict=True):
            caller.send(data[:-1])
        refused = until(lambda: [each for each in callers if not each.is_quiet()], "refusals")
        for caller in refused:
            answer = caller.answer()
            assert answer is not None
            check_throttled(answer, "bytes of requests and answers are held")
        assert server.http.get("/_wasmfaas/v1/health").status_code == 200
        # What is held, a copy of one that is being passed on, and what malloc rounds up.
        assert most() - before < 96 * MIB
    until(lambda: exchange(server.url, urls[0]).status == 200, "room again")


def test_a_deployment_goes_through_while_every_worker_is_taken(start: Start) -> None:
    server = start(workers_max=2)
    with (
        held_workers(server, 2, 100) as holders,
        all_connected(server.url, 10) as waiting,
        contextlib.closing(server.lambda_client()) as client,
    ):
        for each in waiting:
            each.send(invoke_request(server, "hold", b"0"))
        server.deploy("late", {"app.py": LENGTH})
        client.update_function_code(FunctionName="late", ZipFile=zip_of({"app.py": HOLD}))
        client.get_waiter("function_updated_v2").wait(
            FunctionName="late", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )
        module = {"bootstrap.wasm": MODULE.read_bytes()}
        server.deploy("module", module, Runtime="provided.al2023", Handler="bootstrap")
        client.delete_function(FunctionName="late")
        assert all(each.is_quiet() for each in [*holders, *waiting])
