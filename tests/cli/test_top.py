"""`wasmfaas top`, beside a function that is called."""

import os
import pty
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cli.command import RUN_S_MAX, environment
from tests.cli.conftest import Cli, cli_variables
from tests.conftest import Server

WAITS = """
import time
def lambda_handler(event, context):
    time.sleep(event.get("seconds", 0))
    return event["known"]
"""


@pytest.fixture
def called(server: Server, function_name: str) -> str:
    name = server.deploy(function_name, {"app.py": WAITS}, Timeout=30)
    assert server.invoke(name, {"known": 1})[0] == 1
    return name


def row_of(document: Any, name: str) -> Any:
    [row] = [row for row in document["functions"] if row["name"] == name]
    return row


def test_figures_are_those_of_the_calls(server: Server, cli: Cli, called: str) -> None:
    # Figures are of the last seconds, and who knows how long the command takes to start.
    deadline = time.monotonic() + RUN_S_MAX
    row: dict[str, Any] = {"calls": 0}
    while not row["calls"] and time.monotonic() < deadline:
        server.invoke(called, {"known": 1})
        server.invoke(called, {})
        document = cli("top", "--json").json
        row = row_of(document, called)
    assert document["workers"]["workers"] >= 1
    assert (row["refused"], row["waiting"]) == (0, 0)
    assert row["calls"] >= row["errors"] >= 1
    assert row["fuel_per_s"] > row["calls_per_s"] > 0
    assert row["p99_ms"] >= row["p50_ms"] > 0


def test_piped_it_is_one_table(cli: Cli, called: str) -> None:
    summary, header, *rows = cli("top").out.splitlines()
    assert "workers busy" in summary
    assert header.split()[:2] == ["FUNCTION", "READY"]
    assert called in {row.split()[0] for row in rows}


def test_what_runs_is_busy(server: Server, called: str) -> None:
    with ThreadPoolExecutor() as caller:
        running = caller.submit(server.invoke, called, {"known": 2, "seconds": 5})
        busy = set()
        while not running.done():
            document = server.http.get("/_wasmfaas/v1/figures").json()
            busy.add(row_of(document, called)["busy"])
        assert running.result()[0] == 2
    assert 1 in busy


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    leader, follower = pty.openpty()
    yield leader, follower
    os.close(leader)


def test_on_a_terminal_it_goes_on_until_it_is_interrupted(
    server: Server, called: str, terminal: tuple[int, int]
) -> None:
    leader, follower = terminal
    process = subprocess.Popen(
        [sys.executable, "-m", "wasmfaas", "top", "--interval=0.1"],
        stdin=follower, stdout=follower, stderr=follower,
        env=environment(TERM="xterm-256color", **cli_variables(server)),
    )  # fmt: skip
    os.close(follower)
    shown = ""
    while shown.count("workers busy") < 3:
        shown += os.read(leader, 65536).decode(errors="replace")
    process.send_signal(signal.SIGINT)
    assert process.wait(RUN_S_MAX) == 130
    assert called[:10] in shown
    assert "FUEL/S" in shown, "all columns fit"
