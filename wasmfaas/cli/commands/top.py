"""`wasmfaas top`."""

import sys
import time
from typing import Annotated

import typer

from wasmfaas.cli.figures import count, milliseconds
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Cells, Output, Styled
from wasmfaas.cli.requests import Document

_COLUMNS = (
    "FUNCTION", ">READY", ">BUSY", ">WAIT", ">COLD", ">FAIL", ">CALLS/S", ">P50", ">P99",
    ">FUEL/S",
)  # fmt: skip


def top(
    interval: Annotated[
        float,
        typer.Option("--interval", "-i", metavar="SECONDS", min=0.1, help="Time between updates."),
    ] = 1.0,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show what functions do just now; on a terminal until Ctrl-C.

    READY sandboxes wait for a call, BUSY ones run one; WAIT counts calls that wait for a worker.
    The other columns are of the last seconds: COLD calls had to make their sandbox, P50 and P99 are
    what callers waited, in this server.
    """
    out = Output(json=json)
    with session(url, data_dir) as client:
        if json:
            out.document(client.figures())
        elif not sys.stdout.isatty():
            document = client.figures()
            out.line(*_summary(document))
            out.table(_COLUMNS, _rows(document))
        else:
            with out.live() as show:
                while True:
                    document = client.figures()
                    show(_summary(document), _COLUMNS, _rows(document))
                    time.sleep(interval)


def _summary(document: Document) -> list[str | Styled]:
    workers = document["workers"]
    waiting = workers["waiting"]
    return [
        (f"{workers['busy']} of {workers['workers']} workers busy", "bold"),
        f", {workers['ready']} sandboxes ready, ",
        (f"{waiting} calls wait", "yellow" if waiting else ""),
        (f"; the last {document['window_s']} s", "dim"),
    ]


def _rows(document: Document) -> list[Cells]:
    """The busiest first."""
    functions = sorted(
        document["functions"], key=lambda row: (-row["calls_per_s"], -row["busy"], row["name"])
    )
    return [_cells(row) for row in functions]


def _cells(row: Document) -> Cells:
    failed = row["errors"] + row["refused"]
    return [
        (row["name"], "bold"),
        _counted(row["ready"], ""),
        _counted(row["busy"], "green"),
        _counted(row["waiting"], "yellow"),
        _counted(row["cold"], "cyan"),
        _counted(failed, "red"),
        count(float(f"{row['calls_per_s']:.3g}")),
        _waited(row["p50_ms"]),
        _waited(row["p99_ms"]),
        count(row["fuel_per_s"]),
    ]


def _counted(number: int, style: str) -> Styled:
    return f"{number:,}", style if number else "dim"


def _waited(duration_ms: float | None) -> Styled:
    return ("-", "dim") if duration_ms is None else (milliseconds(duration_ms), "")
