"""`wasmfaas queues` on a real server."""

import time
import uuid
from collections.abc import Iterator

import pytest

from tests.cli.command import on_a_terminal
from tests.cli.conftest import Cli, cli_variables
from tests.conftest import Server


@pytest.fixture
def queue(cli: Cli) -> Iterator[str]:
    """A queue whose dead letters go to another, `NAME-dead`."""
    name = f"q-{uuid.uuid4().hex[:8]}"
    assert cli("queues", "create", f"{name}-dead").status == 0
    made = cli(
        "queues", "create", name, "--dead-letters", f"{name}-dead", "--max-receives", 1,
        "--attribute", "VisibilityTimeout=0",
    )  # fmt: skip
    assert made.out.splitlines()[0] == f"✓ queue {name}"
    yield name
    for each in (name, f"{name}-dead"):
        cli("queues", "delete", each, "--yes")


def test_a_message_is_sent_received_and_deleted(cli: Cli, queue: str) -> None:
    sent = cli("queues", "send", queue, "--json", given='{"a": "ä"}').json
    shown = cli("queues", "receive", queue).out.splitlines()
    assert shown[0].startswith(f"{sent['id']}  sent ")
    assert shown[1] == '{"a": "ä"}'
    assert cli("queues", "receive", queue).err == "No message.\n", "it is a dead letter now"
    (message,) = cli("queues", "receive", f"{queue}-dead", "--delete", "--json").json["messages"]
    assert (message["id"], message["body"], message["receives"]) == (sent["id"], '{"a": "ä"}', 2)
    assert cli("queues", "show", f"{queue}-dead", "--json").json["in_flight"] == 0


def test_queues_are_told_in_80_columns(cli: Cli, server: Server, queue: str) -> None:
    cli("queues", "send", queue, "m", "--delay", 600)
    listed = {each["name"]: each for each in cli("queues", "list", "--json").json["queues"]}
    assert listed[queue] == {
        "name": queue, "ready": 0, "in_flight": 0, "delayed": 1, "dead_letters_to": f"{queue}-dead"
    }  # fmt: skip
    shown = on_a_terminal("queues", "list", **cli_variables(server))
    assert queue in shown
    assert f"{queue}-dead" in shown
    facts = cli("queues", "show", queue).out
    assert "0 ready, 0 in flight, 1 delayed" in facts
    assert f"dead to     {queue}-dead after 1 receives" in facts
    assert f"dead from   {queue}\n" in cli("queues", "show", f"{queue}-dead").out


def test_dead_letters_go_back(cli: Cli, queue: str) -> None:
    cli("queues", "send", queue, "again")
    cli("queues", "receive", queue)
    cli("queues", "receive", queue)
    assert cli("queues", "redrive", f"{queue}-dead", "--rate", 5).out.startswith(
        "✓ moving 1 message\n"
    )
    deadline = time.monotonic() + 60
    while cli("queues", "show", queue, "--json").json["ready"] == 0:
        assert time.monotonic() < deadline
    assert "moved       1 of 1, " in cli("queues", "show", f"{queue}-dead").out
    refused = cli("queues", "redrive", queue)
    assert refused.err == "error: Source queue must be configured as a Dead Letter Queue.\n"


def test_purging_and_deleting_ask_for_consent(cli: Cli, queue: str) -> None:
    cli("queues", "send", queue, "m")
    for action, doing in (("purge", "purging"), ("delete", "deleting")):
        assert cli("queues", action, queue).err == f"error: not {doing} {queue} without --yes\n"
    assert cli("queues", "purge", queue, "--yes").out == f"✓ purged {queue}\n"
    assert cli("queues", "show", queue, "--json").json["ready"] == 0
    assert cli("queues", "delete", queue, "--yes", "--json").json["action"] == "deleted"
    gone = cli("queues", "show", queue, "--json")
    assert (gone.status, gone.json["error"]["code"]) == (1, "QueueDoesNotExist")


def test_what_sqs_refuses_is_told(cli: Cli) -> None:
    ran = cli("queues", "create", "q", "--attribute", "DelaySeconds=901")
    assert ran.status == 1
    assert "DelaySeconds" in ran.err
    assert cli("queues", "create", "q", "--attribute", "DelaySeconds").status == 2
