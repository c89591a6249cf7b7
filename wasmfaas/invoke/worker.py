"""The server's end of one worker process, and what goes between the two."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from wasmfaas import wire
from wasmfaas.invoke.reply import reply_of
from wasmfaas.models import SandboxSpec
from wasmfaas.settings import MIB

_logger = logging.getLogger(__name__)

Result = TypeVar("Result")

_TARGETS_KNOWN_MAX = 512
#: After an answer, a worker that takes longer to be ready again is given up: a start-up is limited
#: by itself, unless it blocks in a call to the host.
_RETURN_S_MAX = 15.0


class Target:
    """A deployment as workers know it. Lives as long as the deployment is served."""

    def __init__(self, spec: SandboxSpec) -> None:
        self.spec = spec
        #: The spec as it goes over the wire, made once, and a name that workers remember it by: a
        #: deployment has another one once it has a snapshot.
        self.members = asdict(spec)
        self.name = f"{spec.key}{'+' if spec.snapshot_path else ''}"
        #: Members of every invocation's context, as JSON text without the braces.
        self.context = json.dumps(_context(spec))[1:-1]


def _context(spec: SandboxSpec) -> dict[str, str | None]:
    return {
        "functionName": spec.function_name,
        "functionVersion": spec.function_version,
        "memoryLimitInMB": str(spec.memory_bytes_max // MIB),
        "logGroupName": log_group(spec.function_name),
        "logStreamName": log_stream(spec),
        "identity": None,
    }


def log_group(function_name: str) -> str:
    """CloudWatch's name for a function's log."""
    return f"/aws/lambda/{function_name}"


def log_stream(spec: SandboxSpec) -> str:
    """The stream of that log which the guest is told that it writes to."""
    return spec.environment.get("AWS_LAMBDA_LOG_STREAM_NAME", "")


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


@dataclass(frozen=True, slots=True)
class _Exchange(Generic[Result]):
    """One message that waits for its answer."""

    key: str
    complete: Callable[[dict[str, Any] | WorkerDied], Result]
    result: asyncio.Future[Result]

    def finish(self, answer: dict[str, Any] | WorkerDied) -> None:
        try:
            result = self.complete(answer)
        except Exception as error:
            if self.result.done():
                _logger.error("an invocation that nobody waits for failed: %r", error)
            else:
                self.result.set_exception(error)
        else:
            if not self.result.done():
                self.result.set_result(result)


class Worker(asyncio.Protocol):
    """The server's end of one worker process. Lives as long as the process."""

    def __init__(
        self,
        process: subprocess.Popen[bytes],
        scratch_path: Path,
        return_s_max: float = _RETURN_S_MAX,
    ) -> None:
        self.process = process
        self.return_s_max = return_s_max
        self.scratch_path = scratch_path
        #: Deployments that have a sandbox ready in this worker.
        self.ready_keys: frozenset[str] = frozenset()
        #: Of the deployments that it was asked to run: when last, by the monotonic clock; and the
        #: function.
        self._used: dict[str, tuple[int, str]] = {}
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
        self._exchange: _Exchange[Any] | None = None
        #: Names of the targets that were sent in full.
        self._known: set[str] = set()
        self._log: list[bytes] = []
        self._log_bytes = 0
        self._killed = False
        self._cpu_us_idle = 0
        self._requested_ns = 0
        self._run_ms: int | None = None
        self._timer: asyncio.TimerHandle | None = None
        #: Whether it was told of deployments to keep.
        self._keeps = False
        #: Whether it owes a `ready`: after its start, and after every answer.
        self._returns = True

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
        self._complete(died)
        if not self.started.done():
            self.started.set_exception(died)
        self.on_end(self)

    def configure(self, options: Mapping[str, Any]) -> None:
        """Send the first frame, upon which the worker jails itself and reports ready."""
        self._send(dict(options))

    def request(
        self,
        target: Target,
        message: dict[str, Any],
        complete: Callable[[dict[str, Any] | WorkerDied], Result],
        *,
        start_ms: int,
        run_ms: int,
        on_log: Callable[[bytes], None] = lambda data: None,
    ) -> asyncio.Future[Result]:
        """Send *message*, which is about *target*.

        *complete* turns the reply, or the worker's death, into the result; it is called at once and
        in any case, also where nobody waits for the result any more. The worker is killed at the
        deadline: *start_ms* for getting a sandbox ready, then *run_ms* from the moment that it says
        it is. It becomes idle by itself, when it says so.
        """
        loop = asyncio.get_running_loop()
        self._log.clear()
        self._log_bytes = 0
        self._killed = False
        self._requested_ns = time.monotonic_ns()
        self.on_log = on_log
        self._used[target.spec.key] = self._requested_ns, target.spec.function_name
        result: asyncio.Future[Result] = loop.create_future()
        self._exchange = _Exchange(target.spec.key, complete, result)
        self._run_ms = run_ms
        self._timer = loop.call_later((start_ms + run_ms) / 1000, self.kill)
        self._send(self._addressed(target, message))
        return result

    def _addressed(self, target: Target, message: dict[str, Any]) -> dict[str, Any]:
        """*message* with the target's name, and with all of it where this worker knows it not."""
        message["target"] = target.name
        if target.name not in self._known:
            message["spec"] = target.members
            if len(self._known) >= _TARGETS_KNOWN_MAX:
                self._known.clear()
                message["forget"] = True
            self._known.add(target.name)
        return message

    def holds(self, key: str) -> bool:
        """Whether this worker runs the deployment *key*, or can at once."""
        return (
            key in self.ready_keys
            or self.returning_key == key
            or (self._exchange is not None and self._exchange.key == key)
        )

    def functions_held(self) -> tuple[str | None, list[str]]:
        """The function that it runs, and those that it has a sandbox ready of."""
        running = None if self._exchange is None else self._exchange.key
        ready = [
            self._used[key][1] for key in self.ready_keys if key in self._used and key != running
        ]
        return None if running is None else self._used[running][1], ready

    def keep(self, keys: Collection[str]) -> None:
        """Have a sandbox of each of these deployments, once it is ready, stay so when memory is
        wanted for others. A worker that has not started reads nothing but its options."""
        if self.started.done() and (keys or self._keeps):
            self._keeps = bool(keys)
            self._send({"op": "keep", "keys": sorted(keys)})

    def drop_unused(self, idle_s: float, kept: Collection[str] = ()) -> None:
        """Give up the sandboxes that nobody asked for in *idle_s*, but those *kept*. Only for an
        idle worker: one that is at work tells what it holds after this, from before it read it."""
        since = time.monotonic_ns() - int(idle_s * 1e9)
        self._used = {key: self._used.get(key, (0, "")) for key in self.ready_keys}
        keys = {key for key, (used_ns, _) in self._used.items() if used_ns <= since}
        keys.difference_update(kept)
        if keys:
            self.ready_keys -= keys
            self._send({"op": "drop", "keys": sorted(keys)})

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
                self._log_bytes += len(message["log"])
                if self._log_bytes > wire.FRAME_BYTES_MAX:
                    raise ValueError("more log than any invocation may write")
                self.on_log(message["log"])
            case "started":
                self._restart_timer()
            case "reply" | "loaded":
                message["streamed_log"] = b"".join(self._log)
                if self._exchange is None:
                    raise ValueError("an answer to no question")
                if message["op"] == "reply":
                    message["reply"] = reply_of(message)
                self.returning_key = self._exchange.key
                self._complete(message)
                self._await_return()
            case "ready":
                self._returned()
                self.ready_keys, self.returning_key = frozenset(message["keys"]), None
                self._cpu_us_idle = int(message["cpu_us"])
                if not self.started.done():
                    self.started.set_result(None)
                self.is_idle = True
                self.on_idle(self)

    def _complete(self, answer: dict[str, Any] | WorkerDied) -> None:
        exchange, self._exchange = self._exchange, None
        if exchange is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        exchange.finish(answer)

    def _await_return(self) -> None:
        self._returns = True
        self._timer = asyncio.get_running_loop().call_later(self.return_s_max, self.kill)

    def _returned(self) -> None:
        """Raises ValueError where a subverted worker says so that is at work, or idle already: it
        would get two invocations at once."""
        if not self._returns:
            raise ValueError("ready, and nobody waits for it")
        self._returns = False
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
