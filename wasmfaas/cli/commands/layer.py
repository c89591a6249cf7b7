"""`wasmfaas layer publish`, `list` and `delete`."""

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from wasmfaas.cli import packaging
from wasmfaas.cli.commands.deploy import limits
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import size
from wasmfaas.cli.options import DataDir, Json, Url, session
from wasmfaas.cli.output import Output, Styled
from wasmfaas.cli.requests import Document

Layer = Annotated[str, typer.Argument(metavar="NAME", help="Name of the layer.")]

_VERSION = re.compile(r"(?P<name>\S+):(?P<number>[0-9]{1,18})")


def publish(
    name: Layer,
    path: Annotated[
        Path,
        typer.Argument(metavar="PATH", help="A folder or a .zip: what becomes /opt."),
    ],
    description: Annotated[
        str | None, typer.Option("--description", metavar="TEXT", help="What it is.")
    ] = None,
    runtime: Annotated[
        list[str] | None,
        typer.Option("--runtime", metavar="RUNTIME", help="Works with it; can be repeated."),
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Publish a new version of a layer.

    Python imports from its folder python/ and from python/lib/python3.x/site-packages/.
    """
    out = Output(json=json)
    package = packaging.pack_layer(path, limits())
    members: Document = {}
    if description is not None:
        members["Description"] = description
    if runtime:
        members["CompatibleRuntimes"] = runtime
    with session(url, data_dir) as client, out.steps() as step:
        step(f"Uploading {size(len(package))}")
        version = client.publish_layer(name, members, package)
    if json:
        out.document(_row(version) | {"code_size_bytes": version["Content"]["CodeSize"]})
        return
    out.line(("✓ ", "green"), "published ", (version["LayerVersionArn"], "bold"))
    out.line()
    out.line(f'  layers = ["{version["LayerVersionArn"]}"]', ("  in wasmfaas.toml uses it", "dim"))


def list_layers(
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="Layer to list the versions of.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """List the newest version of every layer, or all versions of one."""
    out = Output(json=json)
    with session(url, data_dir) as client:
        versions = list(client.layers() if name is None else client.layer_versions(name))
    if json:
        out.document({"layers": [_row(version) for version in versions]})
    elif versions:
        rows: list[list[str | Styled]] = [
            [
                (str(version["LayerVersionArn"]), "bold"),
                ", ".join(version.get("CompatibleRuntimes") or ()) or "any",
                str(version.get("CreatedDate")),
            ]
            for version in versions
        ]
        out.table(("VERSION", "RUNTIMES", "PUBLISHED"), rows)
    else:
        out.line("No layers. Publish one with `wasmfaas layer publish NAME PATH`.", notes=True)


def delete(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="NAME:NUMBER, or the ARN of the version.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    url: Url = None,
    data_dir: DataDir = None,
    json: Json = False,
) -> None:
    """Delete a version of a layer; functions that use it keep it."""
    out = Output(json=json)
    found = _VERSION.fullmatch(version)
    if found is None:
        raise Failure("NoVersion", f"{version!r} names no version; write NAME:NUMBER or its ARN")
    with session(url, data_dir) as client:
        if not yes:
            if not sys.stdin.isatty() or json:
                raise Failure("NotConfirmed", f"not deleting {version} without --yes")
            typer.confirm(f"Delete {version}?", abort=True, err=True)
        client.delete_layer(found["name"], int(found["number"]))
    if json:
        out.document({"version": version, "action": "deleted"})
    else:
        out.line(("✓ ", "green"), "deleted ", (version, "bold"))


def _row(version: Document) -> Document:
    return {
        "arn": version["LayerVersionArn"],
        "version": version["Version"],
        "description": version.get("Description"),
        "runtimes": version.get("CompatibleRuntimes"),
        "created": version.get("CreatedDate"),
    }
