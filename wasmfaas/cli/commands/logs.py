"""`wasmfaas logs`."""

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Annotated

import typer

from wasmfaas.cli import moments, report
from wasmfaas.cli.client import Client
from wasmfaas.cli.figures import clock, stamp, visible
from wasmfaas.cli.options import DataDir, Name, Url, session
from wasmfaas.cli.output import Output
from wasmfaas.cli.requests import Document

_PAGE = 500
_FRAMING = re.compile(r"(START|END|REPORT) RequestId: ")
_ERROR = re.compile(r"\[ERROR\]|Traceback \(most recent call last\)")


def logs(
    name: Name,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="WHEN", help=f"Only from then: {moments.FORMS}."),
    ] = None,
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=0, help="Log entries at most, the newest ones.")
    ] = 100,
    url: Url = None,
    data_dir: DataDir = None,
    json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document; with -f one line per entry.")
    ] = False,
) -> None:
    """Show a function's log."""
    out = Output(json=json)
    since_ms = None if since is None else moment(since, "--since")
    with session(url, data_dir) as client:
        found = list(_all(client, name)) if since_ms else client.logs(name, limit=max(limit, 1))
        entries = [entry for entry in found if entry["timestamp_ms"] >= (since_ms or 0)]
        entries = entries[max(0, len(entries) - limit) :]
        if json and not follow:
            out.document({"name": name, "entries": entries})
            return
        for entry in entries:
            show(out, entry)
        if follow:
            for entry in client.follow(name, after=found[-1]["position"] if found else 0):
                show(out, entry)
        elif not entries:
            out.line("No log entries.", notes=True)


def moment(text: str, flag: str) -> int:
    """*text*, given for *flag*, in Unix milliseconds."""
    try:
        return moments.unix_ms(moments.parse(text, datetime.now(UTC)))
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=flag) from None


def show(out: Output, entry: Document) -> None:
    """Print one entry: as JSON, or its lines with their time."""
    if out.json:
        out.record(entry)
        return
    text = entry["text"].splitlines()
    if not sys.stdout.isatty():
        for line in text:
            out.line(f"{stamp(entry['timestamp_ms'])} {line}")
        return
    for line in text:
        out.line((f"{clock(entry['timestamp_ms'])}  ", "dim"), (_short(line), _style(line)))


def _short(line: str) -> str:
    """*line* for a terminal: a REPORT line would take two of its lines."""
    figures = report.figures(line)
    return f"REPORT {report.summary(figures)}" if figures else visible(line)


def _style(line: str) -> str:
    if _FRAMING.match(line):
        return "dim"
    return "red" if _ERROR.search(line) else ""


def _all(client: Client, name: str) -> Iterator[Document]:
    after = 0
    while page := client.logs(name, after=after, limit=_PAGE):
        yield from page
        after = page[-1]["position"]
