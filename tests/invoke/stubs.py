"""Stand-ins for the interpreter that children are started with."""

import shlex
import sys
from pathlib import Path

import pytest


class Interpreter:
    """What `sys.executable` is for a test: the real one behind a script that keeps count, and
    first runs lines of shell of the test's own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        #: The interpreter itself.
        self.real = sys.executable
        self._log = folder / "starts"
        self._script = folder / "python"
        self.before("")
        monkeypatch.setattr(sys, "executable", str(self._script))

    def before(self, lines: str) -> None:
        """Run *lines* of shell at the start of each child."""
        log, real = shlex.quote(str(self._log)), shlex.quote(self.real)
        self._script.write_text(f'#!/bin/sh\necho "$*" >> {log}\n{lines}\nexec {real} "$@"\n')
        self._script.chmod(0o755)

    def instead(self, lines: str) -> None:
        """Run *lines* of shell, and no interpreter."""
        self.before(f"{lines}\nexit")

    def starts(self, module: str) -> int:
        """How often `-m module` was started."""
        if not self._log.exists():
            return 0
        return sum(f"-m {module}" in line for line in self._log.read_text().splitlines())
