"""SIGKILL at any moment, and the ends that are asked for: what was answered is on record, functions
are old or new, and nothing is left running or lying about.

WASMFAAS_TEST_KILL_ROUNDS says how often the server is killed in the first test.
"""

import contextlib
import functools
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
from botocore.exceptions import BotoCoreError

from tests.conftest import Server, zip_of
from tests.integration.conftest import (
    Start,
    descendants,
    is_running,
    kill,
    paths_under,
    servers,
    terminate,
    workers_of,
)
from tests.integration.raw import (
    Answer,
    Client,
    all_connected,
    connected,
    exchange,
    invoke_request,
    request,
    until,
)

ROUNDS = int(os.environ.get("WASMFAAS_TEST_KILL_ROUNDS", "2"))
VERSION = "def lambda_handler(event, context):\n    return {version}\n"
HOLD = """\
import time

def lambda_handler(event, context):
    seconds = event["queryStringParameters"]["s"] if isinstance(event, dict) else event
    if seconds:
        print("begun")
        time.sleep(float(seconds))
    return seconds
"""
MODULE = (Path(__file__).parents[2] / "examples/hello-c/bootstrap.wasm").read_bytes()
WASM = {"Runtime": "provided.al2023", "Handler": "bootstrap"}
HEALTH = "/_wasmfaas/v1/health"


def module(number: int) -> bytes:
    """A module that no other number gives: a custom section tells them apart."""
    name = f"n{number:08}".encode()
    return MODULE + bytes([0, len(name) + 1, len(name)]) + name


# Made once each: a zip has the time in it.
@functools.cache
def python_package(number: int) -> bytes:
    return zip_of({"app.py": VERSION.format(version=number)})


@functools.cache
def module_package(number: int) -> bytes:
    return zip_of({"bootstrap.wasm": module(number)})


PACKAGES = {"version": python_package, "module": module_package}


class Callers:
    """Threads that call functions until the server is gone."""

    def __init__(self, server: Server) -> None:
        self._url = server.url
        #: Ids of the requests that were answered.
        self.answered: list[str] = []
        self._unexpected: list[Answer] = []
        calls = [
            invoke_request(server, "version", b"{}"),
            request("GET", "/f/version/"),
            invoke_request(server, "module", b'{"name": "x"}'),
        ]
        self._threads = [threading.Thread(target=self._call, args=(call,)) for call in calls]
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join()
        assert not self._unexpected

    def _call(self, call: bytes) -> None:
        with contextlib.suppress(ConnectionError), connected(self._url) as client:
            while True:
                client.send(call)
                answer = client.answer()
                if answer is None:
                    return
                if answer.status != 200 or "x-amz-function-error" in answer.headers:
                    self._unexpected.append(answer)
                    return
                self.answered.append(answer.headers["x-amzn-requestid"])


class Deployer:
    """A thread that updates functions until the server is gone."""

    def __init__(self, server: Server, first: int) -> None:
        self.asked = first
        #: The number of the last package of each function that was accepted.
        self.accepted: dict[str, int] = {}
        self._client = server.lambda_client()
        self._thread = threading.Thread(target=self._deploy)
        self._thread.start()

    def join(self) -> None:
        self._thread.join()
        self._client.close()

    def _deploy(self) -> None:
        with contextlib.suppress(BotoCoreError):
            while True:
                self.asked += 1
                for function, package in PACKAGES.items():
                    self._update(function, package(self.asked))
                    self.accepted[function] = self.asked

    def _update(self, function: str, package: bytes) -> None:
        while True:
            try:
                self._client.update_function_code(FunctionName=function, ZipFile=package)
                return
            except self._client.exceptions.ResourceConflictException:
                # The one before is still on its way.
                time.sleep(0.005)


def records(data_dir: Path) -> list[str]:
    """Request ids in the ledger."""
    with contextlib.closing(sqlite3.connect(data_dir / "wasmfaas.db")) as database:
        return [row[0] for row in database.execute("select request_id from ledger")]


def shown_digest(client: object, function: str) -> str:
    configuration = client.get_function_configuration(FunctionName=function)  # type: ignore[attr-defined]
    assert configuration["State"] == "Active"
    digest: str = configuration["CodeSha256"]
    return digest


