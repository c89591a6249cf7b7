"""One Wasmtime store and instance, and what all kinds of guests have in common: limits, standard
streams, and the classification of how a call ended.

A host function of ours never raises into Wasmtime, and a failed call is classified by our own
state first (deadline, memory account, scratch space, fuel), and by Wasmtime's error only then.
"""

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import wasmtime
from wasmtime import component

from wasmfaas import abi
from wasmfaas.models import PackageKind, SandboxSpec
from wasmfaas.sandbox import traps
from wasmfaas.sandbox.descriptors import Descriptors
from wasmfaas.sandbox.engine import (
    INSTANCES_MAX,
    MEMORIES_MAX,
    TABLE_ELEMENTS_MAX,
    TABLES_MAX,
    Engine,
)
from wasmfaas.sandbox.hostcalls import HostCalls
from wasmfaas.sandbox.memory import LinearMemory, MemoryAccount
from wasmfaas.sandbox.output import Output
from wasmfaas.sandbox.scratch import EventFile, Scratch
from wasmfaas.sandbox.snapshot import Image, PageMap, write_sparsely
from wasmfaas.sandbox.stream import Stream
from wasmfaas.sandbox.watch import Watch

MIB = 1024 * 1024
#: Lambda gives a function's start-up this long.
INIT_TIMEOUT_S = 10.0
#: The start-up's error type where it is the snapshot's fault, not the function's.
SNAPSHOT_UNUSABLE = "Runtime.SnapshotUnusable"

Compiled = wasmtime.Module | component.Component


@dataclass(frozen=True, slots=True)
class Host:
    """What every sandbox of a worker shares. Lives as long as the worker."""

    engine: Engine
    watch: Watch
    scratch: Scratch
    #: The file that commands read as stdin.
    stdin: EventFile
    page_map: PageMap
    descriptors: Descriptors
    output: Output
    stream: Stream
    calls: HostCalls
    #: An empty folder: /opt of a function without layers.
    no_layers: Path


class GuestFailure(Exception):
    """The call did not end with an answer. `discard` says whether the sandbox is of no more use."""

    def __init__(self, error_type: str, message: str, *, discard: bool = True) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message
        self.discard = discard
        self.payload: dict[str, Any] | None = None

    @classmethod
    def reported(cls, payload: dict[str, Any]) -> "GuestFailure":
        """A failure in the guest's own words: `errorType`, `errorMessage`, `stackTrace`."""
        error_type = str(payload.get("errorType", "Unhandled"))
        message = str(payload.get("errorMessage", ""))
        failure = cls(error_type, message, discard=error_type == "Runtime.ExitError")
        failure.payload = payload
        return failure


@dataclass(frozen=True, slots=True)
class Request:
    """One invocation as a worker gets it."""

    request_id: str
    #: JSON text.
    event: bytes
    #: The beginning of a JSON object; the worker adds the deadline, and ends it.
    context: bytes


@dataclass(slots=True)
class Result:
    """How a call ended, and what it used."""

    payload: bytes
    error_type: str | None
    #: Whether Wasmtime may have lost the fuel count.
    trapped: bool
    fuel: int
    cpu_us: int
    duration_us: int
    memory_bytes: int
    #: Whether the sandbox can serve on.
    usable: bool


class Guest(Protocol):
    """What the kinds of guests differ in: how an instance is started and called."""

    def start(self, sandbox: "Sandbox") -> None:
        """Instantiate, and run the start-up. Raises GuestFailure or Wasmtime's errors."""

    def call(self, sandbox: "Sandbox", event: bytes, context: bytes) -> bytes:
        """The answer as JSON text. Raises GuestFailure or Wasmtime's errors."""

    def restore(self, sandbox: "Sandbox") -> bool:
        """Put back what an invocation changed outside of memory; False where that can't be done."""


