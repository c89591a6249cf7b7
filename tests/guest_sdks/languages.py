"""The languages that there is an SDK for: one entry each, for the conformance run.

An entry says how a source file becomes a package, and what the language cannot do. The samples of
every language behave alike (`guest-sdks/README.md` says how), and so do the probes here, programs
beside the samples which show what a handler finds; `test_conformance` says what a probe answers.
"""

import functools
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.guest_sdks import golang, node, rust, toolchain
from wasmfaas.cli.commands.init import TEMPLATES
from wasmfaas.models import PackageKind

ROOT = Path(__file__).parents[2]
SAMPLES = ("hello", "echo", "error", "log")
PROBE = "probe"
#: Programs in TypeScript and in JavaScript alone, for test_capabilities.
CAPABILITIES, ODDITIES = "capabilities", "oddities"
SCRIPTS = "scripts"
SCRIPT_INPUTS = (
    *(f"guest-sdks/{path}" for path, _ in TEMPLATES["typescript"].sdk),
    "guest-sdks/javascript/samples",
    "guest-sdks/typescript/samples",
    "tests/guest_sdks/probes/probe.js",
    "tests/guest_sdks/probes/probe.ts",
    "tests/guest_sdks/probes/capabilities.ts",
    "tests/guest_sdks/probes/oddities.js",
)
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
    #: The function's Handler, with `{}` for the program's name where one package has them all.
    handler: str = "bootstrap"
    #: The name of the package that has all programs; None where each has its own.
    shared: str | None = None
    #: Whether a string can hold U+0000.
    holds_nul: bool = True
    #: Whether a module is put back after an invocation, and not replaced.
    is_restored: bool = True
    #: Whether an error carries where it came from.
    has_traces: bool = True
    #: Whether the probe asks the host for what is outside of the sandbox.
    has_calls: bool = False

    def source(self, program: str) -> Path:
        """The source of a sample, of the probe, or of another program beside that."""
        if program in SAMPLES:
            return ROOT / self.sample.format(program)
        probe = ROOT / self.probe
        return probe if program == PROBE else probe.with_stem(program)

    def package(self, program: str, cache_dir: Path) -> Files:
        """The package of a sample or of the probe, built at most once of the same sources."""
        source = self.source(program)
        name = self.shared or f"{self.name}-{program}"
        kept = cache_dir / "guest-builds" / f"{name}-{self._digest(source)}"
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
        builders = map(
            Path, (__file__, toolchain.__file__, node.__file__, rust.__file__, golang.__file__)
        )
        sources = [] if self.shared else [source]
        for path in _files(*sources, *builders, *(ROOT / name for name in self.inputs)):
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


def _scripts(source: Path, cache_dir: Path) -> Files:
    """All programs in JavaScript and TypeScript in one component: the engine is most of any, and
    takes seconds to compile."""
    folder = node.project(cache_dir)
    programs = {
        language.handler.format(program): language.source(program)
        for language in LANGUAGES
        if language.shared == SCRIPTS
        for program in (*SAMPLES, PROBE, CAPABILITIES, ODDITIES)
        if language.source(program).exists()
    }
    imports = [
        f"import {{ handler as handler{number} }} from {json.dumps(str(path))};"
        for number, path in enumerate(programs.values())
    ]
    handlers = [f"{json.dumps(name)}: handler{n}" for n, name in enumerate(programs)]
    with tempfile.TemporaryDirectory() as temporary:
        entry = Path(temporary) / "programs.js"
        entry.write_text(
            "\n".join(imports) + f"\nconst handlers = {{ {', '.join(handlers)} }};\n"
            "export const handler = (event, context) =>"
            " handlers[process.env._HANDLER](event, context);\n"
        )
        return toolchain.built(
            lambda output: node.node("sdk/build.js", str(entry), "-o", str(output), folder=folder)
        )


