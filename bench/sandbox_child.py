"""Sandboxes without a server: what a worker does with them, timed from inside.

A process of its own, as nothing else here imports wasmtime. Messages: `host` sets it up, `spec`
names a deployment, `plain` names one that is run the plain way, and `measure` times calls.
"""

import base64
import gc
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import wasmtime

from bench.child import answer_lines
from bench.plain_wasmtime import CHello, PythonHello, Subject
from wasmfaas.models import Isolation, PackageKind, SandboxSpec
from wasmfaas.sandbox.descriptors import Descriptors
from wasmfaas.sandbox.engine import Engine
from wasmfaas.sandbox.guests import PythonGuest
from wasmfaas.sandbox.hostcalls import HostCalls
from wasmfaas.sandbox.instance import Host, Request, Sandbox
from wasmfaas.sandbox.output import Output
from wasmfaas.sandbox.sandboxes import Sandboxes
from wasmfaas.sandbox.scratch import EventFile, FolderWatch, Scratch
from wasmfaas.sandbox.snapshot import PageMap
from wasmfaas.sandbox.stream import Inbox, Stream
from wasmfaas.sandbox.watch import Watch

_PAGE_BYTES = 4096
_REGION_NUMBERS = 3
_READY_MAX = 64
_BYTES_MAX = 1 << 62
_CALLS_MAX = 1000


def _nowhere(message: Mapping[str, Any]) -> None:
    """There is no server to send calls to."""


class Bench:
    """The host that sandboxes share, and what is called in them. Lives as long as the process."""

    def __init__(self) -> None:
        self._host: Host
        self._sandboxes: Sandboxes
        self._specs: dict[str, SandboxSpec] = {}
        self._plain: dict[str, Subject] = {}
        self._greeting = ""
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "host": self._start,
            "spec": self._add,
            "plain": self._add_plain,
            "measure": self._measure,
            "measure-plain": self._measure_plain,
        }

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        return self._operations[message["op"]](message)

    def _start(self, message: dict[str, Any]) -> dict[str, Any]:
        folder = Path(message["scratch_path"])
        engine = Engine()
        watch = Watch(engine, lambda deadline: None)
        stdin = EventFile(folder / "stdin")
        scratch = Scratch(FolderWatch(folder / "tmp"))
        no_layers = folder / "opt"
        no_layers.mkdir(mode=0o500, exist_ok=True)
        self._host = Host(
            *(engine, watch, scratch, stdin, PageMap(), Descriptors(), Output(), Stream()),
            *(HostCalls(Inbox(socket.socketpair()[0]), _nowhere, lambda: True), no_layers),
        )
        self._sandboxes = Sandboxes(
            self._host, ready_max=_READY_MAX, bytes_max=_BYTES_MAX, calls_max=_CALLS_MAX
        )
        gc.freeze()
        return {"restores": self._host.page_map.is_supported()}

    def _add(self, message: dict[str, Any]) -> dict[str, Any]:
        members = dict(message["spec"])
        snapshot_path = members.pop("take_snapshot", None)
        kind, isolation = PackageKind(members["kind"]), Isolation(members["isolation"])
        spec = SandboxSpec(**{**members, "kind": kind, "isolation": isolation})
        if snapshot_path is not None:
            self._snapshot(spec, snapshot_path)
        else:
            self._specs[spec.key] = spec
        return {}

    def _snapshot(self, spec: SandboxSpec, path: str) -> None:
        """What the server has a worker do for every Python deployment."""
        ready = self._sandboxes.take(spec)
        guest = ready.sandbox.guest
        if isinstance(guest, PythonGuest) and guest.can_be_adopted:
            ready.sandbox.save(path)
        ready.close()

    def _add_plain(self, message: dict[str, Any]) -> dict[str, Any]:
        engine = wasmtime.Engine()
        self._greeting = message["greeting"]
        self._plain = {"python": PythonHello(engine, message), "c": CHello(engine, message)}
        for subject in self._plain.values():
            subject.call()
        return {}

    def _measure(self, message: dict[str, Any]) -> dict[str, Any]:
        """Times of calls: what the caller waits, and all CPU until the sandbox is ready again."""
        spec, host = self._specs[message["key"]], self._host
        request = Request("bench", message["event"].encode(), message["context"].encode())
        failed = self._sandboxes.prepare(spec)
        if failed is not None and failed.error_type is not None:
            raise RuntimeError(failed.payload.decode())
        waits, cpus, fuels, guests, pages = [], [], set(), [], 0
        payload = b""
        for index in range(message["count"]):
            cpu_ns, started_ns = time.process_time_ns(), time.perf_counter_ns()
            ready = self._sandboxes.take(spec)
            result = ready.sandbox.call(request)
            waits.append(time.perf_counter_ns() - started_ns)
            middle_ns = time.process_time_ns()
            if result.error_type is not None:
                raise RuntimeError(result.payload.decode())
            if index == 0:
                pages = self._pages(ready.sandbox)
            resumed_ns = time.process_time_ns()
            host.scratch.end()
            if not (self._sandboxes.can_keep(ready, result) and self._sandboxes.restore(ready)):
                self._sandboxes.replace(ready)
            cpus.append(middle_ns - cpu_ns + time.process_time_ns() - resumed_ns)
            fuels.add(result.fuel)
            guests.append(result.duration_us * 1000)
            payload = result.payload
        return {
            "wait_ns": waits,
            "cpu_ns": cpus,
            "guest_ns": guests,
            "fuel": sorted(fuels),
            "pages": pages,
            "payload": base64.b64encode(payload).decode(),
        }

    def _pages(self, sandbox: Sandbox) -> int:
        """How many pages of memory a restore has to put back after the calls up to now."""
        found = 0
        with suppress(OSError):
            for memory in sandbox.account.memories if sandbox.image is not None else ():
                listed = self._host.page_map.written(memory.base, memory.size)
                numbers = memoryview(listed).cast("Q").tolist()
                starts, ends = numbers[0::_REGION_NUMBERS], numbers[1::_REGION_NUMBERS]
                found += (sum(ends) - sum(starts)) // _PAGE_BYTES
        return found

    def _measure_plain(self, message: dict[str, Any]) -> dict[str, Any]:
        """Times of calls that instantiate, call and drop, less the start-up."""
        subject = self._plain[message["subject"]]
        waits, cpus = [], []
        for _ in range(message["count"]):
            cpu_ns, started_ns = time.process_time_ns(), time.perf_counter_ns()
            answer, init_ns = subject.call()
            # What the import of the handler takes is not what an instance takes: a component could
            # have its handler built in.
            waits.append(time.perf_counter_ns() - started_ns - init_ns)
            cpus.append(time.process_time_ns() - cpu_ns - subject.init_cpu_ns)
            if self._greeting not in answer:
                raise RuntimeError(f"the guest answered {answer}")
        return {"wait_ns": waits, "cpu_ns": cpus}


if __name__ == "__main__":
    answer_lines(Bench().answer)
