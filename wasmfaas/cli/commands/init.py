"""`wasmfaas init`."""

from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from wasmfaas.cli import project
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.options import Json
from wasmfaas.cli.output import Output
from wasmfaas.cli.sources import printable

#: Name of a template → what it is.
TEMPLATES = {
    "python": "A Python function: takes an event, returns an answer.",
    "python-http": "A Python function behind its URL: paths, methods, JSON bodies.",
    "c": "C as a reactor module, built with ziglang from PyPI.",
    "wasi-command": "Any WASI program: the event on stdin, the answer on stdout.",
}
#: What stands for the function's name in a template.
_NAME = "@NAME@"
_TEXT_BYTES_MAX = 1024 * 1024


def init(
    template: Annotated[
        str | None, typer.Argument(metavar="TEMPLATE", help=f"One of: {', '.join(TEMPLATES)}.")
    ] = None,
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="FOLDER", help="Where to; a new folder named after the template."),
    ] = None,
    show_list: Annotated[bool, typer.Option("--list", help="List the templates.")] = False,
    json: Json = False,
) -> None:
    """Write a function to start from."""
    out = Output(json=json)
    if show_list:
        _list(out)
        return
    if template is None:
        raise typer.BadParameter("name a template, or list them with --list")
    if template not in TEMPLATES:
        raise typer.BadParameter(f"there is no template {template!r}, only {', '.join(TEMPLATES)}")
    target = folder or Path(template)
    files = write(template, target)
    if json:
        out.document({"template": template, "folder": str(target), "files": files})
        return
    out.line(("✓ ", "green"), "wrote ", (printable(target), "bold"))
    for file in files:
        out.line("  ", file)
    out.line()
    out.line("  next: see ", (printable(target / "README.md"), "cyan"))


def write(template: str, target: Path) -> list[str]:
    """Copy *template* to the folder *target*, which must be new or empty; the names of the files.

    Raises Failure where that is not so, or where the folder cannot be written.
    """
    name = project.name_of(target)
    source = resources.files("wasmfaas.cli") / "templates" / template
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise Failure("FolderNotEmpty", f"{printable(target)} is not empty; name a new folder")
        return sorted(_copy(source, target, name))
    except OSError as error:
        message = f"cannot write {printable(target)}: {error.strerror}"
        raise Failure("UnwritableFolder", message) from None


def _copy(source: Traversable, target: Path, name: str) -> list[str]:
    copied = []
    for item in source.iterdir():
        if item.name == "__pycache__":
            continue
        if item.is_dir():
            (target / item.name).mkdir()
            copied += [f"{item.name}/{below}" for below in _copy(item, target / item.name, name)]
        else:
            text = item.read_text(encoding="utf-8").replace(_NAME, name)
            (target / item.name).write_text(text, encoding="utf-8")
            copied.append(item.name)
    return copied


def _list(out: Output) -> None:
    if out.json:
        out.document({"templates": [{"name": n, "about": a} for n, a in TEMPLATES.items()]})
    else:
        out.facts(list(TEMPLATES.items()))
