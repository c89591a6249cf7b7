"""`python-packages`: which packages from PyPI work in a Python function.

Each is installed with pip, packaged with all that it needs, deployed, imported at start-up and put
through one real call, on a real server. `python_packages.toml` names them, and their source.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import textwrap
import tomllib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench import hello, progress
from bench.failures import BenchFailure
from bench.progress import Steps
from bench.requirements import Installed, install
from bench.server import Server, running
from wasmfaas.declaration import default_cache_dir

NAME = "python-packages"
_LIST = Path(__file__).with_suffix(".toml")
_TOGETHER = "together"
_MEMORY_MB = 1024
_TIMEOUT_S = 120
_WHY_CHARACTERS_MAX = 160
_FOLDER_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Subject:
    """A package, and what is done with it."""

    name: str
    imports: str
    call: str
    #: The set of requirements that it is installed with.
    apart: str = _TOGETHER
    #: Packages that it is used with.
    beside: Sequence[str] = ()

    @property
    def source(self) -> str:
        """Of the function that does it."""
        body = textwrap.indent(self.call.strip(), "    ")
        return f"{self.imports}\n\ndef lambda_handler(event, context):\n{body}\n"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a package."""

    name: str
    version: str | None
    works: bool
    #: Why it does not work; empty where it does.
    why: str


def subjects() -> list[Subject]:
    """All that there are, the most downloaded one first."""
    return [Subject(**members) for members in tomllib.loads(_LIST.read_text())["package"]]


def main(arguments: Sequence[str]) -> int:
    """Entry point; the exit status. Raises BenchFailure."""
    options = _parser().parse_args(arguments)
    chosen = [each for each in subjects() if options.only in (None, each.name)]
    if not chosen:
        raise BenchFailure(f"There is no package {options.only} in {_LIST.name}.")
    with progress.shown(json=options.json) as steps:
        results = run(chosen, options.cache_dir.absolute(), steps)
    if options.json:
        print(json.dumps(document(results), indent=2, ensure_ascii=False))
    elif options.markdown:
        print(markdown(results))
    else:
        _show(results)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=f"python -m bench {NAME}", description="Try packages from PyPI in Python functions."
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--markdown", action="store_true", help="print a table in Markdown")
    parser.add_argument("--only", metavar="NAME", help="this package only")
    parser.add_argument(
        "--cache-dir",
        type=Path,
        default=default_cache_dir(),
        metavar="PATH",
        help="holds the Python runtime and the packages (default: %(default)s)",
    )
    return parser


def run(chosen: Sequence[Subject], cache_dir: Path, steps: Steps) -> list[Result]:
    """Try each of *chosen*. Raises BenchFailure where pip or the server fails."""
    installed = _installed(cache_dir, steps)
    results = []
    with (
        tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as name,
        running(Path(name), cache_dir, steps.note) as server,
    ):
        for number, subject in enumerate(chosen, 1):
            steps.round(number, len(chosen))
            results.append(_tried(server, subject, installed[subject.apart]))
    return results


def _installed(cache_dir: Path, steps: Steps) -> dict[str, Installed]:
    """What was installed, by set of requirements: all of a set at once, whoever is chosen."""
    sets: dict[str, list[str]] = {}
    for subject in subjects():
        sets.setdefault(subject.apart, []).append(subject.name)
    found = {}
    for apart, names in sets.items():
        steps.note(f"Fetching {len(names)} packages with pip")
        key = hashlib.sha256(" ".join(names).encode()).hexdigest()[:_FOLDER_CHARACTERS]
        folder = cache_dir / "bench" / NAME / f"{apart}-{key}"
        folder.parent.mkdir(parents=True, exist_ok=True)
        found[apart] = install(folder, names)
    return found


def _tried(server: Server, subject: Subject, installed: Installed) -> Result:
    version = installed.version(subject.name)
    if version is None:
        return Result(subject.name, None, False, "pip did not install it")
    why = _failure(server, subject, installed.files(subject.name, *subject.beside))
    return Result(subject.name, version, not why, why)


def _failure(server: Server, subject: Subject, files: dict[str, bytes]) -> str:
    """Why *subject* does not work; empty where it does."""
    package = hello.python_files({**files, "app.py": subject.source.encode()})
    try:
        server.deploy(subject.name, package, MemorySize=_MEMORY_MB, Timeout=_TIMEOUT_S)
    except BenchFailure as failure:
        return _shown(str(failure))
    try:
        answer = server.call(server.invocation(subject.name, b"{}")).body
        return "" if answer == b"true" else _shown(_reason(answer))
    except BenchFailure as failure:
        return _shown(str(failure))
    finally:
        server.delete(subject.name)


def _reason(answer: bytes) -> str:
    try:
        payload = json.loads(answer)
        return f"{payload['errorType']}: {payload['errorMessage']}"
    except (ValueError, LookupError, TypeError):
        return f"the call answered {answer.decode(errors='replace')}"


def _shown(reason: str) -> str:
    return " ".join(reason.split())[:_WHY_CHARACTERS_MAX]


def document(results: Sequence[Result]) -> dict[str, Any]:
    """The results as one JSON document."""
    working = sum(result.works for result in results)
    figures = {"packages": len(results), "working": working}
    return {"benchmark": NAME, "packages": [asdict(each) for each in results], "figures": figures}


def markdown(results: Sequence[Result]) -> str:
    """The results as a table in Markdown."""
    rows = [
        f"| {each.name} | {each.version or '-'} | {'works' if each.works else '**fails**'} "
        f"| {each.why.replace('|', '/')} |"
        for each in results
    ]
    return "\n".join(["| package | version | | why |", "|---|---|---|---|", *rows])


def _show(results: Sequence[Result]) -> None:
    console = Console(highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="bold")
    for title in ("package", "version", ""):
        table.add_column(title, no_wrap=True)
    table.add_column("why", ratio=1)
    for each in results:
        works = Text("works", "green") if each.works else Text("fails", "red")
        table.add_row(Text(each.name), Text(each.version or "-"), works, Text(each.why))
    console.print(table)
    console.print(f"{sum(each.works for each in results)} of {len(results)} work.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
