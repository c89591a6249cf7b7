"""`wasmfaas secret set`, `list` and `delete`."""

import sys
from datetime import UTC, datetime
from getpass import getpass
from typing import Annotated

import typer

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import age
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled

SecretName = Annotated[str, typer.Argument(metavar="NAME", help="What functions ask for it by.")]


def set_secret(
    name: SecretName, url: Url = None, data_dir: DataDir = None, json: Json = False
) -> None:
    """Keep a secret for functions; it is read from stdin, without the last line break."""
    value = read_secret(name)
    with session(url, data_dir) as client:
        document = client.set_secret(name, value)
    out = Output(json=json)
    if json:
        out.document(document)
    else:
        out.line(("✓ ", "green"), "set ", (name, "bold"))


def list_secrets(url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """List the names of secrets."""
    with session(url, data_dir) as client:
        document = client.secrets()
    out = Output(json=json)
    if json:
        out.document(document)
        return
    now = datetime.now(UTC)
    rows: list[list[str | Styled]] = [
        [(each["name"], "bold"),
         age(datetime.fromtimestamp(each["modified_at_ms"] / 1000, UTC), now)]
        for each in document["secrets"]
    ]  # fmt: skip
    out.table(("NAME", "SET"), rows)


def delete(name: SecretName, url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Delete a secret; functions that ask for it are told that there is none."""
    with session(url, data_dir) as client:
        document = client.delete_secret(name)
    out = Output(json=json)
    if json:
        out.document(document)
    else:
        out.line(("✓ ", "green"), "deleted ", (name, "bold"))


def read_secret(name: str) -> bytes:
    """From the terminal without showing it, or from a pipe. Never from the command line, which
    everybody on the machine can read."""
    if sys.stdin.isatty():
        value = getpass(f"{name}: ").encode()
    else:
        value = sys.stdin.buffer.read().removesuffix(b"\n").removesuffix(b"\r")
    if not value:
        raise Failure("NoSecret", "there is nothing on stdin; pipe the secret in")
    return value
