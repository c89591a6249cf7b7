"""A data directory on a disk that fills up: refusals that say so, no answer without its record,
nothing left behind, and service again as soon as there is room.

The disk is a small one of its own, which only root can mount.
"""

import contextlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ROLE, Server, zip_of
from tests.integration.conftest import Start, kill, workers_of
from tests.integration.raw import Answer, exchange, invoke_request, request, signed_request, until

DISK_BYTES = 128 * 1024 * 1024
ANSWER = "def lambda_handler(event, context):\n    return event\n"
WRITE = """\
def lambda_handler(event, context):
    with open("/tmp/file", "wb") as file:
        file.write(b"x" * event)
    return event
"""
FULL = "The disk that holds the data directory is full"
COMMAND = Path(__file__).parents[2] / "examples/hello-wasi/bootstrap.wasm"


class Disk:
    """A mounted file system of its own."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._filler = path / "lost+found"

    def fill(self) -> None:
        """Leave no room, down to the last page."""
        size = 1024 * 1024
        with self._filler.open("ab", buffering=0) as filler:
            while size:
                try:
                    filler.write(bytes(size))
                except OSError:
                    size //= 2

    def make_room(self) -> None:
        self._filler.unlink(missing_ok=True)


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "data"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("only root, with the right to mount, can make a disk small enough to fill")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def stored(server: Server) -> set[Path]:
    """Files and folders of packages."""
    folders = (server.data_dir / "code", server.data_dir / "tasks")
    return {path for folder in folders for path in folder.iterdir()}


def call(
    server: Server, answered: list[str], function: str = "echo", event: bytes = b"1"
) -> Answer:
    answer = exchange(server.url, invoke_request(server, function, event))
    if answer.status == 200:
        answered.append(answer.headers["x-amzn-requestid"])
    else:
        check_refused(answer)
    return answer


def check_refused(answer: Answer) -> None:
    assert answer.status == 507
    assert answer.headers["x-amzn-errortype"] == "StorageFullException"
    members = answer.document
    assert members.get("Message", members.get("message", "")).startswith(FULL)


def check_deployments_are_refused(server: Server) -> None:
    before = stored(server)
    package = zip_of({"app.py": ANSWER, "data.bin": os.urandom(100_000)})
    with contextlib.closing(server.lambda_client()) as client:
        with pytest.raises(client.exceptions.ClientError, match=FULL) as refusal:
            client.create_function(
                FunctionName="new", Role=ROLE, Code={"ZipFile": package},
                Runtime="python3.14", Handler="app.lambda_handler",
            )  # fmt: skip
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 507
        with pytest.raises(client.exceptions.ClientError, match=FULL):
            client.update_function_code(FunctionName="echo", ZipFile=package)
        listed = client.list_functions()["Functions"]
        assert {each["FunctionName"] for each in listed} == {"echo", "write", "command"}
        assert client.get_function(FunctionName="echo")["Configuration"]["State"] == "Active"
    assert stored(server) == before


def check_url_refuses(server: Server, disk: Disk) -> None:
    def refusal() -> Answer | None:
        disk.fill()
        answer = exchange(server.url, request("GET", "/f/echo/"))
        return answer if answer.status != 200 else None

    check_refused(until(refusal, "a refusal"))


def integrity(server: Server) -> str:
    with contextlib.closing(sqlite3.connect(server.data_dir / "wasmfaas.db")) as database:
        (text,) = database.execute("pragma integrity_check").fetchone()
    return str(text)


def records(server: Server) -> set[str]:
    assert server.http.get("/_wasmfaas/v1/usage").status_code == 200
    with contextlib.closing(sqlite3.connect(server.data_dir / "wasmfaas.db")) as database:
        return {row[0] for row in database.execute("select request_id from ledger")}


def has_started(process: subprocess.Popen[bytes], disk: Disk) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return bool(json.loads((disk.path / "server.json").read_text())["pid"] == process.pid)
    return False


@pytest.fixture
def server(disk: Disk, start: Start) -> Server:
    server = start(workers_max=1)
    server.deploy("echo", {"app.py": ANSWER})
    server.deploy("write", {"app.py": WRITE})
    command = {"bootstrap.wasm": COMMAND.read_bytes()}
    server.deploy("command", command, Runtime="provided.al2023", Handler="bootstrap")
    # One that is being taken would take room, and then give it back.
    snapshots = server.data_dir / "snapshots" / "artefacts"
    until(lambda: len(list(snapshots.glob("*.json"))) == 2, "snapshots of both Python functions")
    until(lambda: not list(snapshots.glob("*.building")), "nothing is being built")
    return server


def test_a_full_disk_refuses_what_it_cannot_keep_and_recovers(server: Server, disk: Disk) -> None:
    answered: list[str] = []
    assert call(server, answered).status == 200
    disk.fill()
    check_deployments_are_refused(server)

    def refuses(function: str, event: bytes = b"1") -> bool:
        # What is moved or ends gives room back, and there is some in the last page of a journal.
        disk.fill()
        return call(server, answered, function, event).status == 507

    for function, event in (("echo", b"1"), ("write", b"1000000"), ("command", b"{}")):
        until(lambda: refuses(function, event), "no record, no answer")  # noqa: B023
    check_url_refuses(server, disk)
    (worker,) = until(lambda: len(found := workers_of(server)) == 1 and found, "one worker")
    os.kill(worker, signal.SIGKILL)
    until(lambda: worker not in workers_of(server), "the worker has ended")
    assert exchange(server.url, request("GET", "/_wasmfaas/v1/health")).status == 200
    disk.make_room()
    until(
        lambda: exchange(server.url, invoke_request(server, "echo", b"2")).status == 200, "service"
    )
    assert call(server, answered, "write", b"1000000").document == 1_000_000
    assert call(server, answered, "command", b"{}").headers.get("x-amz-function-error") is None
    server.deploy("new", {"app.py": ANSWER})
    assert server.invoke("new", 3)[0] == 3
    assert set(answered) <= records(server)
    assert integrity(server) == "ok"


def enqueue(server: Server) -> Answer:
    target = "/2015-03-31/functions/echo/invocations"
    signed = signed_request(server, "POST", target, b"1", **{"X-Amz-Invocation-Type": "Event"})
    return exchange(server.url, signed)


def test_no_event_is_acknowledged_that_does_not_fit(server: Server, disk: Disk) -> None:
    first = enqueue(server)
    assert first.status == 202
    server.await_events("echo", done=1)
    accepted = {first.headers["x-amzn-requestid"]}
    disk.fill()

    def refused() -> bool:
        answer = enqueue(server)
        if answer.status == 202:  # the log of the database had room
            accepted.add(answer.headers["x-amzn-requestid"])
            return False
        check_refused(answer)
        return True

    until(refused, "no room, no 202")
    assert exchange(server.url, request("GET", "/_wasmfaas/v1/health")).status == 200
    disk.make_room()
    last = until(lambda: (again := enqueue(server)).status == 202 and again, "service")
    accepted.add(last.headers["x-amzn-requestid"])
    server.await_events("echo", done=len(accepted))
    assert server.stop() == 0
    with contextlib.closing(sqlite3.connect(server.data_dir / "wasmfaas.db")) as database:
        stored = {row[0] for row in database.execute("select id from events")}
    assert stored == accepted
    assert integrity(server) == "ok"


def test_a_server_on_a_full_disk_starts_or_says_why_it_does_not(
    server: Server, disk: Disk, start: Start, cache_dir: Path
) -> None:
    answered: list[str] = []
    for _ in range(20):
        call(server, answered)
    kill(server)
    disk.fill()
    command = [sys.executable, "-m", "wasmfaas", "up", "--port=0", f"--data-dir={disk.path}",
               f"--cache-dir={cache_dir}"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            # What the killed one has left may have made just enough room.
            until(lambda: has_started(process, disk) or process.poll() is not None, "an end")
        finally:
            process.kill()
        output, _ = process.communicate()
    assert "Traceback" not in output.decode()
    if process.returncode != -signal.SIGKILL:
        assert process.returncode == 1
        assert FULL in output.decode()
    disk.make_room()
    server = start(workers_max=1)
    assert call(server, answered).status == 200
    assert set(answered) <= records(server)
    assert integrity(server) == "ok"