def check_functions(server: Server, accepted: dict[str, int], asked: int) -> None:
    """That each function is what was accepted last, or what was asked for after it, and whole."""
    with contextlib.closing(server.lambda_client()) as client:
        for function, package in PACKAGES.items():
            shown = shown_digest(client, function)
            client.get_waiter("function_updated_v2").wait(
                FunctionName=function, WaiterConfig={"Delay": 0.05, "MaxAttempts": 1200}
            )
            assert shown_digest(client, function) == shown
            numbers = range(accepted[function], asked + 1)
            (number,) = (
                number
                for number in numbers
                if b64encode(sha256(package(number)).digest()).decode() == shown
            )
            answer, response = server.invoke(function, {"name": "x"})
            assert "FunctionError" not in response
            assert answer == (number if function == "version" else {"greeting": "Hello, x!"})


def check_leftovers(server: Server) -> None:
    """That nothing of what was killed lies about, once what runs now is done."""
    until(lambda: not leftovers(server), f"nothing is left over of {leftovers(server)}")
    for kind in ("code/*.zip", "tasks/[0-9a-f]*"):
        # The one that is served and, at most, the one that it has replaced just now.
        until(
            lambda: len(list(server.data_dir.glob(kind))) <= 2 * len(PACKAGES),  # noqa: B023
            f"what {kind} held is swept",
        )


def leftovers(server: Server) -> list[str]:
    names = [path.name for path in paths_under(server.data_dir)]
    folders = len(list((server.data_dir / "workers").iterdir()))
    unfinished = [name for name in names if name.startswith(".tmp-")]
    unfinished += [name for name in names if name.endswith((".building", ".new"))]
    return unfinished + ["workers"] * (folders - len(workers_of(server)))


def kill_at_work(server: Server, callers: Callers, deployer: Deployer, after_s: float) -> None:
    until(lambda: len(callers.answered) > 100 and deployer.accepted, "it is at work")
    time.sleep(after_s)
    kill_all(server)
    callers.join()
    deployer.join()


def kill_all(server: Server) -> None:
    """Kill the server, and see its children end."""
    processes = descendants(server.process.pid)
    kill(server)
    until(lambda: not any(map(is_running, processes)), "all processes of it have ended")


def test_a_killed_server_has_recorded_what_it_answered_and_goes_on(start: Start) -> None:
    chance = random.Random(2)
    server = start(workers_max=2)
    server.deploy("version", {"app.py": VERSION.format(version=0)})
    server.deploy("module", {"bootstrap.wasm": module(0)}, **WASM)
    answered: list[str] = []
    accepted, asked = dict.fromkeys(PACKAGES, 0), 0
    for _ in range(ROUNDS):
        callers, deployer = Callers(server), Deployer(server, asked)
        kill_at_work(server, callers, deployer, chance.random() / 2)
        answered += callers.answered
        accepted, asked = accepted | deployer.accepted, deployer.asked
        server = start(workers_max=2)
        check_functions(server, accepted, asked)
        check_leftovers(server)
        total = server.http.get("/_wasmfaas/v1/usage").json()["total"]["requests"]
        recorded = records(server.data_dir)
        assert set(answered) <= set(recorded)
        assert len(recorded) == len(set(recorded)) == total


def test_a_killed_deployment_is_resumed(start: Start) -> None:
    server = start(workers_max=1)
    with contextlib.closing(server.lambda_client()) as client:
        created = client.create_function(
            FunctionName="large", Role="arn:aws:iam::000000000000:role/lambda",
            Code={"ZipFile": zip_of({"bootstrap.wasm": command(3_000), "x": os.urandom(10**5)})},
            **WASM,
        )  # fmt: skip
    assert created["State"] == "Pending"
    kill_all(server)
    server = start(workers_max=1)
    with contextlib.closing(server.lambda_client()) as client:
        client.get_waiter("function_active_v2").wait(
            FunctionName="large", WaiterConfig={"Delay": 0.1, "MaxAttempts": 600}
        )
    _, response = server.invoke("large")
    assert "FunctionError" not in response


def command(functions: int) -> bytes:
    """A WASI command of so many functions, which take a while to compile."""

    def section(identifier: int, content: bytes) -> bytes:
        return bytes([identifier]) + number(len(content)) + content

    body = b"\x00" + b"\x41\x00\x28\x02\x00\x1a" * 20 + b"\x0b"
    types = section(1, b"\x01\x60\x00\x00")
    kinds = section(3, number(functions) + b"\x00" * functions)
    exports = section(7, b"\x02\x06_start\x00\x00\x06memory\x02\x00")
    code = section(10, number(functions) + (number(len(body)) + body) * functions)
    return b"\0asm\x01\0\0\0" + types + kinds + section(5, b"\x01\x00\x01") + exports + code


