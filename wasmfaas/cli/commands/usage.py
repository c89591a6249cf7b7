"""`wasmfaas usage`."""

import enum
from decimal import Decimal
from typing import Annotated

import typer

from wasmfaas.cli import moments
from wasmfaas.cli.commands.logs import moment
from wasmfaas.cli.figures import count, milliseconds, money
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.requests import Document


class By(enum.StrEnum):
    """What usage is added up by."""

    FUNCTION = "function"
    DAY = "day"


def usage(
    by: Annotated[By, typer.Option("--by", help="One row for each of these.")] = By.FUNCTION,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help=f"From then: {moments.FORMS}.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Until then, in the same forms.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show what was computed, and what it costs."""
    out = Output(json=json)
    since_ms = None if since is None else moment(since, "--since")
    until_ms = None if until is None else moment(until, "--until")
    with session(url, data_dir) as client:
        document = client.usage(by.value, since_ms, until_ms)
    if json:
        out.document(document)
    elif document["rows"]:
        _show(out, by, document)
    else:
        out.line("Nothing was invoked in that time.", notes=True)


def _show(out: Output, by: By, document: Document) -> None:
    currency = document["currency"]
    columns = (by.value.upper(), ">REQUESTS", ">ERRORS", ">FUEL", ">BILLED", ">CPU", f">{currency}")
    rows = document["rows"]
    cells = [_cells(str(row["key"]), row, "") for row in rows]
    if len(rows) > 1:
        cells.append(_cells("total", document["total"], "bold"))
    out.table(columns, cells)


def _cells(label: str, row: Document, style: str) -> list[str | Styled]:
    errors = str(row["errors"])
    return [
        (label, "bold"),
        (f"{row['requests']:,}", style),
        (errors, "red" if row["errors"] else "dim"),
        (count(row["fuel"]), style),
        (milliseconds(row["billed_duration_ms"]), style),
        (milliseconds(row["cpu_ms"]), style),
        (money(Decimal(row["cost"])), style),
    ]
