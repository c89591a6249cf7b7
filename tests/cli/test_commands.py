"""The commands that look and call, end to end."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.cli.command import environment, on_a_terminal
from tests.cli.conftest import Cli, cli_variables
from tests.conftest import Server

NOISY = """\
import os

def lambda_handler(event, context):
    if event.get("fail"):
        raise ValueError("\\x1b[2Jboom")
    print("seen", event.get("n"))
    client = context.client_context
    return {"n": event.get("n"), "client": client.custom if client else None}
"""


@pytest.fixture
def noisy(server: Server, function_name: str) -> str:
    return server.deploy(function_name, {"app.py": NOISY})


@contextmanager
def running(server: Server, *arguments: object) -> Iterator[subprocess.Popen[str]]:
    """A command that does not end by itself."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wasmfaas", *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(**cli_variables(server)),
    )
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=120)


def lines_until(process: subprocess.Popen[str], part: str) -> list[str]:
    """The lines of *process* up to the first one that holds *part*; the test's time limit bounds
    the wait."""
    assert process.stdout is not None
    lines: list[str] = []
    for line in process.stdout:
        lines.append(line)
        if part in line:
            return lines
    pytest.fail(f"{part!r} never came, but {lines}")


def test_invoke_prints_the_answer_and_beside_it_what_it_took(cli: Cli, noisy: str) -> None:
    ran = cli("invoke", noisy, '{"n": 1}')
    assert (ran.status, json.loads(ran.out)) == (0, {"n": 1, "client": None})
    assert " · billed " in ran.err
    assert " of 128 MB" in ran.err
    assert "fuel " in ran.err


def test_events_come_from_a_file_or_standard_input(cli: Cli, noisy: str, tmp_path: Path) -> None:
    (tmp_path / "event.json").write_text('{"n": 2}')
    assert json.loads(cli("invoke", noisy, "--event-file", tmp_path / "event.json").out)["n"] == 2
    assert json.loads(cli("invoke", noisy, "-", given='{"n": 3}').out)["n"] == 3
    assert json.loads(cli("invoke", noisy, "--event", '{"n": 4}').out)["n"] == 4
    assert cli("invoke", noisy, "-", given="{").status == 2


def test_the_client_context_reaches_the_function(cli: Cli, noisy: str) -> None:
    ran = cli("invoke", noisy, "--client-context", '{"custom": {"who": "me"}}')
    assert json.loads(ran.out)["client"] == {"who": "me"}


def test_a_name_may_end_in_a_version(cli: Cli, noisy: str) -> None:
    ran = cli("invoke", f"{noisy}:$LATEST", '{"n": 5}', "--json")
    answer = json.loads(ran.out)
    assert (answer["executed_version"], answer["payload"]["n"]) == ("$LATEST", 5)
    ran = cli("invoke", f"{noisy}:7")
    assert ran.status == 1
    assert f"{noisy}:7" in ran.err


def test_a_function_error_is_its_answer_and_exit_status_1(cli: Cli, noisy: str) -> None:
    ran = cli("invoke", noisy, '{"fail": true}', "--tail")
    assert ran.status == 1
    assert json.loads(ran.out)["errorType"] == "ValueError"
    assert "✗ ValueError: \\x1b[2Jboom" in ran.err
    assert "START RequestId: " in ran.err
    ran = cli("invoke", noisy, '{"fail": true}', "--json")
    assert ran.status == 1
    assert ran.json["payload"]["errorType"] == "ValueError"
    assert ran.json["function_error"] == "Unhandled"
    assert ran.json["figures"]["billed_duration_ms"] >= 1


@pytest.mark.parametrize("command", ["invoke", "describe", "logs", "delete"])
def test_a_function_that_is_not_there_is_told_so(cli: Cli, command: str) -> None:
    flags = ["--yes"] if command == "delete" else []
    ran = cli(command, "no-such-function", *flags, "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "ResourceNotFoundException"
    assert "no-such-function" in ran.json["error"]["message"]


def test_list_shows_every_function_with_its_state(cli: Cli, noisy: str) -> None:
    [row] = [row for row in cli("list", "--json").json["functions"] if row["name"] == noisy]
    assert (row["state"], row["runtime"], row["memory_mb"]) == ("Active", "python3.14", 128)
    [line] = [line for line in cli("list").out.splitlines() if line.startswith(noisy)]
    assert line.split()[1:6] == ["python3.14", "Active", "128", "MB", "30"]


def test_tables_fit_a_terminal_of_80_columns(server: Server, noisy: str) -> None:
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("list", **cli_variables(server)))
    assert noisy[:10] in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_describe_tells_what_runs_it(cli: Cli, server: Server, noisy: str) -> None:
    shown = cli("describe", noisy).out
    assert f"{server.url}/f/{noisy}/" in shown
    assert "python3.14, run by Python 3.14" in shown
    assert "pristine" in shown
    described = cli("describe", noisy, "--json").json
    assert described["kind"] == "python"
    assert described["configuration"]["FunctionName"] == noisy


