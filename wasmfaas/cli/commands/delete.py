"""`wasmfaas delete`."""

import sys
from typing import Annotated

import typer

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.options import DataDir, Json, Name, Url, session
from wasmfaas.cli.output import Output


def delete(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Delete a function with its code, its URL and its logs."""
    out = Output(json=json)
    with session(url, data_dir) as client:
        if not yes:
            if not sys.stdin.isatty() or json:
                raise Failure("NotConfirmed", f"not deleting {name} without --yes")
            client.configuration(name)
            typer.confirm(
                f"Delete {name} with its code, its URL and its logs?", abort=True, err=True
            )
        client.delete(name)
    if json:
        out.document({"name": name, "action": "deleted"})
    else:
        out.line(("✓ ", "green"), "deleted ", (name, "bold"))
