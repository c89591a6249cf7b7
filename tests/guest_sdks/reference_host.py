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
    result = _in_a_child(
        {
            "module": str(module),
            "requests": list(requests),
            "environment": dict(environment or {}),
            "memory_bytes_max": memory_bytes_max,
        }
    )
    answers = [_open(answer) for answer in result["answers"]]
    return Run(answers, result["stdout"], result["stderr"], result["memory_bytes"])


def run_command(
    module: Path, event: bytes, environment: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run the command *module* on *event*: its exit code, stdout and stderr."""
    result = _in_a_child(
        {"module": str(module), "event": event, "environment": dict(environment or {})}
    )
    return result["code"], result["stdout"], result["stderr"]


def _in_a_child(order: dict[str, Any]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=msgpack.packb(order),
        capture_output=True,
        cwd=Path(__file__).parents[2],
        timeout=200,
    )
    assert done.returncode == 0, done.stderr.decode()
    result: dict[str, Any] = msgpack.unpackb(done.stdout)
    return result


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


def _instantiate(order: Mapping[str, Any], folder: str) -> tuple[wasmtime.Store, Mapping[str, Any]]:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    store.set_limits(memory_size=order.get("memory_bytes_max", MEMORY_BYTES_MAX))
    wasi = wasmtime.WasiConfig()
    wasi.env = order["environment"].items()
    wasi.stdout_file, wasi.stderr_file = f"{folder}/stdout", f"{folder}/stderr"
    if "event" in order:
        Path(folder, "stdin").write_bytes(order["event"])
        wasi.stdin_file = f"{folder}/stdin"
    store.set_wasi(wasi)
    linker = wasmtime.Linker(engine)
    linker.define_wasi()
    module = wasmtime.Module.from_file(engine, order["module"])
    return store, dict(linker.instantiate(store, module).exports(store))


class _Instance:
    """One instance of a reactor, in the child process."""

    def __init__(self, order: Mapping[str, Any], folder: str) -> None:
        self._store, self._exports = _instantiate(order, folder)
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


def _serve(order: Mapping[str, Any], folder: str) -> dict[str, Any]:
    instance = _Instance(order, folder)
    answers, sizes = [], []
    for request in order["requests"]:
        answers.append(instance.invoke(request))
        sizes.append(instance.memory_bytes())
    return {"answers": answers, "memory_bytes": sizes}


def _start(order: Mapping[str, Any], folder: str) -> dict[str, Any]:
    store, exports = _instantiate(order, folder)
    start = exports["_start"]
    assert isinstance(start, wasmtime.Func)
    try:
        start(store)
    except wasmtime.ExitTrap as error:
        return {"code": error.code}
    return {"code": 0}


def main() -> None:
    order = msgpack.unpackb(sys.stdin.buffer.read())
    with tempfile.TemporaryDirectory() as folder:
        result = (_start if "event" in order else _serve)(order, folder)
        for stream in ("stdout", "stderr"):
            result[stream] = Path(folder, stream).read_bytes()
    sys.stdout.buffer.write(msgpack.packb(result))
    sys.stdout.buffer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
