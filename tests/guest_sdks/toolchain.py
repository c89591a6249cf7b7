"""Runs the compilers from PyPI, as the READMEs of guest-sdks say to."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

SDKS = Path(__file__).parents[2] / "guest-sdks"
C_SDK = SDKS / "c"
SAMPLES = C_SDK / "samples"
GO = Path(sys.executable).with_name("go")
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")


def run(*command: str, folder: Path | None = None, **variables: str) -> str:
    """Run *command* in *folder*, with *variables* in its environment; its stdout. What it says is
    part of the AssertionError when it fails."""
    environment = {**os.environ, **variables}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=folder)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}{done.stderr}"
    return done.stdout


def built(build: Callable[[Path], object]) -> Mapping[str, bytes]:
    """The package of the module that *build* writes to the path that it is given."""
    with tempfile.TemporaryDirectory() as folder:
        module = Path(folder) / "bootstrap.wasm"
        build(module)
        return {module.name: module.read_bytes()}


def zig(*arguments: str) -> None:
    """Run `zig *arguments*`; what it says is part of the AssertionError when it fails."""
    command = [sys.executable, "-m", "ziglang", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stderr}"


def build_reactor(source: Path, output: Path) -> Path:
    """*source* as a reactor on the C SDK, written to *output*."""
    zig("cc", "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-s",
        "-Wl,-z,stack-size=262144", "-std=c99", *STRICT,
        f"-I{C_SDK / 'include'}", "-o", str(output), str(source))  # fmt: skip
    return output


def build_native(source: Path, output: Path) -> Path:
    """*source* as a program for this machine, undefined behaviour trapped, written to *output*."""
    zig("cc", "-O1", "-g", "-fsanitize=undefined", "-fsanitize-trap=undefined", *STRICT,
        f"-I{C_SDK / 'include'}", "-o", str(output), str(source))  # fmt: skip
    return output


def build_cpp(source: Path, output: Path) -> Path:
    """*source* as a reactor on the C++ SDK, written to *output*."""
    zig("c++", "--target=wasm32-wasi", "-mexec-model=reactor", "-O2", "-s", "-std=c++17",
        "-fno-exceptions", "-Wl,-z,stack-size=1048576", *STRICT, f"-I{SDKS / 'cpp' / 'include'}",
        f"-I{C_SDK / 'include'}", "-o", str(output), str(source))  # fmt: skip
    return output


def build_zig(source: Path, output: Path) -> Path:
    """*source* as a reactor on the Zig SDK, written to *output*."""
    zig("build-exe", "-target", "wasm32-wasi", "-mexec-model=reactor", "-fno-entry", "-rdynamic",
        "-O", "ReleaseSmall", "--stack", "262144", f"-femit-bin={output}",
        "--dep", "wasmfaas", f"-Mroot={source}",
        f"-Mwasmfaas={SDKS / 'zig' / 'src' / 'wasmfaas.zig'}")  # fmt: skip
    return output


def go(folder: Path, cache_dir: Path, *arguments: str, **variables: str) -> None:
    """Run `go *arguments*` in *folder*, without a network; it keeps things in *cache_dir*."""
    program = str(GO) if GO.exists() else "go"
    own = {"GOTOOLCHAIN": "local", "GOPROXY": "off", "GOFLAGS": "-mod=mod", "GOWORK": "off",
           "GOENV": "off", "GOTELEMETRY": "off",
           "GOCACHE": str(cache_dir / "go-build")}  # fmt: skip
    run(program, *arguments, folder=folder, **own, **variables)


def build_go(package: Path, cache_dir: Path, output: Path) -> Path:
    """The Go *package*, a folder, as a reactor, written to *output*."""
    go(package, cache_dir, "build", "-trimpath", "-ldflags=-s -w", "-buildmode=c-shared",
       "-o", str(output), ".", GOOS="wasip1", GOARCH="wasm")  # fmt: skip
    return output