def number(value: int) -> bytes:
    """LEB128."""
    low, rest = value & 0x7F, value >> 7
    return bytes([low | 0x80]) + number(rest) if rest else bytes([low])


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory, cache_dir: Path) -> Iterator[Server]:
    """A server with one worker and a function that takes as long as its event says."""
    with servers(tmp_path_factory.mktemp("held"), cache_dir) as start:
        server = start(workers_max=1)
        deploy_hold(server)
        yield server


def deploy_hold(server: Server) -> None:
    server.deploy("hold", {"app.py": HOLD}, Timeout=100)
    assert server.invoke("hold", 0)[0] == 0


def begun(server: Server) -> int:
    """How many calls of `hold` have printed that they have begun."""
    entries = server.http.get("/_wasmfaas/v1/functions/hold/logs?limit=10000").json()["entries"]
    return "".join(entry["text"] for entry in entries).count("begun")


def begin(server: Server, clients: list[Client], calls: list[bytes]) -> None:
    """Make each of *calls* and wait until they run."""
    running = begun(server) + len(calls)
    for client, call in zip(clients, calls, strict=True):
        client.send(call)
    until(lambda: begun(server) == running, "the calls run")


def only_worker(server: Server) -> int:
    """The pid of the worker, once the one that took a snapshot has ended."""
    (worker,) = until(lambda: (found := workers_of(server)) and len(found) == 1 and found, "one")
    return int(worker)


def usage(server: Server) -> dict[str, float]:
    total: dict[str, float] = server.http.get("/_wasmfaas/v1/usage").json()["total"]
    return total


def test_a_killed_worker_costs_one_invocation_which_is_billed(held: Server) -> None:
    before = usage(held)
    for call, status in (
        (invoke_request(held, "hold", b"90"), 200),
        (request("GET", "/f/hold/?s=90"), 502),
    ):
        worker = only_worker(held)
        with connected(held.url) as client:
            begin(held, [client], [call])
            os.kill(worker, signal.SIGKILL)
            answer = client.answer()
        assert answer is not None
        assert answer.status == status
        assert int(answer.headers["x-wasmfaas-billed-duration-ms"]) > 0
        if status == 200:
            assert answer.headers["x-amz-function-error"] == "Unhandled"
            assert answer.document["errorType"] == "Runtime.ExitError"
            assert answer.document["errorMessage"].endswith("exited with error: signal 9")
        else:
            assert answer.headers["x-wasmfaas-error"] == "Runtime.ExitError"
        assert held.invoke("hold", 0)[0] == 0
        assert worker not in workers_of(held)
    after = usage(held)
    assert after["requests"] - before["requests"] == 4
    assert after["errors"] - before["errors"] == 2
    folders = held.data_dir / "workers"
    until(lambda: len(list(folders.iterdir())) == 1, "the folders of the killed are gone")


