"""Servers with settings of their own, held to one rule: whatever clients do, the server's output
has no traceback in it."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Server, start_server

Start = Callable[..., Server]


def output_of(server: Server) -> str:
    """What the server has printed."""
    return server.data_dir.with_name(server.data_dir.name + ".log").read_text(errors="replace")


def kill(server: Server) -> None:
    """SIGKILL the server, whatever it does, and wait for its end."""
    server.process.kill()
    server.process.wait(timeout=120)
    server.http.close()


@contextlib.contextmanager
def servers(folder: Path, cache_dir: Path) -> Iterator[Start]:
    """Starts servers, each on the data directory `name` in *folder*; they end with the block."""
    started: list[Server] = []

    def start(name: str = "data", **settings: Any) -> Server:
        server = start_server(folder / name, cache_dir, **settings)
        started.append(server)
        return server

    try:
        yield start
        for server in started:
            assert "Traceback" not in output_of(server), output_of(server)
    finally:
        for server in started:
            kill(server)


@pytest.fixture
def start(tmp_path: Path, cache_dir: Path) -> Iterator[Start]:
    """Starts a server for this test: `start(workers_max=2)`."""
    with servers(tmp_path, cache_dir) as start:
        yield start


def descendants(pid: int) -> set[int]:
    """The processes that descend from the process *pid*."""
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    found = {pid}
    while grown := {child for child, parent in parents if parent in found} - found:
        found |= grown
    return found - {pid}


def is_running(pid: int) -> bool:
    """Whether *pid* is a process that has not ended; one that waits to be reaped has."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def paths_under(folder: Path) -> Iterator[Path]:
    """Files and folders; of a server that runs, some may be gone by the time they are looked at."""
    # Unlike Path.rglob, this passes over a folder that goes meanwhile.
    for parent, folders, files in os.walk(folder):
        yield from (Path(parent) / name for name in [*folders, *files])


def workers_of(server: Server) -> set[int]:
    """The pids of its worker processes."""
    return {
        pid
        for pid in descendants(server.process.pid)
        if b"wasmfaas.sandbox.worker" in _command_line(pid)
    }


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def terminate(server: Server) -> None:
    os.kill(server.process.pid, signal.SIGTERM)
