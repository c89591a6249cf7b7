"""`wasmfaas key create`, `list` and `revoke`."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from wasmfaas.auth.principals import Role
from wasmfaas.cli.figures import age
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output
from wasmfaas.cli.requests import Document

KeyName = Annotated[str, typer.Argument(metavar="NAME", help="Whose key it is; unique.")]
KeyRole = Annotated[Role, typer.Option("--role", help="What its holder may do.")]
Functions = Annotated[
    list[str] | None,
    typer.Option(
        "--function",
        metavar="PATTERN",
        help="A function that an invoker may invoke; * is any text. Can be repeated.",
    ),
]
KeyOrName = Annotated[str, typer.Argument(metavar="KEY", help="Id or name of the key.")]


def create(
    name: KeyName,
    role: KeyRole = Role.DEPLOYER,
    function: Functions = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Create an access key. Its secret is shown this once."""
    with session(url, data_dir) as client:
        key = client.create_key(name, role, function or [])
    out = Output(json=json)
    if json:
        out.document(key)
        return
    out.line(("✓ ", "green"), "created ", (key["name"], "bold"), f", {_described(key)}")
    out.facts(
        [
            ("access key id", key["access_key_id"]),
            ("secret access key", key["secret_access_key"]),
        ]
    )
    out.line(("the secret is not shown again", "dim"), notes=True)


def list_keys(url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """List the access keys, without their secrets."""
    with session(url, data_dir) as client:
        document = client.keys()
    out = Output(json=json)
    if json:
        out.document(document)
        return
    now = datetime.now(UTC)
    rows = [
        [(key["name"], "bold"), key["access_key_id"], _described(key),
         age(datetime.fromtimestamp(key["created_at_ms"] / 1000, UTC), now)]
        for key in document["keys"]
    ]  # fmt: skip
    out.table(("NAME", "ACCESS KEY ID", "ROLE", "CREATED"), rows)


def revoke(key: KeyOrName, url: Url = None, data_dir: DataDir = None, json: Json = False) -> None:
    """Revoke an access key: what is signed with it is refused from now on."""
    with session(url, data_dir) as client:
        revoked = client.revoke_key(key)
    out = Output(json=json)
    if json:
        out.document(revoked)
    else:
        out.line(("✓ ", "green"), "revoked ", (revoked["name"], "bold"))


def _described(key: Document) -> str:
    return " ".join([key["role"], *key["functions"]])