def _assemblyscript(source: Path, cache_dir: Path) -> Files:
    """All programs in one module, as the sources are compiled together anyway."""
    folder = node.project(cache_dir, "assemblyscript")
    [language] = (each for each in LANGUAGES if each.name == "assemblyscript")
    programs = {name: language.source(name) for name in (*SAMPLES, PROBE)}
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        for name, path in programs.items():
            shutil.copy(path, here / f"{name}.ts")
        imports = [f'import {{ {name} as {name}_ }} from "./{name}";' for name in programs]
        cases = [f'  if (name == "{name}") return {name}_(event, context);' for name in programs]
        (here / "programs.ts").write_text(
            "\n".join(['import { Context, Json, start } from "wasmfaas";', *imports])
            + "\nfunction choose(event: Json, context: Context): Json {\n"
            '  const name = process.env.get("_HANDLER");\n' + "\n".join(cases) + "\n"
            '  return context.fail("NoSuchProgram", name);\n}\nstart(choose);\n'
        )
        (here / "sdk").symlink_to(ROOT / "guest-sdks" / "assemblyscript")
        (here / "asconfig.json").write_text('{"extends": "./sdk/asconfig.json"}')
        compiler = str(folder / "node_modules/assemblyscript/bin/asc.js")
        return toolchain.built(
            lambda output: node.node(
                compiler, "programs.ts", "-o", os.path.relpath(output, here), folder=here
            )
        )


def _go(source: Path, cache_dir: Path) -> Files:
    """All programs in one module: Go's runtime is most of any, and takes seconds to compile."""
    [language] = (each for each in LANGUAGES if each.name == "go")
    programs = {name: language.source(name) for name in (*SAMPLES, PROBE)}
    return golang.programs(programs, cache_dir)


RUST_PROBE = "tests/guest_sdks/probes/probe.rs"


def _rust(source: Path, cache_dir: Path) -> Files:
    return {MODULE: _rust_programs(cache_dir)[source.stem]}


@functools.cache
def _rust_programs(cache_dir: Path) -> Mapping[str, bytes]:
    samples = {name: rust.SDK / "samples" / f"{name}.rs" for name in SAMPLES}
    return rust.programs({**samples, PROBE: ROOT / RUST_PROBE}, cache_dir)


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
        has_calls=True,
    ),
    Language(
        name="zig",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/zig/samples/{}.zig",
        probe="tests/guest_sdks/probes/probe.zig",
        inputs=("guest-sdks/zig/src",),
        build=_zig,
        # std.Io links path_open, whether or not it is used.
        is_restored=False,
        has_traces=False,
    ),
    Language(
        name="javascript",
        kind=PackageKind.COMPONENT,
        sample="guest-sdks/javascript/samples/{}.js",
        probe="tests/guest_sdks/probes/probe.js",
        inputs=SCRIPT_INPUTS,
        build=_scripts,
        handler="javascript.{}",
        shared=SCRIPTS,
        has_calls=True,
    ),
    Language(
        name="typescript",
        kind=PackageKind.COMPONENT,
        sample="guest-sdks/typescript/samples/{}.ts",
        probe="tests/guest_sdks/probes/probe.ts",
        inputs=SCRIPT_INPUTS,
        build=_scripts,
        handler="typescript.{}",
        shared=SCRIPTS,
        has_calls=True,
    ),
    Language(
        name="assemblyscript",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/assemblyscript/samples/{}.ts",
        probe="tests/guest_sdks/probes/assemblyscript.ts",
        inputs=(
            *(f"guest-sdks/{path}" for path, _ in TEMPLATES["assemblyscript"].sdk),
            "guest-sdks/assemblyscript/samples",
            "tests/guest_sdks/probes/assemblyscript.ts",
        ),
        build=_assemblyscript,
        handler="{}",
        shared="assemblyscript",
        has_traces=False,
        has_calls=True,
    ),
    Language(
        name="go",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/go/samples/{}/main.go",
        probe="tests/guest_sdks/probes/go/main.go",
        inputs=("guest-sdks/go", "tests/guest_sdks/probes/go"),
        build=_go,
        is_restored=False,
        handler="{}",
        shared="go",
        has_calls=True,
    ),
    Language(
        name="rust",
        kind=PackageKind.REACTOR,
        sample="guest-sdks/rust/samples/{}.rs",
        probe=RUST_PROBE,
        inputs=("guest-sdks/rust/Cargo.toml", "guest-sdks/rust/src"),
        build=_rust,
        has_calls=True,
    ),
)
