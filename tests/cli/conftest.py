from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.command import Ran, wasmfaas
from tests.conftest import Server

Cli = Callable[..., Ran]


def cli_variables(server: Server) -> dict[str, str]:
    """What lets the command find the server, and sign."""
    return {"WASMFAAS_URL": server.url, **server.variables}


@pytest.fixture
def cli(server: Server) -> Cli:
    """Runs the command against the server."""

    def run(*arguments: object, given: str = "", folder: Path | None = None) -> Ran:
        return wasmfaas(*arguments, given=given, variables=cli_variables(server), folder=folder)

    return run


@pytest.fixture
def project(tmp_path: Path, function_name: str) -> Path:
    """A folder with a function that echoes its event, named like no other."""
    folder = tmp_path / function_name
    folder.mkdir()
    (folder / "app.py").write_text("def lambda_handler(event, context):\n    return event\n")
    return folder
