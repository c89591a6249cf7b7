"""The server's end of one worker process, and what goes between the two."""

import asyncio
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from wasmfaas import wire
from wasmfaas.models import SandboxSpec

_logger = logging.getLogger(__name__)


class Target:
    """A deployment as workers know it. Lives as long as the deployment is served."""

    def __init__(self, spec: SandboxSpec) -> None:
        self.spec = spec
        #: The spec as it goes over the wire, made once.
        self.members = asdict(spec)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker says of one invocation; the figures are checked, the payload is not."""

    payload: bytes
    error_type: str | None
    trapped: bool
    fuel: int
    cpu_us: int
    duration_us: int
    memory_bytes: int
    init_us: int | None
    init_log: bytes
    log: bytes
    log_dropped: int


class WorkerDied(Exception):
    """The worker ended before it replied. `killed` says that we did it, at the deadline."""

    def __init__(
        self, log: bytes, *, killed: bool, status: int, cpu_us: int, duration_us: int
    ) -> None:
        super().__init__(f"exit status {status}")
        self.log = log
        self.killed = killed
        #: As `subprocess` has it: negative for a signal.
        self.status = status
        #: CPU time since the worker was last idle.
        self.cpu_us = cpu_us
        #: Time since the request that it was given.
        self.duration_us = duration_us


class Worker(asyncio.Protocol):
    """The server's end of one worker process. Lives as long as the process."""

    def __init__(self, process: subprocess.Popen[bytes], scratch_path: Path) -> None:
        self.process = process
        self.scratch_path = scratch_path
        #: Deployments that have a sandbox ready in this worker.
        self.ready_keys: frozenset[str] = frozenset()
        self.is_idle = False
        #: The deployment that it has just served, until it is ready for the next invocation.
        self.returning_key: str | None = None
        #: Whether it was let go because there was nothing for it to do.
        self.retired = False
        self.started: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.on_idle: Callable[[Worker], None] = lambda worker: None
        self.on_log: Callable[[bytes], None] = lambda data: None
        self.on_end: Callable[[Worker], None] = lambda worker: None
        self._decoder = wire.Decoder()
        self._transport: asyncio.WriteTransport | None = None
        self._reply: asyncio.Future[dict[str, Any]] | None = None
        self._log: list[bytes] = []
        self._killed = False
        self._cpu_us_idle = 0
        self._requested_ns = 0
        self._key: str | None = None
        self._run_ms: int | None = None
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not derive from asyncio's.
        self._transport = cast(asyncio.WriteTransport, transport)

    def data_received(self, data: bytes) -> None:
        try:
            for message in self._decoder.feed(data):
                self._receive(message)
        except (wire.BrokenFrame, KeyError, TypeError, ValueError) as error:
            _logger.error("worker %d sent what is no message: %s", self.process.pid, error)
            self.kill()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_idle = False
        status, cpu_us = self._reap()
        died = WorkerDied(
            b"".join(self._log),
            killed=self._killed,
            status=status,
            cpu_us=max(cpu_us - self._cpu_us_idle, 0),
            duration_us=(time.monotonic_ns() - self._requested_ns) // 1000,
        )
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(died)
        if not self.started.done():
            self.started.set_exception(died)
        self.on_end(self)

    def configure(self, options: Mapping[str, Any]) -> None:
        """Send the first frame, upon which the worker jails itself and reports ready."""
        self._send(dict(options))

    async def request(
        self,
        message: dict[str, Any],
        *,
        start_ms: int,
        run_ms: int,
        on_log: Callable[[bytes], None],
    ) -> dict[str, Any]:
        """Send *message*; the reply. Raises WorkerDied, at the deadline at the latest: *start_ms*
        for getting a sandbox ready, then *run_ms* from the moment that the worker says it is.

        The worker becomes idle by itself, when it says so; a cancelled caller changes nothing.
        """
        loop = asyncio.get_running_loop()
        self._log.clear()
        self._key = message["spec"]["key"]
        self._killed = False
        self._requested_ns = time.monotonic_ns()
        self.on_log = on_log
        self._reply = loop.create_future()
        self._run_ms = run_ms
        self._timer = loop.call_later((start_ms + run_ms) / 1000, self.kill)
        self._reply.add_done_callback(self._stop_timer)
        self._send(message)
        return await asyncio.shield(self._reply)

    def kill(self) -> None:
        """End the process now; whatever it runs ends with it."""
        self._killed = True
        self._signal()

    def close(self) -> None:
        """Let an idle worker go."""
        self.retired = True
        self._signal()
        if self._transport is not None:
            self._transport.close()

    def _receive(self, message: dict[str, Any]) -> None:
        match message["op"]:
            case "log":
                self._log.append(message["log"])
                self.on_log(message["log"])
            case "started":
                self._restart_timer()
            case "reply" | "loaded":
                message["streamed_log"] = b"".join(self._log)
                self.returning_key = self._key
                if self._reply is not None and not self._reply.done():
                    self._reply.set_result(message)
            case "ready":
                self.ready_keys, self.returning_key = frozenset(message["keys"]), None
                self._cpu_us_idle = int(message["cpu_us"])
                if not self.started.done():
                    self.started.set_result(None)
                self.is_idle = True
                self.on_idle(self)

    def _stop_timer(self, _: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _restart_timer(self) -> None:
        """The start-up took its own time; from here on, the invocation's counts. Once only, so that
        a subverted worker gains nothing by it."""
        if self._timer is None or self._run_ms is None:
            return
        self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_later(self._run_ms / 1000, self.kill)
        self._requested_ns, self._run_ms = time.monotonic_ns(), None

    def _send(self, message: dict[str, Any]) -> None:
        assert self._transport is not None, "connected before it is used"
        self._transport.write(wire.encode(message))

    def _signal(self) -> None:
        """Not by `Popen.kill`, which may reap the process, and the CPU time with it."""
        if self.process.returncode is None:
            os.kill(self.process.pid, signal.SIGKILL)

    def _reap(self) -> tuple[int, int]:
        """Exit status, and CPU time of the whole process in microseconds."""
        self._signal()
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return self.process.returncode, int((usage.ru_utime + usage.ru_stime) * 1e6)


def child_environment() -> dict[str, str]:
    """What a child process inherits: where Python finds its packages, and nothing of ours."""
    kept = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    chosen = {name: os.environ[name] for name in kept if name in os.environ}
    return chosen | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}


def reply_of(message: Mapping[str, Any]) -> Reply:
    """*message* as a Reply; a subverted worker can lie, but only in the right types."""
    error_type = message["error_type"]
    init_us = message["init_us"]
    return Reply(
        payload=bytes(message["payload"]),
        error_type=None if error_type is None else str(error_type)[:256],
        trapped=bool(message["trapped"]),
        fuel=max(int(message["fuel"]), 0),
        cpu_us=max(int(message["cpu_us"]), 0),
        duration_us=max(int(message["duration_us"]), 0),
        memory_bytes=max(int(message["memory_bytes"]), 0),
        init_us=None if init_us is None else max(int(init_us), 0),
        init_log=bytes(message["init_log"]),
        log=bytes(message["streamed_log"]) + bytes(message["log"]),
        log_dropped=max(int(message["log_dropped"]), 0),
    )
