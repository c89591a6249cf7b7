"""`wasmfaas delete`."""

import sys
from typing import Annotated

import typer

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.options import DataDir, Json, Name, Url, session
from wasmfaas.cli.output import Output
from wasmfaas.cli.scheduling import Scheduling


def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Delete a function with its code, URL, logs and schedules.

    Its webhooks go as well. Schedules that deploys did not make stay: what they enqueue from then
    on is a dead letter.
    """
    out = Output(json=json)
    with session(url, data_dir) as client:
        if not yes:
            if not sys.stdin.isatty() or json:
                raise Failure("NotConfirmed", f"not deleting {name} without --yes")
            client.configuration(name)
            typer.confirm(
                f"Delete {name} with its code, its URL, its logs and its schedules?",
                abort=True,
                err=True,
            )
        # First, so that nothing invokes what is gone; also where the function is gone already.
        removed = Scheduling(client).remove(name)
        client.delete(name)
    if json:
        out.document({"name": name, "action": "deleted", "schedules": removed})
        return
    out.line(("✓ ", "green"), "deleted ", (name, "bold"))
    if removed:
        out.facts([("schedule", f"{each} deleted") for each in removed])
