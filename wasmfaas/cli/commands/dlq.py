"""`wasmfaas dlq list`, `show`, `redrive` and `purge`."""

from collections.abc import Iterator
from typing import Annotated

import typer

from wasmfaas.cli.client import Client
from wasmfaas.cli.commands.events import STATE_STYLES, enqueued, show_facts
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import size, visible
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output
from wasmfaas.cli.requests import Document

Function = Annotated[
    str | None, typer.Option("--function", metavar="NAME", help="Only those of this function.")
]
EventId = Annotated[str, typer.Argument(metavar="ID", help="Id of the event.")]
SomeId = Annotated[str | None, typer.Argument(metavar="[ID]", help="Id of the event.")]
All = Annotated[bool, typer.Option("--all", help="All of them.")]


def list_letters(
    function: Function = None, url: Url = None, data_dir: DataDir = None, json: Json = False
) -> None:
    """List the events that failed and went nowhere else."""
    with session(url, data_dir) as client:
        found = list(_letters(client, function))
    out = Output(json=json)
    if json:
        out.document({"dead_letters": found})
    elif found:
        rows = [
            [letter["id"], (letter["function_name"], "bold"),
             (letter["state"], STATE_STYLES.get(letter["state"], "")),
             str(letter["condition"]), size(letter["payload_bytes"]), (enqueued(letter), "dim")]
            for letter in found
        ]  # fmt: skip
        out.table(("ID", "FUNCTION", "STATE", "CONDITION", ">SIZE", "ENQUEUED"), rows)
    else:
        out.line("No dead letters.", notes=True)


def show(event_id: EventId, url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Show one of them with its payload."""
    with session(url, data_dir) as client:
        letter = client.dead_letter(event_id)
    out = Output(json=json)
    if json:
        out.document(letter)
    else:
        show_facts(out, letter)
        out.line(visible(letter["payload"]))


def redrive(
    event_id: SomeId = None,
    function: Function = None,
    every: All = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Run them again: one, those of a function, or all."""
    chosen = _chosen(event_id, function, every)
    with session(url, data_dir) as client:
        _tell(Output(json=json), "enqueued", client.redrive(chosen))


def purge(
    event_id: SomeId = None,
    function: Function = None,
    every: All = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Delete them: one, those of a function, or all."""
    chosen = _chosen(event_id, function, every)
    with session(url, data_dir) as client:
        _tell(Output(json=json), "deleted", client.purge(chosen))


def _letters(client: Client, function: str | None) -> Iterator[Document]:
    after: str | None = None
    while True:
        page = client.dead_letters(function, after)
        yield from page["dead_letters"]
        after = page["next"]
        if after is None:
            return


def _chosen(event_id: str | None, function: str | None, every: bool) -> Document:
    if (event_id is not None) + (function is not None) + every != 1:
        raise Failure("WrongUsage", "say which ones: an ID, --function NAME, or --all")
    chosen = {"id": event_id, "function": function}
    return {name: value for name, value in chosen.items() if value is not None}


def _tell(out: Output, done: str, document: Document) -> None:
    """Say how many there were: the only member of *document*."""
    if out.json:
        out.document(document)
        return
    (count,) = document.values()
    out.line(("✓ ", "green"), f"{done} {count:,} event{'' if count == 1 else 's'}")
