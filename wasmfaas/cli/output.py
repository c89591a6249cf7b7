"""How commands talk: results on stdout, everything else on stderr; JSON when asked for.

Rich is imported where it is used: a command that prints JSON never pays for it.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

#: Wide enough never to cut a line that a program reads.
_PIPED_WIDTH = 10_000
#: A step that took this long is worth a line after it is over.
_KEPT_STEP_S = 1.0

#: A word or a line, and its Rich style.
Styled = tuple[str, str]
#: A row of a table.
Cells = Sequence[str | Styled]


class Output:
    """Stdout and stderr of one command."""

    def __init__(self, *, json: bool) -> None:
        self.json = json

    @cached_property
    def console(self) -> "Console":
        """For results."""
        return _console(sys.stdout)

    @cached_property
    def notes(self) -> "Console":
        """For progress, hints and errors."""
        return _console(sys.stderr)

    def document(self, value: Any) -> None:
        """Print *value* as the one JSON document of this command."""
        print(json.dumps(value, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None))
        sys.stdout.flush()

    def record(self, value: Any) -> None:
        """Print *value* as one line of newline-delimited JSON, at once."""
        print(json.dumps(value, ensure_ascii=False), flush=True)

    def line(self, *parts: str | Styled, notes: bool = False) -> None:
        """Print one line that is never wrapped, so that it can be copied."""
        stream = sys.stderr if notes else sys.stdout
        if stream.isatty():
            console = self.notes if notes else self.console
            console.print(_text(parts), soft_wrap=True)
        else:
            print(
                *(part if isinstance(part, str) else part[0] for part in parts), sep="", file=stream
            )
        stream.flush()

    def facts(self, rows: Sequence[tuple[str, str | Styled]], *, notes: bool = False) -> None:
        """Print aligned pairs of a label and a value."""
        width = max(len(label) for label, _ in rows) + 2
        for label, value in rows:
            self.line("  ", (label.ljust(width), "dim"), value, notes=notes)

    def table(self, columns: Sequence[str], rows: Sequence[Cells]) -> None:
        """Print a table. A column whose name begins with `>` is right-aligned; the first one gives
        way where the terminal is narrow."""
        self.console.print(_table(columns, rows))

    @contextmanager
    def live(self) -> Iterator[Callable[[Cells, Sequence[str], Sequence[Cells]], None]]:
        """A line and a table, as `line` and `table` take them, in place of those before: call what
        this yields with them. For a terminal."""
        from rich.console import Group
        from rich.live import Live

        with Live(console=self.console, auto_refresh=False) as live:
            yield lambda line, columns, rows: live.update(
                Group(_text(line), _table(columns, rows)), refresh=True
            )

    @contextmanager
    def steps(self, *, keep: bool = False) -> Iterator[Callable[[str], None]]:
        """Show progress: call what this yields with the name of each step as it begins.

        On a terminal one line with a spinner and the time elapsed, gone at the end unless *keep*
        and the step took long; otherwise a plain line per step; with --json nothing.
        """
        if self.json:
            yield lambda _: None
        elif sys.stderr.isatty():
            with _spinner(self.notes, keep) as step:
                yield step
        else:
            yield self._plain_steps()

    def _plain_steps(self) -> Callable[[str], None]:
        start = time.monotonic()

        def step(text: str) -> None:
            self.line(f"[{time.monotonic() - start:6.1f} s] {text}", notes=True)

        return step

    def failure(self, code: str, message: str) -> None:
        """Report what ended the command."""
        if self.json:
            self.document({"error": {"code": code, "message": message}})
        else:
            self.line(("error: ", "bold red"), message, notes=True)


def _console(file: IO[str]) -> "Console":
    from rich.console import Console

    console = Console(file=file, markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _PIPED_WIDTH
    return console


def _table(columns: Sequence[str], rows: Sequence[Cells]) -> Any:
    from rich.table import Table

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for index, column in enumerate(columns):
        table.add_column(
            column.removeprefix(">"),
            justify="right" if column.startswith(">") else "left",
            # Rich takes width from what it may wrap, and then cuts the word that a name is.
            no_wrap=index > 0,
            overflow="ellipsis",
            min_width=12 if index == 0 else len(column.removeprefix(">")),
        )
    for row in rows:
        table.add_row(*(_text([cell]) for cell in row))
    return table


def _text(parts: Cells) -> Any:
    from rich.text import Text

    return Text.assemble(*parts)


@contextmanager
def _spinner(console: "Console", keep: bool) -> Iterator[Callable[[str], None]]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.text import Text

    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    current: dict[str, float] = {}

    def leave() -> None:
        for text, start in current.items():
            seconds = time.monotonic() - start
            if keep and seconds >= _KEPT_STEP_S:
                console.print(Text.assemble(("✓ ", "green"), text, (f"  {seconds:.1f} s", "dim")))
        current.clear()

    def step(text: str) -> None:
        leave()
        current[text] = time.monotonic()
        progress.reset(task, description=text, visible=True)

    with progress:
        task = progress.add_task("", total=None, visible=False)
        yield step
        leave()


def pick(document: Mapping[str, Any], *path: str) -> Any:
    """The value at *path* in nested mappings, or None."""
    value: Any = document
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value
