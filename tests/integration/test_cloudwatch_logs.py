"""Logs of running functions, as boto3 and the `aws` command line read them."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Server

CODE = """
import time

def lambda_handler(event, context):
    print("begins", event["mark"])
    time.sleep(event.get("seconds", 0))
    print("ends", event["mark"])
    return [context.log_group_name, context.log_stream_name]
"""
DEADLINE_S = 120


@pytest.fixture(scope="module")
def function(server: Server) -> str:
    return server.deploy("cloudwatch-logs", {"app.py": CODE}, Timeout=30)


@pytest.fixture
def logs(server: Server) -> Iterator[Any]:
    with contextlib.closing(server.client("logs")) as client:
        yield client


def environment(server: Server) -> dict[str, str]:
    return {
        **os.environ,
        **server.variables,
        "PYTHONUNBUFFERED": "1",
    }


def version_2() -> str | None:
    """`aws logs tail` came with version 2, which is not on PyPI."""
    command = os.environ.get("WASMFAAS_TEST_AWS") or shutil.which("aws")
    if command is None:
        return None
    shown = subprocess.run([command, "--version"], capture_output=True, text=True)
    return command if shown.stdout.startswith("aws-cli/2") else None


def test_a_function_is_told_the_stream_that_its_log_is_in(
    server: Server, function: str, logs: Any
) -> None:
    (group, stream), _ = server.invoke(function, {"mark": "stream"})
    assert group == f"/aws/lambda/{function}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    deadline = time.monotonic() + DEADLINE_S
    events: list[Any] = []
    while not any(event["message"].startswith("REPORT") for event in events):
        assert time.monotonic() < deadline
        response = logs.get_log_events(logGroupName=group, logStreamName=stream)
        events = response["events"]
    kinds = [event["message"].split()[0] for event in events if "stream" in event["message"]]
    assert kinds == ["begins", "ends"]
    described = logs.describe_log_streams(logGroupName=group)["logStreams"]
    assert stream in [each["logStreamName"] for each in described]


def test_the_command_line_filters(server: Server, function: str) -> None:
    server.invoke(function, {"mark": "filter"})
    shown = subprocess.run(
        [sys.executable, "-m", "awscli", "logs", "filter-log-events", "--output", "text",
         f"--log-group-name=/aws/lambda/{function}", "--filter-pattern", "begins filter",
         "--query", "events[].message"],
        env=environment(server), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert shown.stdout.strip() == "begins filter"


def test_the_log_of_an_invocation_is_followed_while_it_runs(
    server: Server, function: str, logs: Any
) -> None:
    """As `aws logs tail --follow` does it: every request starts at the newest moment seen."""
    asked: dict[str, Any] = {"logGroupName": f"/aws/lambda/{function}", "interleaved": True}
    asked["startTime"] = int(time.time() * 1000) - 1000
    running = threading.Thread(target=server.invoke, args=(function, {"mark": "x", "seconds": 5}))
    running.start()
    seen: dict[str, str] = {}
    began_before_the_end = False
    deadline = time.monotonic() + DEADLINE_S
    while "ends x\n" not in seen.values() and time.monotonic() < deadline:
        for event in logs.filter_log_events(**asked)["events"]:
            seen.setdefault(event["eventId"], event["message"])
            asked["startTime"] = max(asked["startTime"], event["timestamp"])
        began_before_the_end |= "begins x\n" in seen.values() and "ends x\n" not in seen.values()
        time.sleep(0.1)
    running.join()
    assert began_before_the_end
    assert list(seen.values()).count("begins x\n") == 1


@pytest.mark.skipif(version_2() is None, reason="aws is not here in version 2")
def test_tail_follows_a_running_invocation(server: Server, function: str) -> None:
    command = [version_2() or "", "logs", "tail", f"/aws/lambda/{function}", "--follow"]
    tail = subprocess.Popen(
        [*command, "--format", "short", "--since", "1s"],
        env=environment(server), stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    running = threading.Thread(target=server.invoke, args=(function, {"mark": "y", "seconds": 12}))
    running.start()
    assert tail.stdout is not None
    try:
        for line in tail.stdout:
            if line.endswith("begins y\n"):
                assert running.is_alive()
            if line.endswith("ends y\n"):
                break
    finally:
        tail.kill()
        tail.wait()
        tail.stdout.close()
        running.join()