def test_a_guest_that_blocks_in_a_host_call_is_killed(start: Start) -> None:
    server = start(workers_max=1, kill_grace_ms=200)
    server.deploy("hold", {"app.py": HOLD}, Timeout=1)
    worker = only_worker(server)
    for call, status in (
        (invoke_request(server, "hold", b"90"), 200),
        (request("GET", "/f/hold/?s=90"), 502),
    ):
        begin = time.monotonic()
        answer = exchange(server.url, call)
        # 1.2 s and a new worker, on any machine.
        assert 1 <= time.monotonic() - begin < 80
        assert answer.status == status
        assert answer.headers["x-wasmfaas-billed-duration-ms"] == "1000"
        if status == 200:
            assert answer.document["errorType"] == "Sandbox.Timedout"
            assert answer.document["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert server.invoke("hold", 0)[0] == 0
    assert worker not in workers_of(server)
    total = usage(server)
    assert (total["requests"], total["errors"]) == (3, 2)
    assert 2001 <= total["billed_duration_ms"] <= 3000


def test_idle_workers_that_are_killed_are_replaced(held: Server) -> None:
    for _ in range(3):
        worker = only_worker(held)
        os.kill(worker, signal.SIGKILL)
        until(functools.partial(_replaced, held, worker), "there is a new one")
        assert held.invoke("hold", 0)[0] == 0


def _replaced(server: Server, worker: int) -> bool:
    return bool(workers_of(server) - {worker})


def test_a_stop_finishes_what_runs(start: Start) -> None:
    server = start(workers_max=1)
    deploy_hold(server)
    with all_connected(server.url, 4) as (running, waiting, half, kept), Follower(server) as log:
        begin(server, [running], [invoke_request(server, "hold", b"1")])
        waiting.send(invoke_request(server, "hold", b"0.1"))
        half.send(request("POST", "/f/hold/", b"x" * 100)[:-1])
        kept.send(request("GET", HEALTH))
        assert kept.answer()
        log.wait_for("begun")
        terminate(server)
        for client, result in ((running, 1), (waiting, 0.1)):
            answer = client.answer()
            assert answer is not None
            assert (answer.status, answer.document) == (200, result)
            assert client.ended()
        refusal = half.answer()
        assert refusal is not None
        assert (refusal.status, refusal.document["Message"]) == (503, "The server is stopping.")
        assert kept.ended()
        assert server.process.wait(timeout=120) == 0
    assert not (server.data_dir / "server.json").exists()
    assert len(records(server.data_dir)) == 3
    with pytest.raises(ConnectionError):
        exchange(server.url, request("GET", HEALTH))


class Follower:
    """A thread that follows the log of `hold`, whose end has to be a clean one."""

    def __init__(self, server: Server) -> None:
        self._url = f"{server.url}/_wasmfaas/v1/functions/hold/logs/follow"
        self._sign = server.sign
        self._thread = threading.Thread(target=self._follow)
        self._seen = ""
        self._error: Exception | None = None

    def __enter__(self) -> "Follower":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.join()
        if self._error is not None:
            raise self._error

    def wait_for(self, text: str) -> None:
        until(lambda: text in self._seen, f"the log has {text!r}")

    def _follow(self) -> None:
        try:
            with httpx.stream(
                "GET", self._url, params={"after": 0}, timeout=60, auth=self._sign
            ) as response:
                for line in response.iter_lines():
                    self._seen += json.loads(line)["text"]
        except Exception as error:
            self._error = error


def test_a_second_stop_cuts_short_what_runs(start: Start) -> None:
    server = start(workers_max=1)
    deploy_hold(server)
    with all_connected(server.url, 2) as (running, waiting):
        begin(server, [running], [invoke_request(server, "hold", b"90")])
        waiting.send(invoke_request(server, "hold", b"0"))
        # It has arrived: what comes after it on another connection is answered.
        assert exchange(server.url, request("GET", HEALTH)).status == 200
        terminate(server)
        until(lambda: refuses(server), "it stops")
        terminate(server)
        cut, refusal = running.answer(), waiting.answer()
        assert server.process.wait(timeout=120) == 0
    assert cut is not None
    assert cut.document["errorType"] == "Runtime.ExitError"
    assert refusal is not None
    assert (refusal.status, refusal.document["Message"]) == (503, "The server is stopping.")
    server = start(workers_max=1)
    assert usage(server)["requests"] == 2
    assert cut.headers["x-amzn-requestid"] in records(server.data_dir)


def refuses(server: Server) -> bool:
    try:
        connection = Client(server.url)
    except ConnectionError:
        return True
    connection.close()
    return False


def test_a_data_directory_has_one_server(held: Server, cache_dir: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "wasmfaas", "up", "--port=0", f"--data-dir={held.data_dir}",
         f"--cache-dir={cache_dir}"],
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 1
    assert f"Another server (process {held.process.pid}) uses the data directory" in done.stderr
    assert "--data-dir" in done.stderr
    assert "Traceback" not in done.stderr
    found = json.loads((held.data_dir / "server.json").read_text())
    assert found["pid"] == held.process.pid
    assert held.invoke("hold", 0)[0] == 0


def test_two_servers_share_a_cache_and_compile_once(start: Start, cache_dir: Path) -> None:
    one, other = start("one", workers_max=1), start("other", workers_max=1)
    artefacts = cache_dir / "artefacts"
    wasm = module(time.time_ns() % 10**8)
    name = sha256(wasm).hexdigest()
    threads = [
        threading.Thread(
            target=server.deploy, args=("module", {"bootstrap.wasm": wasm}), kwargs=WASM
        )
        for server in (one, other)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for server in (one, other):
        assert server.invoke("module", {"name": "x"})[0] == {"greeting": "Hello, x!"}
    made = [path.suffix for path in artefacts.glob(f"{name}*")]
    assert sorted(made) == [".cwasm", ".json", ".lock"]
    (compiled,) = artefacts.glob(f"{name}*.cwasm")
    before = compiled.stat()
    kill(one)
    assert start("one", workers_max=1).invoke("module", {"name": "y"})[0]["greeting"] == "Hello, y!"
    assert compiled.stat().st_ino == before.st_ino
