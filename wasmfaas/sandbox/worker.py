"""A worker: one process, one thread that runs guests, one invocation at a time.

It is given a socket, the folders it may read and one to write in, and nothing else. Messages in:
`invoke`, `load` and `save`; the first about a deployment brings its spec; and, without an answer,
`drop`, which gives idle sandboxes up, `keep`, and `more`: there is room for more of a stream.
Messages out, for an invocation: any number of `log`, of `call`, each of which `called` answers
before the next, and, where it streams, of `chunk`; then `reply`, and, where that does not say so
already, `ready` once the next invocation may come. `holds` tells when other sandboxes are ready
than was said, and `late` that what was said to be ready has to start up first.
"""

import gc
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wasmfaas import wire
from wasmfaas.models import Isolation, PackageKind, SandboxSpec
from wasmfaas.sandbox import jail
from wasmfaas.sandbox.descriptors import Descriptors
from wasmfaas.sandbox.engine import Engine
from wasmfaas.sandbox.guests import PythonGuest
from wasmfaas.sandbox.hostcalls import HostCalls
from wasmfaas.sandbox.instance import Host, Request, Result, Sandbox
from wasmfaas.sandbox.output import Output
from wasmfaas.sandbox.sandboxes import Sandboxes
from wasmfaas.sandbox.scratch import EventFile, FolderWatch, Scratch
from wasmfaas.sandbox.snapshot import PageMap
from wasmfaas.sandbox.stream import Inbox, Stream
from wasmfaas.sandbox.watch import Watch

_COLLECT_AFTER = 10_000
_UNSURE_MAX = 1024


