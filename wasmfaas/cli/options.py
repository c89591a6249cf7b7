"""Options that several commands take, and the session they ask for."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from wasmfaas.cli.client import Client
from wasmfaas.cli.connecting import connect
from wasmfaas.cli.discovery import URL_VARIABLE, locate
from wasmfaas.cli.signing import find
from wasmfaas.declaration import environment_name

_SERVER = "Which server"

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name of the function.")]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]

Url = Annotated[
    str | None,
    typer.Option(
        "--url",
        metavar="URL",
        help=f"Server to talk to; or set {URL_VARIABLE}.",
        rich_help_panel=_SERVER,
    ),
]

DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        metavar="FOLDER",
        help="Talk to the server that runs on this data directory; or set "
        f"{environment_name('data_dir')}.",
        rich_help_panel=_SERVER,
    ),
]


@contextmanager
def session(url: str | None, data_dir: Path | None) -> Iterator[Client]:
    """A client of the server that the options, or the environment, name."""
    address = locate(url, data_dir, os.environ)
    with connect(address, find(address.directory, os.environ)) as client:
        yield client
