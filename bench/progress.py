"""What a run shows while it lasts, on stderr: a bar on a terminal, else a line for each step."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Steps(Protocol):
    """Where a run tells how far it is."""

    def note(self, text: str) -> None:
        """A step of unknown length begins."""

    def round(self, number: int, count: int) -> None:
        """Round *number* of *count*, from 1, begins."""


class Silent:
    """Tells nobody."""

    def note(self, text: str) -> None:
        pass

    def round(self, number: int, count: int) -> None:
        pass


class Lines:
    """A line for each step."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def note(self, text: str) -> None:
        print(f"[{time.monotonic() - self._started:6.1f} s] {text}", file=sys.stderr, flush=True)

    def round(self, number: int, count: int) -> None:
        self.note(f"Round {number} of {count}")


class Bar:
    """One line that changes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=None)

    def note(self, text: str) -> None:
        self._progress.update(self._task, description=text)

    def round(self, number: int, count: int) -> None:
        self._progress.update(
            self._task, description=f"Round {number} of {count}", completed=number - 1, total=count
        )


@contextmanager
def shown(*, json: bool) -> Iterator[Steps]:
    """What fits where stderr goes; with *json* nothing, unless somebody looks at a terminal."""
    if not sys.stderr.isatty():
        yield Silent() if json else Lines()
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=20),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Bar(progress)