class Sandbox:
    """One instance of one deployment. Lives until it is discarded; a lease calls it."""

    def __init__(self, host: Host, spec: SandboxSpec, compiled: Compiled, guest: Guest) -> None:
        self.host = host
        self.spec = spec
        self.compiled = compiled
        self.account = MemoryAccount(spec.memory_bytes_max)
        self.calls = 0
        self.guest = guest
        self.image: Image | None = None
        #: Of the worker, when the last call began.
        self._open_files = 0
        self.store = wasmtime.Store(host.engine)
        self.store.set_limits(
            table_elements=TABLE_ELEMENTS_MAX,
            tables=TABLES_MAX,
            memories=MEMORIES_MAX,
            instances=INSTANCES_MAX,
        )

    def wasi(self) -> wasmtime.WasiConfig:
        """The capabilities of a guest: its package, its scratch space, its layers, its environment,
        its log. Every guest has the same folders in the same order, layers or not: memories of
        Python hold the handles of them."""
        config = wasmtime.WasiConfig()
        config.env = list(self.spec.environment.items())
        config.argv = [self.spec.handler]
        config.preopen_dir(self.spec.task_path, abi.TASK_PATH, False)
        config.preopen_dir(str(self.host.scratch.path), abi.TMP_PATH, True)
        layers_path = self.spec.layers_path or str(self.host.no_layers)
        config.preopen_dir(layers_path, abi.LAYERS_PATH, False)
        config.stdout_file = self.host.output.path
        config.stderr_file = self.host.output.path
        return config

    def start(self) -> Result:
        """Instantiate and run the start-up; the result has an error type if that failed."""
        self.host.output.begin(self.spec.log_bytes_max)
        self.host.scratch.begin(self.spec.tmp_bytes_max)
        try:
            return self._measure("", INIT_TIMEOUT_S, self._start)
        finally:
            # Whoever is called next need not be of this function.
            self.host.scratch.end()

    def call(self, request: Request) -> Result:
        """Run one invocation. Never raises for what the guest did."""
        self.calls += 1
        self.host.output.begin(self.spec.log_bytes_max)
        self.host.scratch.begin(self.spec.tmp_bytes_max)
        with self.host.scratch.looking:
            self._open_files = self.host.descriptors.count()
        timeout_s = self.spec.timeout_ms / 1000
        deadline_ms = int(time.time() * 1000) + self.spec.timeout_ms
        context = b'%b, "deadlineMs": "%d"}' % (request.context, deadline_ms)
        self.host.calls.open()
        try:
            return self._measure(
                request.request_id, timeout_s, lambda: self._call(request.event, context)
            )
        finally:
            self.host.calls.close()

    def capture(self) -> None:
        """Take the image that `restore` goes back to, where there is none yet."""
        if self.image is None:
            self.host.scratch.lift()
            self.image = Image.capture(self.host.page_map, self.account.memories)

    def adopt(self, memory: LinearMemory, snapshot_path: str) -> None:
        """Take over the memory of another sandbox. Raises GuestFailure where it does not fit."""
        try:
            self.image = Image.adopt(self.host.page_map, memory, snapshot_path)
        except (OSError, MemoryError) as error:
            raise GuestFailure(SNAPSHOT_UNUSABLE, str(error)) from error

    def can_restore(self) -> bool:
        """Whether `restore` may succeed, as far as that is known without trying."""
        if self.image is None or self.host.descriptors.count() != self._open_files:
            return False
        # A reactor's memory can be shrunk.
        return self.spec.kind is PackageKind.REACTOR or not self.image.has_grown

    def restore(self) -> bool:
        """Put the memory back to the image; False where that can't be done."""
        if self.image is None or not self.can_restore():
            return False
        try:
            return self.guest.restore(self) and self.image.restore(self.host.scratch.lift)
        except (OSError, MemoryError):
            # The worker lives on: whoever is next may be here already.
            return False

    def save(self, path: str) -> None:
        """Write the memory to a new file, for another sandbox to adopt. Raises OSError, and leaves
        no file then."""
        self.host.scratch.lift()
        (memory,) = self.account.memories
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            write_sparsely(descriptor, memory)
        except OSError:
            os.unlink(path)
            raise
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Free the store, and with it the memories."""
        self.store.close()
        if self.image is not None:
            self.image.close()

    def _start(self) -> bytes:
        self.host.engine.memories.account = self.account
        try:
            self.guest.start(self)
        finally:
            self.host.engine.memories.account = None
        return b"null"

    def _call(self, event: bytes, context: bytes) -> bytes:
        answer = self.guest.call(self, event, context)
        if len(answer) > self.spec.response_bytes_max:
            raise too_large(self.spec.response_bytes_max)
        return answer

    def _measure(self, request_id: str, timeout_s: float, body: Callable[[], bytes]) -> Result:
        store, fuel = self.store, self.spec.fuel_max
        self.account.refused = False
        store.set_fuel(fuel)
        store.set_epoch_deadline(1)
        started, cpu_started = time.perf_counter_ns(), time.thread_time_ns()
        self.host.watch.start(timeout_s)
        payload, failure, trapped = b"", None, False
        try:
            payload = body()
        except GuestFailure as error:
            failure = error
        except (wasmtime.WasmtimeError, wasmtime.Trap) as error:
            trapped = True
            failure = GuestFailure(*traps.explained(error))
        finally:
            self.host.watch.stop()
        cpu_us = (time.thread_time_ns() - cpu_started) // 1000
        duration_us = (time.perf_counter_ns() - started) // 1000
        left = store.get_fuel()
        if failure is not None or self.host.scratch.exceeded:
            failure = self._override(failure, request_id, timeout_s, left)
            payload = failure_payload(failure, request_id)
            if len(payload) > self.spec.response_bytes_max:
                failure = too_large(self.spec.response_bytes_max)
                payload = failure_payload(failure, request_id)
        return Result(
            payload=payload,
            error_type=None if failure is None else failure.error_type,
            trapped=trapped,
            fuel=max(fuel - left, 0),
            cpu_us=cpu_us,
            duration_us=duration_us,
            memory_bytes=self.account.bytes_used,
            usable=failure is None or not failure.discard,
        )

    def _override(
        self, failure: GuestFailure | None, request_id: str, timeout_s: float, fuel_left: int
    ) -> GuestFailure:
        """The cause that we know of, where there is one; else *failure* itself."""
        prefix = f"RequestId: {request_id} Error: "
        if self.host.watch.expired:
            text = f"Task timed out after {timeout_s:.2f} seconds"
            return GuestFailure("Sandbox.Timedout", prefix + text)
        if self.host.scratch.exceeded:
            limit = self.spec.tmp_bytes_max // MIB
            text = f"{abi.TMP_PATH} is full: its limit is {limit} MB (EphemeralStorage)"
            return GuestFailure("Runtime.StorageFull", prefix + text)
        assert failure is not None
        if self._is_out_of_memory(failure):
            limit = self.spec.memory_bytes_max // MIB
            text = f"Runtime ran out of memory: its limit is {limit} MB (MemorySize)"
            told = GuestFailure("Runtime.OutOfMemory", prefix + text)
            told.payload = failure.payload
            return told
        if fuel_left == 0:
            text = f"Runtime ran out of fuel: its limit is {self.spec.fuel_max} (fuel_max)"
            return GuestFailure("Runtime.OutOfFuel", prefix + text)
        if failure.discard and failure.payload is None:
            failure.message = prefix + failure.message
        return failure

    def _is_out_of_memory(self, failure: GuestFailure) -> bool:
        """Whether a refused growth is the cause. Python says so itself, also of what is so large
        that it never asks for it; other guests' own words stand."""
        if failure.payload is not None:
            is_python = self.spec.kind is PackageKind.PYTHON
            return is_python and failure.error_type == "MemoryError"
        return self.account.refused


def too_large(bytes_max: int) -> GuestFailure:
    """The answer exceeds its limit; the text is Lambda's."""
    return GuestFailure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({bytes_max} bytes).",
        discard=False,
    )


def failure_payload(failure: GuestFailure, request_id: str) -> bytes:
    """Lambda's error payload for *failure*, as JSON text."""
    members: dict[str, Any] = {
        "errorMessage": failure.message,
        "errorType": failure.error_type,
        "requestId": request_id,
    }
    trace = (failure.payload or {}).get("stackTrace")
    if isinstance(trace, list):
        members["stackTrace"] = trace
    return json.dumps(members, ensure_ascii=False).encode("utf-8", "backslashreplace")
