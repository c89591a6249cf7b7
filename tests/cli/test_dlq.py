"""`wasmfaas events` and `wasmfaas dlq`, on events of a real server."""

import json

import pytest

from tests.cli.conftest import Cli
from tests.conftest import Server

FAILS = """
def lambda_handler(event, context):
    if event["bad"]:
        raise ValueError("asked to")
"""


@pytest.fixture
def failing(server: Server, function_name: str) -> str:
    """A function with one dead letter and one event that is done."""
    name = server.deploy(function_name, {"app.py": FAILS})
    client = server.lambda_client()
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=0)
    for bad in (True, False):
        payload = json.dumps({"bad": bad})
        client.invoke(FunctionName=name, InvocationType="Event", Payload=payload)
    client.close()
    server.await_events(name, done=1, dead=1)
    return name


def test_dead_letters_are_counted_shown_run_again_and_purged(
    server: Server, cli: Cli, failing: str
) -> None:
    header, row = cli("events", failing).out.splitlines()
    assert header.split() == ["FUNCTION", "QUEUED", "RUNNING", "DONE", "DEAD", "EXPIRED"]
    assert row.split() == [failing, "0", "0", "1", "1", "0"]
    assert failing in cli("events").out
    [letter] = cli("dlq", "list", f"--function={failing}", "--json").json["dead_letters"]
    assert letter["id"] in cli("dlq", "list").out
    shown = cli("events", "show", letter["id"]).out
    assert "RetriesExhausted" in shown
    assert "ValueError" in shown
    assert cli("dlq", "show", letter["id"]).out.splitlines()[-1] == '{"bad": true}'
    assert cli("dlq", "redrive", letter["id"]).out == "✓ enqueued 1 event\n"
    server.await_events(failing, done=1, dead=1)
    attempts = cli("events", "show", letter["id"], "--json").json["attempts"]
    assert [attempt["error_type"] for attempt in attempts] == ["ValueError"] * 2
    assert all(attempt["fuel"] > 0 for attempt in attempts)
    assert cli("dlq", "purge", f"--function={failing}", "--json").json == {"purged": 1}
    assert server.events(failing) == {"done": 1}


@pytest.mark.parametrize(
    "arguments",
    [
        ("dlq", "purge"),
        ("dlq", "redrive", "id", "--all"),
        ("events", "a", "b"),
        ("events", "show", "a", "b"),
        ("events", "show", "no-such-event"),
        ("dlq", "show", "no-such-event"),
    ],
)
def test_what_is_not_meant_is_refused(cli: Cli, arguments: tuple[str, ...]) -> None:
    ran = cli(*arguments)
    assert ran.status != 0
    assert ran.out == ""
    assert ran.err
