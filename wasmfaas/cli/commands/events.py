"""`wasmfaas events`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import age, count, milliseconds, stamp, visible
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.requests import Document

STATE_STYLES = {"done": "green", "dead": "red", "expired": "red", "running": "yellow"}

_STATES = ("queued", "running", "done", "dead", "expired")
_SHOW = "show"
_LABELS = {"sent_to": "sent to", "destination": "not sent to", "event_id": "result of"}


def events(
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME | show ID]", help="A function; or one event, by its id."),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Count asynchronous invocations by state, or show one."""
    out, chosen = Output(json=json), words or []
    if len(chosen) > 2 or (len(chosen) == 2 and chosen[0] != _SHOW):
        raise Failure("WrongUsage", "give nothing, the NAME of a function, or: show ID")
    with session(url, data_dir) as client:
        if len(chosen) == 2:
            event = client.event(chosen[1])
            out.document(event) if json else _show(out, event)
            return
        document = client.events(chosen[0] if chosen else None)
    if json:
        out.document(document)
        return
    if not document["functions"]:
        out.line("No asynchronous invocations yet.", notes=True)
    for rows, what in (("functions", "name"), ("deliveries", "destination")):
        if document[rows]:
            title = "function" if what == "name" else what
            columns = (title.upper(), *(f">{state.upper()}" for state in _STATES))
            out.table(columns, [_cells(row, what) for row in document[rows]])


def show_facts(out: Output, event: Document) -> None:
    """Print what there is to know of an event but for its attempts and its payload."""
    function = event["function_name"]
    if event["qualifier"]:
        function += f":{event['qualifier']}"
    rows: list[tuple[str, str | Styled]] = [
        ("id", event["id"]),
        ("function", (function, "bold")),
        ("state", (event["state"], STATE_STYLES.get(event["state"], ""))),
        ("enqueued", stamp(event["enqueued_at_ms"])),
    ]
    if event["state"] == "queued":
        rows.append(("due", stamp(event["due_at_ms"])))
    if event["ended_at_ms"] is not None:
        rows.append(("ended", stamp(event["ended_at_ms"])))
    for member in ("condition", "sent_to", "destination", "event_id", "error"):
        if event.get(member) is not None:
            text = " ".join(visible(event[member]).split())
            rows.append((_LABELS.get(member, member), text))
    out.facts(rows)


def enqueued(event: Document) -> str:
    """How long ago it was enqueued."""
    return age(datetime.fromtimestamp(event["enqueued_at_ms"] / 1000, UTC), datetime.now(UTC))


def _show(out: Output, event: Document) -> None:
    show_facts(out, event)
    if event["attempts"]:
        columns = (">ATTEMPT", "STARTED", ">TOOK", ">FUEL", "ERROR")
        out.table(columns, [_attempt(row) for row in event["attempts"]])
    if event["deliveries"]:
        titles = ("DESTINATION", "STATE", ">ATTEMPTS", "ERROR")
        out.table(titles, [_delivery(row) for row in event["deliveries"]])


def _cells(row: Document, what: str) -> list[str | Styled]:
    shown: list[str | Styled] = [(visible(row[what]), "bold")]
    for state in _STATES:
        style = STATE_STYLES.get(state, "") if row[state] else "dim"
        shown.append((f"{row[state]:,}", style))
    return shown


def _delivery(row: Document) -> list[str | Styled]:
    return [
        visible(row["destination"]),
        (row["state"], STATE_STYLES.get(row["state"], "")),
        str(row["attempt"]),
        (" ".join(visible(row["error"] or "").split()), "red"),
    ]


def _attempt(row: Document) -> list[str | Styled]:
    error = row["error_type"]
    return [
        str(row["attempt"]),
        stamp(row["started_at_ms"]),
        milliseconds(row["ended_at_ms"] - row["started_at_ms"]),
        "" if row["fuel"] is None else count(row["fuel"]),
        "" if error is None else (visible(error), "red"),
    ]
