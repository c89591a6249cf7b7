"""The baseline that everybody can write: wasmtime-py, a new store and instance for every call.

A process of its own, `python -m bench.plain_wasmtime`, as nothing else here imports wasmtime. The
first line on stdin says what to load; every further one, `{"subject": …, "count": …}`, is answered
with the times of as many calls.
"""

import hashlib
import importlib.metadata
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Protocol

import msgpack
import wasmtime
from wasmtime import component

from wasmfaas import abi


class Subject(Protocol):
    """Something that can be called the plain way."""

    #: CPU time that the start-up took of the last call.
    init_cpu_ns: int

    def call(self) -> tuple[str, int]:
        """Instantiate, call, drop: the answer, and the nanoseconds that the start-up took of it."""


class PythonHello:
    """The Python runtime component, with a handler that it imports anew in every call."""

    def __init__(self, engine: wasmtime.Engine, options: dict[str, Any]) -> None:
        path = Path(options["component_path"])
        compiled = _precompiled(engine, path, Path(options["cache_path"]), component.Component)
        self._engine = engine
        self._component = compiled
        self._linker = component.Linker(engine)
        self._linker.add_wasip2()
        with self._linker.root() as root:
            root.add_func("emit", lambda store, text: False)
            root.add_func("call", lambda store, operation, request: None)
        self._handler: str = options["handler"]
        self._folders = ((options["task_path"], abi.TASK_PATH), (options["tmp_path"], abi.TMP_PATH))
        self._event: str = options["event"]
        self._context: str = options["context"]
        self.init_cpu_ns = 0

    def call(self) -> tuple[str, int]:
        with wasmtime.Store(self._engine) as store:
            wasi = wasmtime.WasiConfig()
            wasi.argv = [self._handler]
            for path, guest_path in self._folders:
                wasi.preopen_dir(path, guest_path)
            store.set_wasi(wasi)
            instance = self._linker.instantiate(store, self._component)
            started_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
            _ok(_function(instance, store, abi.EXPORT_INIT)(store, self._handler))
            init_ns = time.perf_counter_ns() - started_ns
            self.init_cpu_ns = time.process_time_ns() - cpu_ns
            handle = _function(instance, store, abi.EXPORT_HANDLE)
            return _ok(handle(store, self._event, self._context)), init_ns


class CHello:
    """The C module, called as the reactor ABI says."""

    def __init__(self, engine: wasmtime.Engine, options: dict[str, Any]) -> None:
        path = Path(options["module_path"])
        self._engine = engine
        self._module = _precompiled(engine, path, Path(options["cache_path"]), wasmtime.Module)
        self._linker = wasmtime.Linker(engine)
        self._linker.define_wasi()
        event, context = options["event"].encode(), options["context"].encode()
        self._envelope: bytes = msgpack.packb({"event": event, "context": context})
        self.init_cpu_ns = 0

    def call(self) -> tuple[str, int]:
        envelope = self._envelope
        with wasmtime.Store(self._engine) as store:
            store.set_wasi(wasmtime.WasiConfig())
            exports: Any = self._linker.instantiate(store, self._module).exports(store)
            memory = exports[abi.EXPORT_MEMORY]
            started_ns, cpu_ns = time.perf_counter_ns(), time.process_time_ns()
            exports[abi.EXPORT_REACTOR_INITIALIZE](store)
            init_ns = time.perf_counter_ns() - started_ns
            self.init_cpu_ns = time.process_time_ns() - cpu_ns
            address = exports[abi.EXPORT_REACTOR_ALLOC](store, len(envelope))
            memory.write(store, envelope, address)
            packed = exports[abi.EXPORT_REACTOR_HANDLE](store, address, len(envelope))
            start, size = packed >> 32 & 0xFFFFFFFF, packed & 0xFFFFFFFF
            answer: bytes = msgpack.unpackb(memory.read(store, start, start + size))["ok"]
            return answer.decode(), init_ns


def _function(instance: Any, store: wasmtime.Store, name: str) -> Any:
    return instance.get_func(store, name)


def _ok(result: Any) -> str:
    if result.tag != "ok":
        raise RuntimeError(f"the guest reported {result.payload}")
    text: str = result.payload
    return text


def _precompiled(engine: wasmtime.Engine, path: Path, cache: Path, kind: Any) -> Any:
    """What *path* compiles to with *engine*, from a file, as that lets the engine map it."""
    wasm = path.read_bytes()
    version = importlib.metadata.version("wasmtime")
    found = cache / f"{hashlib.sha256(wasm).hexdigest()}-{version}.cwasm"
    if found.exists():
        try:
            return kind.deserialize_file(engine, str(found))
        except wasmtime.WasmtimeError:
            pass  # Of another configuration, or torn: it is made again.
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = found.with_suffix(f".{os.getpid()}")
    temporary.write_bytes(kind(engine, wasm).serialize())
    temporary.replace(found)
    return kind.deserialize_file(engine, str(found))


def measure(subject: Subject, count: int, greeting: str) -> tuple[list[int], list[int]]:
    """Nanoseconds of *count* calls, and how many of each the start-up took."""
    totals, starts = [], []
    for _ in range(count):
        started_ns = time.perf_counter_ns()
        answer, init_ns = subject.call()
        totals.append(time.perf_counter_ns() - started_ns)
        starts.append(init_ns)
        if greeting not in answer:
            raise RuntimeError(f"the guest answered {answer}")
    return totals, starts


def serve(lines: Iterable[str], say: Callable[[dict[str, Any]], None]) -> None:
    """Load what the first of *lines* names, then answer the others."""
    requests = map(json.loads, lines)
    options = next(requests)
    engine = wasmtime.Engine()
    subjects: dict[str, Subject] = {
        "c": CHello(engine, options),
        "python": PythonHello(engine, options),
    }
    say({"ready": True})
    for request in requests:
        totals, starts = measure(
            subjects[request["subject"]], request["count"], options["greeting"]
        )
        say({"total_ns": totals, "init_ns": starts})


def _say(message: dict[str, Any]) -> None:
    print(json.dumps(message), flush=True)


if __name__ == "__main__":
    # Ctrl-C is for whoever started us, and so is what follows from it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        serve(sys.stdin, _say)
    except Exception as error:
        _say({"error": f"{type(error).__name__}: {error}"})
        sys.exit(1)
