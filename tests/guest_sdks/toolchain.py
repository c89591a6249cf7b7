"""Runs the C compiler from PyPI, as guest-sdks/c/README.md says to."""

import subprocess
import sys
from pathlib import Path

C_SDK = Path(__file__).parents[2] / "guest-sdks" / "c"
SAMPLES = C_SDK / "samples"
STRICT = ("-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Werror")


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
