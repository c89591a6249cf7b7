"""The languages that there is an SDK for: one entry each, for the conformance run.

An entry says how a source file becomes a package, and what the language cannot do. The samples of
every language behave alike (`guest-sdks/README.md` says how), and so do the probes here, programs
beside the samples which show what a handler finds; `test_conformance` says what a probe answers.
"""

import hashlib
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.guest_sdks import node, toolchain
from wasmfaas.cli.commands.init import TEMPLATES
from wasmfaas.models import PackageKind

ROOT = Path(__file__).parents[2]
SAMPLES = ("hello", "echo", "error", "log")
PROBE = "probe"
JAVASCRIPT_SDK = tuple(f"guest-sdks/{path}" for path, _ in TEMPLATES["javascript"].sdk)
MODULE = "bootstrap.wasm"

#: What a package consists of: names and contents.
Files = Mapping[str, bytes]


@dataclass(frozen=True, kw_only=True)
class Language:
    """How functions are made in a language."""

    name: str
    kind: PackageKind
    #: Where a sample's source is, with `{}` for its name.
    sample: str
    #: The source of the probe.
    probe: str
    #: What else the result depends on: files and folders.
    inputs: tuple[str, ...]
    #: Makes a package of a source; the folder is for what later builds can use again.
    build: Callable[[Path, Path], Files]
    #: Why functions cannot be made on this machine; None where they can.
    missing: Callable[[], str | None] = lambda: None
    handler: str = "bootstrap"
    #: Whether a string can hold U+0000.
    holds_nul: bool = True
    #: Whether an error carries where it came from.
    has_traces: bool = True

    def source(self, program: str) -> Path:
        """The source of a sample, or of the probe."""
        return ROOT / (self.probe if program == PROBE else self.sample.format(program))

    def package(self, program: str, cache_dir: Path) -> Files:
        """The package of a sample or of the probe, built at most once of the same sources."""
        source = self.source(program)
        kept = cache_dir / "guest-builds" / f"{self.name}-{program}-{self._digest(source)}"
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as folder:
                for name, content in self.build(source, cache_dir).items():
                    path = Path(folder, "files", name)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(content)
                # Where another process was faster, its files are as good.
                if not kept.exists():
                    shutil.copytree(Path(folder, "files"), Path(folder, "whole"))
                    _rename(Path(folder, "whole"), kept)
        return {
            str(path.relative_to(kept)): path.read_bytes()
            for path in sorted(kept.rglob("*"))
            if path.is_file()
        }

    def _digest(self, source: Path) -> str:
        digest = hashlib.sha256(sys.version.encode())
        builders = (Path(__file__), Path(toolchain.__file__), Path(node.__file__))
        for path in _files(source, *builders, *(ROOT / name for name in self.inputs)):
            digest.update(f"{path.relative_to(ROOT)}\0".encode() + path.read_bytes() + b"\0")
        return digest.hexdigest()[:24]


def _rename(source: Path, target: Path) -> None:
    try:
        os.rename(source, target)
    except OSError:
        if not target.exists():
            raise


def _files(*paths: Path) -> Iterator[Path]:
    for path in paths:
        inside = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in inside if file.is_file())


def _c(source: Path, cache_dir: Path) -> Files:
    return toolchain.built(lambda output: toolchain.build_reactor(source, output))


def _cpp(source: Path, cache_dir: Path) -> Files:
    return toolchain.built(lambda output: toolchain.build_cpp(source, output))


def _python(source: Path, cache_dir: Path) -> Files:
    return {"app.py": source.read_bytes()}


def _zig(source: Path, cache_dir: Path) -> Files:
    return toolchain.built(lambda output: toolchain.build_zig(source, output))


def _javascript(source: Path, cache_dir: Path) -> Files:
    folder = node.project("typescript", cache_dir)
    return toolchain.built(
        lambda output: node.node("sdk/build.js", str(source), "-o", str(output), folder=folder)
    )


def _go(source: Path, cache_dir: Path) -> Files:
    return toolchain.built(lambda output: toolchain.build_go(source.parent, cache_dir, output))


LANGUAGES = (
    Language(
        name="c",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/c/samples/{}.c",
        probe="tests/guest_sdks/probes/probe.c",
        inputs=("guest-sdks/c/include",),
        build=_c,
        holds_nul=False,
        has_traces=False,
    ),
    Language(
        name="cpp",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/cpp/samples/{}.cpp",
        probe="tests/guest_sdks/probes/probe.cpp",
        inputs=("guest-sdks/c/include", "guest-sdks/cpp/include"),
        build=_cpp,
        has_traces=False,
    ),
    Language(
        name="python",
        kind=PackageKind.PYTHON,
        sample="guest-sdks/python/samples/{}.py",
        probe="tests/guest_sdks/probes/probe.py",
        inputs=(),
        build=_python,
        handler="app.lambda_handler",
    ),
    Language(
        name="zig",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/zig/samples/{}.zig",
        probe="tests/guest_sdks/probes/probe.zig",
        inputs=("guest-sdks/zig/src",),
        build=_zig,
        has_traces=False,
    ),
    Language(
        name="javascript",
        kind=PackageKind.COMPONENT,
        sample="guest-sdks/javascript/samples/{}.js",
        probe="tests/guest_sdks/probes/probe.js",
        inputs=JAVASCRIPT_SDK,
        build=_javascript,
    ),
    Language(
        name="go",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/go/samples/{}/main.go",
        probe="tests/guest_sdks/probes/go/main.go",
        inputs=("guest-sdks/go",),
        build=_go,
    ),
)
