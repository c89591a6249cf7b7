"""The host's half of guest-sdks/README.md for core modules, as short as the text allows: what the
SDKs are checked against. `run` does its work in a child process, so that no test process holds
Wasmtime."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgpack
import wasmtime

MEMORY_BYTES_MAX = 64 * 1024 * 1024


@dataclass(frozen=True)
class Answer:
    """How one invocation ended: `ok` holds JSON text, `error` the error map, `broken` the rule
    that the guest broke or the trap."""

    ok: bytes | None = None
    error: dict[str, Any] | None = None
    broken: str | None = None

    @property
    def value(self) -> Any:
        """The answer, parsed strictly: UTF-8, no NaN."""
        assert self.ok is not None, self
        return json.loads(self.ok.decode(), parse_constant=_refuse)


@dataclass(frozen=True)
class Run:
    """What came of a module's invocations."""

    answers: list[Answer]
    stdout: bytes
    stderr: bytes
    memory_bytes: list[int]


def _refuse(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def envelope(event: bytes, context: bytes = b"{}") -> bytes:
    """A request envelope."""
    packed: bytes = msgpack.packb({"event": event, "context": context})
    return packed


def run(
    module: Path,
    requests: Sequence[bytes],
    *,
    environment: Mapping[str, str] | None = None,
    memory_bytes_max: int = MEMORY_BYTES_MAX,
) -> Run:
    """Invoke the reactor *module* with each of the request envelopes, in one instance."""
    order = {
        "module": str(module),
        "requests": list(requests),
        "environment": dict(environment or {}),
        "memory_bytes_max": memory_bytes_max,
    }
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=msgpack.packb(order),
        capture_output=True,
        cwd=Path(__file__).parents[2],
        timeout=60,
    )
    assert done.returncode == 0, done.stderr.decode()
    result = msgpack.unpackb(done.stdout)
    answers = [_open(answer) for answer in result["answers"]]
    return Run(answers, result["stdout"], result["stderr"], result["memory_bytes"])


def _open(raw: bytes | str) -> Answer:
    """The answer in an envelope; a str says what went wrong before there was one."""
    if isinstance(raw, str):
        return Answer(broken=raw)
    message = msgpack.unpackb(raw)
    if not isinstance(message, dict) or ("ok" in message) == ("error" in message):
        return Answer(broken="neither ok nor error")
    if "ok" in message:
        ok = message["ok"]
        return Answer(ok=ok.encode() if isinstance(ok, str) else ok)
    error = message["error"]
    if {type(error.get(key)) for key in ("errorType", "errorMessage")} != {str}:
        return Answer(broken="error without errorType or errorMessage")
    return Answer(error=error)


class _Instance:
    """One instance of a reactor, in the child process."""

    def __init__(self, order: Mapping[str, Any], folder: str) -> None:
        engine = wasmtime.Engine()
        self._store = wasmtime.Store(engine)
        self._store.set_limits(memory_size=order["memory_bytes_max"])
        wasi = wasmtime.WasiConfig()
        wasi.env = order["environment"].items()
        wasi.stdout_file, wasi.stderr_file = f"{folder}/stdout", f"{folder}/stderr"
        self._store.set_wasi(wasi)
        linker = wasmtime.Linker(engine)
        linker.define_wasi()
        module = wasmtime.Module.from_file(engine, order["module"])
        self._exports = linker.instantiate(self._store, module).exports(self._store)
        memory = self._exports["memory"]
        assert isinstance(memory, wasmtime.Memory)
        self._memory = memory
        if "_initialize" in self._exports:
            self._call("_initialize")

    def memory_bytes(self) -> int:
        return self._memory.data_len(self._store)

    def invoke(self, request: bytes) -> bytes | str:
        """The answer envelope, or a sentence on why there is none."""
        try:
            address = self._call("wasmfaas_alloc", len(request)) & 0xFFFFFFFF
            if address == 0 or address + len(request) > self.memory_bytes():
                return f"wasmfaas_alloc({len(request)}) returned {address}"
            self._memory.write(self._store, request, address)
            packed = self._call("wasmfaas_handle", address, len(request)) & 0xFFFFFFFFFFFFFFFF
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            return str(error)
        start, size = packed >> 32, packed & 0xFFFFFFFF
        if start + size > self.memory_bytes():
            return f"the answer, {size} bytes at {start}, is outside of memory"
        return bytes(self._memory.read(self._store, start, start + size))

    def _call(self, name: str, *arguments: int) -> Any:
        function = self._exports[name]
        assert isinstance(function, wasmtime.Func)
        return function(self._store, *arguments)


def main() -> None:
    order = msgpack.unpackb(sys.stdin.buffer.read())
    with tempfile.TemporaryDirectory() as folder:
        instance = _Instance(order, folder)
        answers, sizes = [], []
        for request in order["requests"]:
            answers.append(instance.invoke(request))
            sizes.append(instance.memory_bytes())
        result = {"answers": answers, "memory_bytes": sizes}
        for stream in ("stdout", "stderr"):
            result[stream] = Path(folder, stream).read_bytes()
    sys.stdout.buffer.write(msgpack.packb(result))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
