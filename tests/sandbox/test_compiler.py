"""The compiler process itself, spoken to as the server does. Limits and mishaps, as the server sees
them, are in `tests/invoke/test_compilers.py`."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import wasmtime

from tests.sandbox import wat
from wasmfaas import wire
from wasmfaas.sandbox.engine import new_engine

COMMAND = [sys.executable, "-P", "-m", "wasmfaas.sandbox.compiler"]


def request(wasm_path: Path, output_path: Path) -> bytes:
    return wire.encode(
        {
            "parent_pid": os.getpid(),
            "wasm_path": str(wasm_path),
            "output_path": str(output_path),
            "memory_bytes_max": None,
            "cpu_s_max": None,
            "niceness": 0,
        }
    )


def run(data: bytes) -> list[dict[str, Any]]:
    """What a compiler answers, which must end well and print nothing."""
    child = subprocess.run(COMMAND, input=data, capture_output=True, timeout=200, check=False)
    assert (child.returncode, child.stderr) == (0, b"")
    return list(wire.Decoder().feed(child.stdout))


def test_a_module_is_looked_at_and_compiled(tmp_path: Path) -> None:
    wasm_path, output_path = tmp_path / "module.wasm", tmp_path / "out" / "module"
    output_path.parent.mkdir()
    wasm_path.write_bytes(wasmtime.wat2wasm(wat.ok("1")))
    jail, inspected, compiled = run(request(wasm_path, output_path))
    assert jail["type"] == "jail"
    assert inspected == {
        "type": "inspected",
        "kind": "reactor",
        "memory_minimum_bytes": 3 * 65536,
        "has_init": False,
        "restorable": True,
    }
    assert compiled == {"type": "compiled"}
    assert wasmtime.Module.deserialize_file(new_engine(), str(output_path))


def test_a_module_is_refused(tmp_path: Path) -> None:
    wasm_path, output_path = tmp_path / "module.wasm", tmp_path / "out" / "module"
    output_path.parent.mkdir()
    wasm_path.write_bytes(b"#!/bin/sh")
    _, refused = run(request(wasm_path, output_path))
    assert refused["type"] == "refused"
    assert "does not begin with" in refused["reason"]
    assert not output_path.exists()


def test_a_server_that_is_gone_is_no_mishap() -> None:
    assert run(b"") == []
    assert run(request(Path("/absent"), Path("/absent/either"))[:10]) == []
