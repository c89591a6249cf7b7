"""The SDKs' own unit tests, which need no server."""

from pathlib import Path

from tests.guest_sdks import rust
from tests.guest_sdks.reference_host import run_command
from tests.guest_sdks.toolchain import C_SDK, SDKS, STRICT, go, zig


def test_cpp(tmp_path: Path) -> None:
    """As a WASI program: the library of C++ is built for that already."""
    program = tmp_path / "test_json.wasm"
    zig("c++", "--target=wasm32-wasi", "-O1", "-std=c++17", "-fno-exceptions", *STRICT,
        f"-I{SDKS / 'cpp' / 'include'}", f"-I{C_SDK / 'include'}", "-o", str(program),
        str(SDKS / "cpp" / "tests" / "test_json.cpp"))  # fmt: skip
    assert run_command(program, b"") == (0, b"", b"")


def test_go(cache_dir: Path) -> None:
    go(SDKS / "go", cache_dir, "test", "-vet=off", ".", "./samples/hello")


def test_zig() -> None:
    source = SDKS / "zig" / "src" / "wasmfaas.zig"
    zig("test", str(source))
    sample = SDKS / "zig" / "samples" / "hello.zig"
    zig("test", "--dep", "wasmfaas", f"-Mroot={sample}", f"-Mwasmfaas={source}")


def test_rust(cache_dir: Path, tmp_path: Path) -> None:
    """As WASI programs, since there is a library for that: of the SDK, and of the sample hello."""
    for program in rust.tests(tmp_path, cache_dir):
        code, stdout, stderr = run_command(program, b"")
        assert code == 0, stdout + stderr
        assert b"test result: ok" in stdout
