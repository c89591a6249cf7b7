"""`wasmfaas init`."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Annotated

import typer

from wasmfaas.cli import project, sdks
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.options import Json
from wasmfaas.cli.output import Output
from wasmfaas.cli.sources import printable

_JAVASCRIPT_SDK = tuple(
    (f"javascript/{name}", f"sdk/{name}")
    for name in (
        "build.js",
        "complaint.js",
        "component.js",
        "globals.d.ts",
        "guest",
        "index.d.ts",
        "index.js",
        "origins.js",
        "package.json",
        "testing.d.ts",
        "testing.js",
        "wit",
    )
)
_ASSEMBLYSCRIPT_SDK = tuple(
    (f"assemblyscript/{name}", f"sdk/{name}")
    for name in ("README.md", "asconfig.json", "entry.ts", "lib", "package.json", "testing.js")
)


@dataclass(frozen=True, slots=True)
class Template:
    """What `init` writes: a folder of templates/, and files of guest-sdks/ (from, to)."""

    about: str
    sdk: tuple[tuple[str, str], ...] = ()


#: By name: languages, and two more.
TEMPLATES: Mapping[str, Template] = {
    "python": Template("A Python function: takes an event, returns an answer."),
    "python-http": Template("A Python function behind its URL: paths, methods, JSON bodies."),
    "javascript": Template("JavaScript, as Lambda has it; built with npm.", _JAVASCRIPT_SDK),
    "typescript": Template("The same in TypeScript.", _JAVASCRIPT_SDK),
    "assemblyscript": Template(
        "AssemblyScript, like TypeScript, as a small module; built with npm.", _ASSEMBLYSCRIPT_SDK
    ),
    "c": Template(
        "C as a reactor module, built with ziglang from PyPI.",
        (("c/include/wasmfaas.h", "wasmfaas.h"), ("c/include/wasmfaas_http.h", "wasmfaas_http.h")),
    ),
    "rust": Template(
        "Rust as a reactor module, built with cargo.",
        tuple((f"rust/{name}", f"sdk/{name}") for name in ("Cargo.toml", "samples", "src")),
    ),
    "wasi-command": Template("Any WASI program: the event on stdin, the answer on stdout."),
}
#: What stands for the function's name in a template.
_NAME = "@NAME@"
_TEXT_BYTES_MAX = 1024 * 1024


def init(
    template: Annotated[
        str | None, typer.Argument(metavar="LANGUAGE", help=f"One of: {', '.join(TEMPLATES)}.")
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
        raise typer.BadParameter("name a language, or list them with --list")
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
        copied = _copy(source, target, name)
        for path, place in TEMPLATES[template].sdk:
            copied += _copy_item(sdks.root() / path, target / place, name, place)
        return sorted(copied)
    except OSError as error:
        message = f"cannot write {printable(target)}: {error.strerror}"
        raise Failure("UnwritableFolder", message) from None


def _copy(source: Traversable, target: Path, name: str, prefix: str = "") -> list[str]:
    copied = []
    for item in source.iterdir():
        if item.name != "__pycache__":
            copied += _copy_item(item, target / item.name, name, f"{prefix}{item.name}")
    return copied


def _copy_item(item: Traversable, target: Path, name: str, shown: str) -> list[str]:
    if item.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        return _copy(item, target, name, f"{shown}/")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(item.read_text(encoding="utf-8").replace(_NAME, name), encoding="utf-8")
    return [shown]


def _list(out: Output) -> None:
    if out.json:
        out.document({"templates": [{"name": n, "about": t.about} for n, t in TEMPLATES.items()]})
    else:
        out.facts([(name, template.about) for name, template in TEMPLATES.items()])