def test_logs_show_the_newest_entries_with_their_time(cli: Cli, noisy: str) -> None:
    for number in range(3):
        cli("invoke", noisy, json.dumps({"n": number}))
    shown = cli("logs", noisy).out
    assert [f"seen {number}" in shown for number in range(3)] == [True] * 3
    assert "REPORT RequestId: " in shown
    entries = cli("logs", noisy, "--json").json["entries"]
    assert entries == sorted(entries, key=lambda entry: entry["position"])
    last = cli("logs", noisy, "--limit", 1, "--json").json["entries"]
    assert last == entries[-1:]
    assert cli("logs", noisy, "--limit", 0, "--json").json["entries"] == []


def test_at_a_terminal_a_log_has_no_wide_lines_and_drives_nothing(
    server: Server, cli: Cli, noisy: str
) -> None:
    cli("invoke", noisy, '{"fail": true}')
    shown = re.sub(r"\x1b\[[0-9;]*m", "", on_a_terminal("logs", noisy, **cli_variables(server)))
    assert "\\x1b[2Jboom" in shown
    assert "\x1b" not in shown
    assert re.search(r"REPORT .* billed \d+ ms · fuel ", shown)
    assert max(map(len, shown.splitlines())) <= 100


def test_logs_since_a_moment_leave_out_what_is_older(cli: Cli, noisy: str) -> None:
    cli("invoke", noisy, "{}")
    assert cli("logs", noisy, "--since", "1h", "--json").json["entries"]
    assert cli("logs", noisy, "--since", "2999-01-01", "--json").json["entries"] == []


def test_a_log_is_followed_as_it_grows(cli: Cli, server: Server, noisy: str) -> None:
    cli("invoke", noisy, '{"n": "before"}')
    with running(server, "logs", noisy, "-f") as process:
        lines_until(process, "seen before")
        server.invoke(noisy, {"n": "after"})
        lines_until(process, "seen after")
    with running(server, "logs", noisy, "-f", "--limit", 1, "--json") as process:
        [shown] = lines_until(process, "seen after")
        assert server.invoke(noisy, {"n": "later"})
        [followed] = lines_until(process, "seen later")
        assert json.loads(followed)["position"] > json.loads(shown)["position"]


def test_usage_adds_up_what_was_invoked(cli: Cli, noisy: str) -> None:
    cli("invoke", noisy, '{"n": 1}')
    cli("invoke", noisy, '{"fail": 1}')
    document = cli("usage", "--since", "1h", "--json").json
    [row] = [row for row in document["rows"] if row["key"] == noisy]
    assert (row["requests"], row["errors"]) == (2, 1)
    assert row["fuel"] > 0
    assert document["currency"] == "USD"
    [line] = [line for line in cli("usage").out.splitlines() if line.startswith(noisy)]
    assert line.split()[1:3] == ["2", "1"]
    assert cli("usage", "--by", "day", "--json").json["rows"]
    assert cli("usage", "--since", "2999-01-01", "--json").json["rows"] == []
    assert "Nothing was invoked" in cli("usage", "--since", "2999-01-01").err


def test_delete_asks_for_consent_and_then_deletes(cli: Cli, noisy: str) -> None:
    ran = cli("delete", noisy)
    assert ran.status == 1
    assert f"not deleting {noisy} without --yes" in ran.err
    assert cli("describe", noisy).status == 0
    assert cli("delete", noisy, "--yes").out == f"✓ deleted {noisy}\n"
    assert cli("describe", noisy).status == 1


def test_at_a_terminal_delete_asks(server: Server, cli: Cli, noisy: str) -> None:
    variables = cli_variables(server)
    shown = on_a_terminal("delete", noisy, typed="n\n", **variables)
    assert f"Delete {noisy} with its code, its URL, its logs and its schedules? [y/N]" in shown
    assert cli("describe", noisy).status == 0
    on_a_terminal("delete", noisy, typed="y\n", **variables)
    assert cli("describe", noisy).status == 1
