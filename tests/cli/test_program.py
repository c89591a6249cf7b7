"""What every command does alike, seen from outside and without a server."""

import http.server
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.command import environment, on_a_terminal, wasmfaas
from wasmfaas import __version__

COMMANDS = ("up", "deploy", "invoke", "delete", "list", "describe", "logs", "usage", "init", "dev")
#: A command line of each command that needs a server.
TALKING = {
    "deploy": ("deploy", "app.py"),
    "dev": ("dev", "app.py"),
    "invoke": ("invoke", "hello"),
    "list": ("list",),
    "describe": ("describe", "hello"),
    "logs": ("logs", "hello"),
    "usage": ("usage",),
    "delete": ("delete", "hello", "--yes"),
}
HANDLER = "def lambda_handler(event, context):\n    return event\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(HANDLER)
    return tmp_path


@pytest.fixture
def dead_url() -> Iterator[str]:
    """A URL that refuses connections."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def foreign_url() -> Iterator[str]:
    """The URL of an HTTP server that is something else."""
    server = http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_help_names_every_command_and_so_does_the_bare_program() -> None:
    shown = wasmfaas("--help")
    assert shown.status == 0
    assert all(f"│ {command} " in shown.out for command in COMMANDS)
    assert wasmfaas() == shown


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(command: str) -> None:
    shown = wasmfaas(command, "--help")
    assert (shown.status, shown.err) == (0, "")
    assert "--json" in shown.out
    assert max(map(len, shown.out.splitlines())) <= 80


def test_the_program_starts_without_what_only_some_commands_need() -> None:
    program = (
        "import sys; from wasmfaas.cli.program import run; run(['--version']);"
        "print([name for name in sys.modules if '.' not in name])"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    for heavy in ("httpx", "rich", "starlette", "uvicorn", "sqlalchemy", "wasmtime"):
        assert f"'{heavy}'" not in loaded


def test_the_version_is_the_packages() -> None:
    assert wasmfaas("--version").out == f"wasmfaas {__version__}\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["lits"], "No such command 'lits'"),
        (["list", "--bogus"], "No such option: --bogus"),
        (["deploy"], "Missing argument 'PATH'"),
        (["logs", "hello", "--since", "yesterday"], "'yesterday' is not a time"),
        (["logs", "hello", "--limit", "-1"], "greater than or equal to 0"),
        (["usage", "--by", "month"], "'month'"),
        (["invoke", "hello", "{"], "the event is not JSON"),
        (["invoke", "hello", "{}", "--event", "{}"], "give one of EVENT, --event"),
        (["invoke", "hello", "--client-context", "x"], "--client-context is not JSON"),
        (["invoke", "hello", "--event-file", "/nowhere.json"], "cannot read /nowhere.json"),
        (["init"], "name a language"),
        (["init", "cobol"], "there is no template 'cobol'"),
        (["up", "--port", "many"], "port is 'many', but must be of type int"),
        (["up", "--port", "-5"], "port is -5, but must be at least 0"),
        (["up", "--host", "0.0.0.0"], "other addresses than loopback"),
    ],
)
def test_a_wrong_command_line_ends_with_2_in_words_and_in_json(
    arguments: list[str], message: str
) -> None:
    ran = wasmfaas(*arguments)
    assert (ran.status, ran.out) == (2, "")
    assert message in ran.err
    assert "Traceback" not in ran.err
    ran = wasmfaas(*arguments, "--json")
    assert ran.status == 2
    assert message in ran.json["error"]["message"]
    assert ran.json["error"].keys() == {"code", "message"}


@pytest.mark.parametrize("arguments", TALKING.values(), ids=TALKING.keys())
def test_without_a_server_every_command_ends_with_3_and_says_how_to_start_one(
    arguments: tuple[str, ...], folder: Path
) -> None:
    ran = wasmfaas(*arguments, "--data-dir", folder / "none", "--json", folder=folder)
    assert ran.status == 3
    expected = f"no server at {folder}/none; start one with `wasmfaas up`"
    assert ran.json == {"error": {"code": "NoServer", "message": expected}}


def test_a_server_that_has_gone_is_no_server(folder: Path, dead_url: str) -> None:
    ran = wasmfaas("list", "--url", dead_url)
    assert (ran.status, ran.out) == (3, "")
    assert ran.err == f"error: no server at {dead_url}; start one with `wasmfaas up`\n"
    (folder / "server.json").write_text(f'{{"url": "{dead_url}"}}')
    ran = wasmfaas("list", variables={"WASMFAAS_DATA_DIR": str(folder)})
    assert ran.status == 3
    assert f"no server at {dead_url} (which {folder}/server.json names)" in ran.err


def test_another_server_is_no_server_of_ours(foreign_url: str) -> None:
    ran = wasmfaas("list", "--url", foreign_url)
    assert ran.status == 3
    assert f"what answers at {foreign_url} is not wasmfaas" in ran.err


def test_a_proxy_of_the_environment_is_not_asked_for_this_machine(
    dead_url: str, foreign_url: str
) -> None:
    ran = wasmfaas("list", "--url", dead_url, variables={"HTTP_PROXY": foreign_url})
    assert f"no server at {dead_url}" in ran.err


@pytest.mark.parametrize(
    ("path", "code"),
    [("nothing.py", "PathNotFound"), ("empty.py", "HandlerNotFound"), (".", "InvalidProject")],
)
def test_what_cannot_be_packaged_is_told_before_any_server_is_asked(
    folder: Path, path: str, code: str
) -> None:
    (folder / "empty.py").touch()
    (folder / "wasmfaas.toml").write_text("memory = 1")
    ran = wasmfaas("deploy", path, "--json", "--url", "http://127.0.0.1:1", folder=folder)
    assert (ran.status, ran.json["error"]["code"]) == (1, code)


def test_the_limits_of_packages_are_the_servers_settings(folder: Path) -> None:
    variables = {"WASMFAAS_ZIPPED_BYTES_MAX": "100"}
    ran = wasmfaas("deploy", folder, variables=variables)
    assert ran.status == 1
    assert "zipped, but at most 100 B is accepted" in ran.err
    ran = wasmfaas("deploy", folder, variables={"WASMFAAS_ZIPPED_BYTES_MAX": "0"})
    assert "zipped_bytes_max is 0, but must be at least 1" in ran.err


def test_up_refuses_settings_of_the_environment_too(tmp_path: Path) -> None:
    variables = {"WASMFAAS_ACCOUNT_ID": "12", "WASMFAAS_DATA_DIR": str(tmp_path / "data")}
    ran = wasmfaas("up", "--json", variables=variables)
    assert ran.status == 2
    assert ran.json["error"]["message"] == "account_id is '12', but must be 12 digits."
    assert not (tmp_path / "data").exists()


def test_colours_are_for_terminals() -> None:
    assert "\x1b[" not in wasmfaas("list", "--bogus").err
    assert "\x1b[" in on_a_terminal("list", "--bogus")
    assert "\x1b[" not in on_a_terminal("init", "--list", NO_COLOR="1", TERM="dumb")


def test_a_reader_that_leaves_is_not_worth_a_word() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "wasmfaas", "init", "--list"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
    )  # fmt: skip
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(60) == 1


def test_an_interrupt_ends_with_130_and_without_a_word() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        process = subprocess.Popen(
            [sys.executable, "-m", "wasmfaas", "list", "--url", url],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(),
        )  # fmt: skip
        silent.settimeout(60)
        with silent.accept()[0]:  # now it waits for an answer
            process.send_signal(signal.SIGINT)
            try:
                out, err = process.communicate(timeout=60)
            finally:
                process.kill()
    assert (process.returncode, out, err) == (130, b"", b"")


def test_what_a_terminal_cannot_show_does_not_end_a_command() -> None:
    ran = wasmfaas("deploy", "日本.txt", variables={"PYTHONIOENCODING": "ascii"})
    assert ran.status == 1
    assert "does not exist" in ran.err


def test_an_internal_error_is_one_line_and_a_traceback_only_on_request(tmp_path: Path) -> None:
    """A package of the name of a dependency stands for a broken installation."""
    (tmp_path / "httpx.py").write_text("raise RuntimeError('broken')")
    variables = {"PYTHONPATH": str(tmp_path)}
    ran = wasmfaas("list", "--url", "http://127.0.0.1:1", variables=variables)
    assert ran.status == 1
    assert ran.err.startswith("error: RuntimeError: broken; this is a defect of wasmfaas")
    assert "Traceback" not in ran.err
    ran = wasmfaas(
        "list", "--url", "http://127.0.0.1:1", variables=variables | {"WASMFAAS_DEBUG": "1"}
    )
    assert "Traceback" in ran.err
