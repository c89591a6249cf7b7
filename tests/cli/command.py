"""Runs the real command as a subprocess."""

import json
import os
import pty
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RUN_S_MAX = 120


@dataclass(frozen=True)
class Ran:
    """How one run of the command ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON document on standard output."""
        return json.loads(self.out)


def environment(**variables: str) -> dict[str, str]:
    """The environment of a command: nothing of the developer's own settings."""
    inherited = {key: value for key, value in os.environ.items() if "WASMFAAS" not in key}
    return inherited | {"COLUMNS": "80", "PYTHONUNBUFFERED": ""} | variables


def wasmfaas(
    *arguments: object,
    given: str = "",
    variables: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Ran:
    """Run `wasmfaas *arguments*` with *given* on standard input, and wait for its end."""
    done = subprocess.run(
        [sys.executable, "-m", "wasmfaas", *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        timeout=RUN_S_MAX,
        env=environment(**variables or {}),
        cwd=folder,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def on_a_terminal(*arguments: object, typed: str = "", **variables: str) -> str:
    """What `wasmfaas *arguments*` shows on a terminal of 80 columns where *typed* is typed."""
    leader, follower = pty.openpty()
    os.write(leader, typed.encode())
    process = subprocess.Popen(
        [sys.executable, "-m", "wasmfaas", *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env=environment(**{"TERM": "xterm-256color"} | variables),
    )
    os.close(follower)
    shown = b""
    try:
        while chunk := os.read(leader, 65536):
            shown += chunk
    except OSError:
        pass  # how a terminal says that nobody writes to it any more
    finally:
        os.close(leader)
        process.wait(RUN_S_MAX)
    return shown.decode()
