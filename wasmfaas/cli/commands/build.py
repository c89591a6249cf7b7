"""`wasmfaas build`."""

from pathlib import Path
from typing import Annotated

import typer

from wasmfaas.cli import building, project
from wasmfaas.cli.building import Built
from wasmfaas.cli.deployer import Progress
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.figures import size
from wasmfaas.cli.options import Json
from wasmfaas.cli.output import Output
from wasmfaas.cli.project import FunctionSettings
from wasmfaas.cli.sources import PROJECT_FILE, printable


def build(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="A folder with a wasmfaas.toml.")
    ] = Path(),
    json: Json = False,
) -> None:
    """Build a folder's module as its wasmfaas.toml says."""
    out = Output(json=json)
    if not folder.is_dir():
        raise Failure("PathNotFound", f"{printable(folder)} is not a folder")
    with out.steps() as step:
        built = built_first(folder, project.load(folder), step)
    if built is None:
        raise Failure(
            "NothingToBuild",
            f"{PROJECT_FILE} in {printable(folder.resolve())} has no [build]; it needs one with a "
            f"language ({', '.join(building.LANGUAGES)}) or a command. Python needs no build.",
        )
    if json:
        out.document(
            {
                "output": str(built.output),
                "size_bytes": built.size_bytes,
                "seconds": round(built.seconds, 3),
                "commands": list(built.commands),
            }
        )
        return
    took = (f", {size(built.size_bytes)} in {built.seconds:.1f} s", "dim")
    out.line(("✓ ", "green"), "built ", (printable(built.output), "bold"), took)


def built_first(path: Path, wanted: FunctionSettings, progress: Progress) -> Built | None:
    """Build *path* where it is a folder and *wanted* has a build; None where there is nothing to
    do. Raises Failure."""
    if wanted.build is None or not path.is_dir():
        return None
    progress(f"Building {wanted.build.output}")
    return building.build(path, wanted.build)
