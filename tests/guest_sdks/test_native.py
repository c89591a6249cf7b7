"""The SDKs' own unit tests, which run on this machine and need no server."""

from tests.guest_sdks.toolchain import SDKS, zig


def test_zig() -> None:
    source = SDKS / "zig" / "src" / "wasmfaas.zig"
    zig("test", str(source))
    sample = SDKS / "zig" / "samples" / "hello.zig"
    zig("test", "--dep", "wasmfaas", f"-Mroot={sample}", f"-Mwasmfaas={source}")
