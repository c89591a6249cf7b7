"""The server's end of one worker process, and what goes between the two."""

import asyncio
import functools
import logging
import os
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, cast

from wasmfaas import wire
from wasmfaas.invoke.calls import call_of
from wasmfaas.invoke.job import Job, WorkerDied
from wasmfaas.invoke.reply import reply_of
from wasmfaas.invoke.target import Target

_logger = logging.getLogger(__name__)

_TARGETS_KNOWN_MAX = 512
#: After an answer, a worker that takes longer to be ready again is given up: a start-up is limited
#: by itself, unless it blocks in a call to the host.
_RETURN_S_MAX = 15.0
#: Start-up of a function (Lambda's limit), and the loading of its artefact.
INIT_MS_MAX = 15_000


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
        #: Set once the process is gone, after which nothing more is done to its folder.
        self.ended = asyncio.Event()
        self.on_idle: Callable[[Worker], None] = lambda worker: None
        self.on_end: Callable[[Worker], None] = lambda worker: None
        self._decoder = wire.Decoder()
        self._transport: asyncio.WriteTransport | None = None
        self._job: Job | None = None
        #: Names of the targets that were sent in full.
        self._known: set[str] = set()
        self._log: list[bytes] = []
        self._log_bytes = 0
        self._killed = False
        self._cpu_us_idle = 0
        self._requested_ns = 0
        self._run_ms: int | None = None
        self._may_be_late = False
        #: Whether what it was idle with has to start up first: its next job waits for that.
        self._is_late = False
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
        except (wire.BrokenFrame, ArithmeticError, KeyError, TypeError, ValueError) as error:
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
        self.ended.set()

    def configure(self, options: Mapping[str, Any]) -> None:
        """Send the first frame, upon which the worker jails itself and reports ready."""
        self._send(dict(options))

    def run(self, job: Job, *, start_ms: int, run_ms: int) -> None:
        """Send the message of *job*, which is told the answer, or the worker's death.

        The worker is killed at the deadline: *start_ms* for getting a sandbox ready, then *run_ms*
        from the moment that it says it is. It becomes idle by itself, when it says so.
        """
        self._log.clear()
        self._log_bytes = 0
        self._killed = False
        self._requested_ns = job.began_ns = time.monotonic_ns()
        target = job.target
        self._used[target.spec.key] = self._requested_ns, target.spec.function_name
        self._job, self._run_ms = job, run_ms
        if self._is_late:
            start_ms, self._is_late = INIT_MS_MAX, False
        self._may_be_late = not start_ms
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later((start_ms + run_ms) / 1000, self.kill)
        self._send(self._addressed(target, job.message))

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
            or (self._job is not None and self._job.target.spec.key == key)
        )

    def functions_held(self) -> tuple[str | None, list[str]]:
        """The function that it runs, and those that it has a sandbox ready of."""
        running = None if self._job is None else self._job.target.spec.key
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
            case "reply":
                message["streamed_log"] = b"".join(self._log)
                message["reply"] = reply_of(message)
                self._answered(message)
                if message["ready"] is None:
                    self._await_return()
                else:
                    self._idle(message["ready"], message["cpu_us_process"])
            case "loaded":
                self._answered(message)
                if message["error"] is not None:
                    self.returning_key = None
                self._await_return()
            case "ready":
                self._returned()
                self._idle(message["keys"], message["cpu_us"])
            case "holds":
                self.ready_keys = _keys(message["keys"])
            case "late":
                self._late()
            case "started":
                self._restart_timer()
            case "log":
                self._logged(message["log"])
            case "chunk":
                self._streamed(message["data"])
            case "call":
                self._called(message)

    def _answered(self, message: dict[str, Any]) -> None:
        if self._job is None:
            raise ValueError("an answer to no question")
        self.returning_key = self._job.target.spec.key
        self._complete(message)

    def _await_return(self) -> None:
        self._returns = True
        self._timer = asyncio.get_running_loop().call_later(self.return_s_max, self.kill)

    def _idle(self, keys: Any, cpu_us: int) -> None:
        """It holds *keys* ready (True: as before), and takes the next job."""
        if keys is not True:
            self.ready_keys = _keys(keys)
        self.returning_key = None
        self._cpu_us_idle = int(cpu_us)
        if not self.started.done():
            self.started.set_result(None)
        self.is_idle = True
        self.on_idle(self)

    def _logged(self, data: bytes) -> None:
        job = self._job
        if job is None or type(data) is not bytes or not data:
            raise ValueError("a log of nothing")
        self._log.append(data)
        self._log_bytes += len(data)
        if self._log_bytes > job.target.spec.log_bytes_max:
            raise ValueError("more log than the invocation may write")
        job.logged(data)

    def _streamed(self, data: bytes) -> None:
        if self._job is None or type(data) is not bytes or len(data) > wire.CHUNK_BYTES_MAX:
            raise ValueError("a part of no answer, or none")
        self._job.streamed(data, functools.partial(self._more, self._job))

    def _called(self, message: Mapping[str, Any]) -> None:
        number, job = message["number"], self._job
        if job is None or type(number) is not int:
            raise ValueError("a call from nobody")
        job.called(call_of(message), functools.partial(self._answer, job, number))

    def _answer(self, job: Job, number: int, ok: bool, answer: bytes) -> None:
        """Tell the guest what came of its call, where it still runs."""
        if self._job is job:
            self._send({"op": "called", "number": number, "ok": ok, "answer": answer})

    def _more(self, job: Job, size: int) -> None:
        """There is room for *size* bytes more of what *job* streams."""
        if self._job is job:
            self._send({"op": "more", "bytes": size})

    def _late(self) -> None:
        """A sandbox that was said to be ready is not, so that a start-up comes first: before the
        job that it has, or else before its next one. Once only for each job, so that a subverted
        worker gains nothing by it."""
        if self._job is None:
            self._is_late = self.is_idle
            return
        if self._timer is None or self._run_ms is None or not self._may_be_late:
            return
        self._may_be_late = False
        self._timer.cancel()
        late_s = (INIT_MS_MAX + self._run_ms) / 1000
        self._timer = asyncio.get_running_loop().call_later(late_s, self.kill)

    def _complete(self, answer: dict[str, Any] | WorkerDied) -> None:
        job, self._job = self._job, None
        if job is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        try:
            job.finish(answer)
        except Exception as error:
            _logger.error("a job could not be ended: %r", error)

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
        if self._job is None or self._timer is None or self._run_ms is None:
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


def _keys(value: Any) -> frozenset[str]:
    """*value* as keys of deployments. Raises ValueError where a subverted worker sends others."""
    if type(value) is not list or not all(type(key) is str for key in value):
        raise ValueError("no keys where keys belong")
    return frozenset(value)


def child_environment() -> dict[str, str]:
    """What a child process inherits: where Python finds its packages, and nothing of ours."""
    kept = ("PATH", "LANG", "LC_ALL", "PYTHONPATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
    chosen = {name: os.environ[name] for name in kept if name in os.environ}
    return chosen | {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONUNBUFFERED": "1"}