class Worker:
    """Reads messages, runs them, answers. Lives as long as the process."""

    def __init__(
        self,
        channel: socket.socket,
        page_map: PageMap,
        descriptors: Descriptors,
        folder_watch: FolderWatch,
        options: dict[str, Any],
    ) -> None:
        self._channel = channel
        self._inbox = Inbox(channel)
        self._sending = threading.Lock()
        self._current: Sandbox | None = None
        self._specs: dict[str, SandboxSpec] = {}
        #: The sandboxes that the server believes to be ready.
        self._told: list[str] = []
        #: Deployments whose sandbox could not be put back after all: whoever was next had to wait.
        self._unsure: set[str] = set()
        engine = Engine()
        scratch_path = Path(options["scratch_path"])
        scratch = Scratch(folder_watch)
        watch = Watch(engine, self._tick)
        stdin = EventFile(scratch_path / "stdin")
        no_layers = scratch_path / "opt"
        no_layers.mkdir(mode=0o500, exist_ok=True)
        calls = HostCalls(self._inbox, self._send, lambda: watch.expired or scratch.exceeded)
        self._host = Host(
            *(engine, watch, scratch, stdin, page_map, descriptors),
            *(Output(), Stream(), calls, no_layers),
        )
        self._sandboxes = Sandboxes(
            self._host,
            ready_max=options["sandboxes_max"],
            bytes_max=options["memory_bytes_max"],
            calls_max=options["calls_max"],
        )
        if options["prewarmed"] is not None:
            self._sandboxes.prewarm(*options["prewarmed"])

    def run(self) -> None:
        """Serve until the server closes the socket."""
        self._send_ready()
        while (message := self._inbox.next()) is not None:
            self._serve(message)

    def _serve(self, message: dict[str, Any]) -> None:
        match message["op"]:
            case "invoke":
                self._invoke(message)
            case "drop":
                # It is idle, and the server knows what it holds.
                self._sandboxes.drop(message["keys"])
                self._told = self._sandboxes.keys()
            case "keep":
                # Nothing is ready that was not.
                self._sandboxes.keep(message["keys"])
            case "save":
                self._save(message)
                self._send_ready()
            case _:
                self._load(message)
                self._send_ready()

    def _load(self, message: dict[str, Any]) -> None:
        result = self._sandboxes.prepare(self._spec(message))
        failed = result is not None and result.error_type is not None
        self._send({"op": "loaded", "error": result.payload if result and failed else None})

    def _save(self, message: dict[str, Any]) -> None:
        """Start a sandbox and write its memory to a file; where that is not all that makes it what
        it is, or where the start-up fails, leave no file."""
        ready = self._sandboxes.take(self._spec(message))
        guest = ready.sandbox.guest
        started = ready.started.error_type is None
        if started and isinstance(guest, PythonGuest) and guest.can_be_adopted:
            try:
                ready.sandbox.save(message["path"])
            except OSError as error:
                print(f"a snapshot could not be written: {error.strerror}", file=sys.stderr)
        ready.close()
        self._send({"op": "loaded", "error": None})

    def _invoke(self, message: dict[str, Any]) -> None:
        spec = self._spec(message)
        cold = not self._sandboxes.has(spec.key)
        if cold:
            self._send({"op": "late"})
        ready = self._sandboxes.take(spec)
        sandbox, started = ready.sandbox, ready.started
        init_log, ready.start_log = ready.start_log, b""
        if started.error_type is not None:
            self._reply(started, init_log, started.duration_us, None)
            ready.close()
            self._send_ready()
            return
        if cold:
            self._send({"op": "started"})
        self._current = sandbox
        if (stream := message.get("stream")) is not None:
            self._inbox.room = stream["room"]
            self._host.stream.forward(stream["bytes_max"], self._forward)
        request = Request(message["request_id"], message["event"], message["context"])
        result = sandbox.call(request)
        # Whoever answered whole has not asked for it.
        self._host.stream.close()
        if spec.isolation is Isolation.FRESH:
            # It has the start-up to itself, and so has it on its bill.
            result.fuel += started.fuel
            result.cpu_us += started.cpu_us
        keeps = self._sandboxes.can_keep(ready, result)
        # What has to be cleaned up first may take long.
        soon = keeps and spec.key not in self._unsure and self._host.scratch.is_clean()
        init_us = started.duration_us if cold else None
        self._reply(result, init_log, init_us, self._to_hold(spec.key) if soon else None)
        self._host.scratch.end()
        if not (keeps and self._sandboxes.restore(ready)):
            if soon:
                self._doubt(spec.key)
                self._send({"op": "late"})
            self._sandboxes.replace(ready)
        if soon:
            self._tell_changes()
        else:
            self._send_ready()

    def _doubt(self, key: str) -> None:
        if len(self._unsure) >= _UNSURE_MAX:
            self._unsure.clear()
        self._unsure.add(key)

    def _forward(self, data: bytes) -> bool:
        """Send a part of the answer, as soon as the server has room for it; False where the call
        ends before that."""
        host = self._host
        for start in range(0, len(data), wire.CHUNK_BYTES_MAX):
            chunk = data[start : start + wire.CHUNK_BYTES_MAX]
            while self._inbox.room < len(chunk):
                if host.watch.expired or host.scratch.exceeded:
                    return False
                self._inbox.wait()
            self._inbox.room -= len(chunk)
            self._send({"op": "chunk", "data": chunk})
        return True

    def _to_hold(self, key: str) -> list[str] | bool:
        """What will be ready for the next invocation, with *key*; True where it is what was told
        last."""
        told, self._told = self._told, [*self._sandboxes.keys(), key]
        return True if set(told) == set(self._told) else self._told

    def _tell_changes(self) -> None:
        keys = self._sandboxes.keys()
        if len(keys) != len(self._told):
            self._told = keys
            self._send({"op": "holds", "keys": keys})

    def _spec(self, message: dict[str, Any]) -> SandboxSpec:
        """The spec that *message* is about; it brings it along when it is the first to."""
        if message.get("forget"):
            self._specs.clear()
        name = message["target"]
        members = message.get("spec")
        if members is not None:
            kind, isolation = PackageKind(members["kind"]), Isolation(members["isolation"])
            self._specs[name] = SandboxSpec(**{**members, "kind": kind, "isolation": isolation})
        return self._specs[name]

    def _send_ready(self) -> None:
        self._told = self._sandboxes.keys()
        self._send({"op": "ready", "keys": self._told, "cpu_us": _cpu_us()})

    def _reply(
        self,
        result: Result,
        init_log: bytes,
        init_us: int | None,
        ready: list[str] | bool | None,
    ) -> None:
        reply = {
            "op": "reply",
            "payload": result.payload,
            "error_type": result.error_type,
            "trapped": result.trapped,
            "fuel": result.fuel,
            "cpu_us": result.cpu_us,
            "duration_us": result.duration_us,
            "memory_bytes": result.memory_bytes,
            "init_us": init_us,
            "init_log": init_log,
            "ready": ready,
            "cpu_us_process": _cpu_us(),
        }
        with self._sending:
            # From here on the watch takes nothing that belongs to this invocation.
            self._current = None
            output = self._host.output
            reply |= {"log": output.end(), "log_dropped": output.dropped}
            self._channel.sendall(wire.encode(reply))

    def _tick(self, deadline: float) -> None:
        """Called by the watch, on its thread, while something runs."""
        with self._sending:
            if self._current is None:
                # A start-up: what it writes is kept, but a full pipe would stop it.
                self._host.output.relieve()
            elif data := self._host.output.take():
                self._channel.sendall(wire.encode({"op": "log", "log": data}))
        self._host.scratch.check(self._host.watch.expire, deadline)

    def _send(self, message: Mapping[str, Any]) -> None:
        with self._sending:
            self._channel.sendall(wire.encode(dict(message)))


def _cpu_us() -> int:
    """What this process has used so far."""
    return time.process_time_ns() // 1000


def main() -> None:
    """Entry point: `python -m wasmfaas.sandbox.worker DESCRIPTOR`, options in the first frame."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    decoder = wire.Decoder()
    options: dict[str, Any] = {}
    while not options:
        data = channel.recv(65536)
        if not data:
            raise ConnectionResetError("the server went before it said what to do")
        options = next(decoder.feed(data), {})
    jail.die_with_parent(options["parent_pid"])
    page_map, descriptors = PageMap(), Descriptors()
    folder_watch = FolderWatch(Path(options["scratch_path"]) / "tmp")
    # Before any thread starts: a thread inherits its jail from the one that starts it.
    jail.enter(
        jail.JailPolicy(
            read_paths=tuple(Path(path) for path in options["read_paths"]),
            write_paths=(Path(options["scratch_path"]),),
        )
    )
    worker = Worker(channel, page_map, descriptors, folder_watch, options)
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    worker.run()


if __name__ == "__main__":
    try:
        main()
    except ConnectionError:
        pass  # The server has gone, and so do we.
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    # Wasmtime's threads may still hold callbacks that a normal exit would take down.
    os._exit(0)
