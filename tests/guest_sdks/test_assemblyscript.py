"""The SDK of AssemblyScript: its own tests, and what of it only a worker shows."""

import re
from pathlib import Path

import pytest

from tests.guest_sdks.languages import LANGUAGES, MODULE, PROBE
from tests.guest_sdks.node import node, project
from tests.sandbox.conftest import Pool

SDK = Path(__file__).parents[2] / "guest-sdks" / "assemblyscript"


def module(cache_dir: Path) -> bytes:
    [language] = (each for each in LANGUAGES if each.name == "assemblyscript")
    return language.package(PROBE, cache_dir)[MODULE]


def test_its_own_tests_pass(
    cache_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiler = str(project(cache_dir, "assemblyscript") / "node_modules/assemblyscript/bin/asc.js")
    (tmp_path / "sdk").symlink_to(SDK)
    (tmp_path / "asconfig.json").write_text('{"extends": "./sdk/asconfig.json"}')
    node(compiler, "sdk/test/calls.ts", "-o", "calls.wasm", folder=tmp_path)
    (tmp_path / "hello.wasm").write_bytes(module(cache_dir))
    for name in ("hello", "calls"):
        monkeypatch.setenv(name.upper(), str(tmp_path / f"{name}.wasm"))
    told = node("--no-warnings", "--test", str(SDK / "test/sdk.test.js"), folder=tmp_path)
    assert "fail 0" in told


def test_what_is_thrown_is_in_the_log_with_its_place(pool: Pool, cache_dir: Path) -> None:
    target = pool.target(pool.compiled(module(cache_dir)), {}, environment={"_HANDLER": PROBE})
    reply = pool.invoke(target, {"do": "panic", "message": "the sky fell"})
    assert reply.error_type == "Runtime.ExitError"
    [line] = [line for line in reply.log.decode().splitlines() if "sky" in line]
    assert re.fullmatch(r"\[FATAL\] the sky fell \(probe\.ts:\d+:\d+\)", line)
