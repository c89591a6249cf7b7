"""`wasmfaas schedules`."""

from typing import Annotated

import typer

from wasmfaas.cli.figures import stamp, visible
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.requests import Document
from wasmfaas.cli.scheduling import Scheduling

_COLUMNS = ("NAME", "GROUP", "STATE", "WHEN", "LAST", "NEXT", ">FIRED", ">SKIPPED")


def schedules(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A schedule or a rule; else all.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Show when schedules and rules fire, or one of them."""
    out = Output(json=json)
    with session(url, data_dir) as client:
        scheduling = Scheduling(client)
        found = list(scheduling.all()) if name is None else scheduling.named(name)
    if json:
        out.document({"schedules": found})
        return
    if not found:
        out.line("No schedules and no rules yet.", notes=True)
        return
    out.table(_COLUMNS, [_cells(each) for each in found])
    occurrences = [row for each in found for row in each.get("occurrences", ())]
    if occurrences:
        out.table(
            ("OCCURRENCE", "FIRED", ">EVENTS"),
            [
                [stamp(row["scheduled_at_ms"]), stamp(row["fired_at_ms"]), str(row["events"])]
                for row in occurrences
            ],
        )


def _cells(schedule: Document) -> list[str | Styled]:
    when = schedule["expression"] or "by pattern"
    if schedule["timezone"] != "UTC":
        when += f" {schedule['timezone']}"
    last, following = schedule["last_at_ms"], schedule["due_at_ms"]
    return [
        (visible(schedule["name"]), "bold"),
        visible(schedule["group"]),
        (schedule["state"].lower(), "green" if schedule["state"] == "ENABLED" else "dim"),
        visible(when),
        "" if last is None else stamp(last),
        "" if following is None else stamp(following),
        f"{schedule['fired']:,}",
        f"{schedule['skipped']:,}",
    ]
