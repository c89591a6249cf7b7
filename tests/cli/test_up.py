"""`wasmfaas up`, as a process of its own."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import environment, wasmfaas
from wasmfaas import __version__, declaration, settings


@contextmanager
def up(*flags: object) -> Iterator[subprocess.Popen[str]]:
    """A server started with *flags*; stopped at the end if it has not ended."""
    process = subprocess.Popen(
        [sys.executable, "-m", "wasmfaas", "up", *map(str, flags)],
        stdout=subprocess.PIPE, text=True, env=environment(),
    )  # fmt: skip
    try:
        yield process
    finally:
        process.terminate()
        process.communicate(timeout=60)


def announced(process: subprocess.Popen[str]) -> Any:
    assert process.stdout is not None
    return json.loads(process.stdout.readline())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_announces_itself_is_found_and_stops_cleanly(
    tmp_path: Path, cache_dir: Path, number: signal.Signals
) -> None:
    data_dir = tmp_path / "data"
    flags = ["--port", 0, "--data-dir", data_dir, "--cache-dir", cache_dir, "--workers-max", 1]
    with up(*flags, "--json") as process:
        ready = announced(process)
        assert ready == {
            "url": ready["url"],
            "pid": process.pid,
            "version": __version__,
            "data_dir": str(data_dir),
        }
        assert wasmfaas("list", "--data-dir", data_dir, "--json").json == {"functions": []}
        named = {"WASMFAAS_DATA_DIR": str(data_dir)}
        assert wasmfaas("list", "--url", ready["url"], variables=named).status == 0
        unsigned = wasmfaas("list", "--url", ready["url"], "--json")
        assert unsigned.json["error"]["code"] == "NoCredentials"
        process.send_signal(number)
        assert process.wait(60) == 0
    assert wasmfaas("list", "--data-dir", data_dir).status == 3


def test_what_a_second_server_may_not_share_is_told(tmp_path: Path, cache_dir: Path) -> None:
    data_dir = tmp_path / "data"
    shared = ["--cache-dir", cache_dir, "--workers-max", 1]
    with up("--port", 0, "--data-dir", data_dir, *shared, "--json") as process:
        port = announced(process)["url"].rpartition(":")[2]
        same_data = wasmfaas("up", "--port", 0, "--data-dir", data_dir, *shared)
        assert same_data.status == 1
        assert str(data_dir) in same_data.err
        other_data = tmp_path / "other"
        same_port = wasmfaas("up", "--port", port, "--data-dir", other_data, *shared, "--json")
        assert same_port.status == 1
        assert port in same_port.json["error"]["message"]
        assert wasmfaas("list", "--data-dir", data_dir).status == 0


def test_every_setting_is_a_flag_with_its_help() -> None:
    shown = " ".join(wasmfaas("up", "--help").out.replace("│", " ").split())
    for flag, variable, _, _ in settings.table():
        if flag == variable:
            # Everybody on the machine can read a command line.
            name = variable.removeprefix(declaration.ENVIRONMENT_PREFIX).lower()
            assert declaration.flag_name(name) not in shown
        else:
            assert f" {flag} " in shown
    assert f"Default: {settings.Settings().port}." in shown


def test_the_next_steps_of_a_server_elsewhere_begin_with_how_to_find_it(
    tmp_path: Path, cache_dir: Path
) -> None:
    with up("--port", 0, "--data-dir", tmp_path / "data", "--cache-dir", cache_dir) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(5)]
        url = json.loads((tmp_path / "data" / "server.json").read_text())["url"]
    assert lines[0] == f"✓ wasmfaas {__version__} is ready at {url}\n"
    assert lines[2].split()[:2] == ["export", f"WASMFAAS_DATA_DIR={tmp_path / 'data'}"]
    assert lines[4].split()[:2] == ["wasmfaas", "deploy"]
