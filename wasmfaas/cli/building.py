"""From a folder's sources to its module: what `[build]` in wasmfaas.toml asks for."""

import json
import shlex
import subprocess
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wasmfaas.cli import toolchains
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.sources import PROJECT_FILE, printable
from wasmfaas.cli.toolchains import Tool

#: What a build writes unless `build.output` says otherwise.
OUTPUT = "bootstrap.wasm"
#: Lines of a compiler's complaint that are shown; its end tells most.
_LINES_SHOWN = 60
_REACTOR = ("--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-s", "-Wl,-z,stack-size=262144")


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildSettings:
    """The table `[build]`. `command` replaces what is done for `language`; a shell runs it."""

    language: str | None = None
    command: str | None = None
    output: str = OUTPUT


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What came of a build."""

    output: Path
    size_bytes: int
    seconds: float
    #: The commands that were run, as one would type them.
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One command of a build."""

    tool: Tool
    arguments: tuple[str, ...]
    variables: Mapping[str, str]

    def __str__(self) -> str:
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items()]
        return " ".join([*variables, shlex.join([*self.tool.words, *self.arguments])])


def _step(tool: Tool, *arguments: str, **variables: str) -> Step:
    return Step(tool, arguments, variables)


def _npm(folder: Path, output: str) -> list[Step]:
    _, npm = toolchains.node()
    try:
        package = json.loads((folder / "package.json").read_bytes())
    except (OSError, ValueError) as error:
        raise Failure("BuildFailed", f"cannot read package.json: {error}") from None
    steps = []
    if toolchains.dependencies_missing(folder, package):
        install = "ci" if (folder / "package-lock.json").exists() else "install"
        steps.append(_step(npm, install, "--no-fund", "--no-audit"))
    return [*steps, _step(npm, "run", "--silent", "build")]


def _sources(folder: Path, *patterns: str) -> list[str]:
    found = sorted(str(path.relative_to(folder)) for p in patterns for path in folder.glob(p))
    if not found:
        raise Failure("BuildFailed", f"{printable(folder)} holds no {' or '.join(patterns)}")
    return found


def _c(folder: Path, output: str) -> list[Step]:
    return [_step(toolchains.zig(), "cc", *_REACTOR, "-o", output, *_sources(folder, "*.c"))]


def _cpp(folder: Path, output: str) -> list[Step]:
    sources = _sources(folder, "*.cpp", "*.cc")
    return [_step(toolchains.zig(), "c++", *_REACTOR, "-fno-exceptions", "-o", output, *sources)]


def _go(folder: Path, output: str) -> list[Step]:
    arguments = ("build", "-trimpath", "-ldflags=-s -w", "-buildmode=c-shared", "-o", output, ".")
    return [_step(toolchains.go(), *arguments, GOOS="wasip1", GOARCH="wasm")]


def _rust(folder: Path, output: str) -> list[Step]:
    try:
        manifest = tomllib.loads((folder / "Cargo.toml").read_text(encoding="utf-8"))
        named = manifest.get("lib", {}).get("name") or manifest["package"]["name"]
    except (OSError, ValueError, LookupError, AttributeError) as error:
        raise Failure("BuildFailed", f"cannot read Cargo.toml: {error}") from None
    cargo, target = toolchains.rust()
    module = f"target/{target}/release/{str(named).replace('-', '_')}.wasm"
    return [
        _step(cargo, "build", "--release", "--lib", "--target", target, "--target-dir", "target"),
        _step(Tool(("cp",)), module, output),
    ]


@dataclass(frozen=True, slots=True)
class Language:
    """How projects of a language are built: the steps for a folder and its output, and what the
    toolchain leaves behind in the folder, which is neither packaged nor watched."""

    steps: Callable[[Path, str], list[Step]]
    leaves: tuple[str, ...] = ()


_NODE_LEAVES = ("node_modules",)
LANGUAGES: Mapping[str, Language] = {
    "javascript": Language(_npm, _NODE_LEAVES),
    "typescript": Language(_npm, _NODE_LEAVES),
    "assemblyscript": Language(_npm, _NODE_LEAVES),
    "c": Language(_c),
    "cpp": Language(_cpp),
    "go": Language(_go),
    "rust": Language(_rust, ("/target", "/Cargo.lock")),
}


def left_behind(settings: BuildSettings) -> tuple[str, ...]:
    """Patterns, as of `exclude`, of what a build puts into the folder beside its output."""
    return LANGUAGES[settings.language].leaves if settings.language else ()


def written(settings: BuildSettings) -> tuple[str, ...]:
    """Patterns of all that a build writes."""
    return (f"/{settings.output}", *left_behind(settings))


def build(folder: Path, settings: BuildSettings) -> Built:
    """Build *folder*, and check that the output is there.

    Raises Failure where there is no toolchain, saying what to install, and where the build fails,
    with what it said.
    """
    started = time.monotonic()
    steps = _steps(folder, settings)
    for step in steps:
        _succeed(str(step), toolchains.run(step.tool, step.arguments, folder, step.variables))
    output = folder / settings.output
    if not output.is_file():
        ran = "; ".join(map(str, steps))
        message = f"the build went well, but did not write {settings.output}; it was: {ran}"
        raise Failure("BuildFailed", message)
    return Built(
        output=output,
        size_bytes=output.stat().st_size,
        seconds=time.monotonic() - started,
        commands=tuple(map(str, steps)),
    )


def _steps(folder: Path, settings: BuildSettings) -> Sequence[Step]:
    if settings.command is not None:
        return [_step(Tool(("/bin/sh",)), "-c", settings.command)]
    if settings.language is None:
        raise Failure(
            "InvalidProject",
            f"{PROJECT_FILE} says neither build.language nor build.command; give one of them",
        )
    return LANGUAGES[settings.language].steps(folder, settings.output)


def _succeed(command: str, done: subprocess.CompletedProcess[str]) -> None:
    if done.returncode == 0:
        return
    lines = done.stdout.strip().splitlines()
    shown = "\n".join(lines[-_LINES_SHOWN:]) or "it printed nothing"
    message = f"the build failed (exit status {done.returncode}): {command}\n{shown}"
    raise Failure("BuildFailed", message)
