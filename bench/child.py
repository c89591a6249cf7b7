"""Child processes of a benchmark: a module that answers lines of JSON with lines of JSON."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.failures import BenchFailure

_ROOT = Path(__file__).parents[1]

Answering = Callable[[dict[str, Any]], dict[str, Any]]


class Child:
    """A process that runs `answer_lines`. Lives as long as its block."""

    def __init__(self, process: subprocess.Popen[str], module: str) -> None:
        self._process = process
        self._module = module

    @property
    def pid(self) -> int:
        return self._process.pid

    def exchange(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Its answer to *message*. Raises BenchFailure where it has failed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(message) + "\n")
            self._process.stdin.flush()
            answer: dict[str, Any] = json.loads(self._process.stdout.readline())
        except (OSError, ValueError):
            raise BenchFailure(f"{self._module} ended before it answered.") from None
        if "error" in answer:
            raise BenchFailure(f"{self._module} failed: {answer['error']}")
        return answer


@contextmanager
def started(module: str, *arguments: str) -> Iterator[Child]:
    """The module *module* in a process of its own; gone when the block ends."""
    command = [sys.executable, "-m", module, *arguments]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, cwd=_ROOT) as process:
        try:
            yield Child(process, module)
        finally:
            process.kill()


def answer_lines(answering: Answering, lines: Iterable[str] = sys.stdin) -> None:
    """Answer every line of stdin with what *answering* says to it, then end this process."""
    # Ctrl-C is for whoever started us, and so is what follows from it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for line in lines:
        try:
            answer = answering(json.loads(line))
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)
    # Not through the destructors: Wasmtime's threads may still be at work.
    os._exit(0)
