"""Child processes that are killed, at a time or at a line of our own code."""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import wasmfaas

_OURS = str(Path(wasmfaas.__file__).parent)
#: A child starts as a fork of a process that has imported what they all need.
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.killing", "tests.invoke.deploying", "tests.store.zips"])


class Child:
    """One child process that runs *target*; it ends with the test."""

    def __init__(self, target: Callable[..., None], *arguments: Any) -> None:
        self._process = _CONTEXT.Process(target=target, args=arguments, daemon=True)

    def __enter__(self) -> "Child":
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.join()
        self._process.close()

    def kill(self) -> None:
        self._process.kill()
        self._process.join(120)

    def ended_by_itself(self) -> bool:
        """Wait for its end; False where a signal ended it. Fails where its code did."""
        self._process.join(400)
        code = self._process.exitcode
        assert code in (0, -signal.SIGKILL), f"the child ended with {code}"
        return code == 0


class Journal:
    """What a child did, in a file that outlives it."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def tell(self, number: int) -> None:
        with self._path.open("ab", buffering=0) as file:
            file.write(b"%d\n" % number)

    def told(self) -> list[int]:
        return [int(line) for line in self._path.read_text().split()] if self._path.exists() else []


@contextmanager
def killed_at_line(number: int) -> Iterator[Callable[[], int]]:
    """Kill this process when it comes to the *number*th line of our code, in whatever thread.
    Yields a count of the lines so far."""
    count = 0

    def line(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal count
        if event == "line":
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)
        return line

    def call(frame: FrameType, event: str, argument: object) -> Any:
        return line if frame.f_code.co_filename.startswith(_OURS) else None

    threading.settrace(call)
    sys.settrace(call)
    try:
        yield lambda: count
    finally:
        sys.settrace(None)
        threading.settrace(None)
