"""What a worker is asked to do."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.demand import Flow
from wasmfaas.invoke.target import Target

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Call:
    """What a guest asks for, in its own words."""

    operation: str
    #: How the request is encoded, and the answer is to be: `json` or `msgpack`.
    form: str
    request: bytes


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


class Job:
    """One message that waits for a worker, or for its answer. Lives until it is answered or
    refused, of which one happens, once.

    Callbacks and not futures: an answer goes out where the reply comes in, without a turn of the
    event loop for each that waits in between.
    """

    __slots__ = (
        *("began_ns", "event_bytes", "flow", "message", "goes_first", "target", "timer"),
        "was_ready",
    )

    def __init__(self, target: Target, message: dict[str, Any], event_bytes: int = 0) -> None:
        self.target = target
        self.message = message
        #: What it holds while it waits.
        self.event_bytes = event_bytes
        #: Whether somebody waits for it who has a worker meanwhile.
        self.goes_first = False
        #: What is to be told how long it took.
        self.flow: Flow | None = None
        #: Ends its wait for a worker.
        self.timer: asyncio.TimerHandle | None = None
        #: When it was given to a worker, and whether a sandbox stood ready there.
        self.began_ns = 0
        self.was_ready = False

    def finish(self, answer: dict[str, Any] | WorkerDied) -> None:
        """Called with what the worker says, or that it died."""
        if self.flow is not None and self.was_ready:
            self.flow.served += 1
            self.flow.served_ns += time.monotonic_ns() - self.began_ns
        self.answered(answer)

    def answered(self, answer: dict[str, Any] | WorkerDied) -> None:
        """It was run. Called in any case, also where nobody waits for it any more."""

    def refused(self, error: WasmfaasError) -> None:
        """It was not run, and will not be."""

    def logged(self, data: bytes) -> None:
        """What the guest writes while it runs, before the answer."""

    def called(self, call: Call, answer: Callable[[bool, bytes], None]) -> None:
        """The guest asks for something, and waits; *answer* tells it what came of that. Raises
        ValueError where it must not ask."""
        raise ValueError("a call from what may make none")

    def streamed(self, data: bytes, more: Callable[[int], None]) -> None:
        """A part of the answer, ahead of it; *more* has the worker send so many bytes more. Raises
        ValueError where there must not be any."""
        raise ValueError("a part of an answer that nobody wants in parts")


class Errand(Job):
    """A job that somebody awaits."""

    __slots__ = ("_complete", "result")

    def __init__(
        self,
        target: Target,
        message: dict[str, Any],
        complete: Callable[[dict[str, Any] | WorkerDied], Any],
    ) -> None:
        """*complete* makes the result of the answer, or raises what is to be raised."""
        super().__init__(target, message)
        self._complete = complete
        self.result: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    def answered(self, answer: dict[str, Any] | WorkerDied) -> None:
        if self.result.done():
            return
        try:
            self.result.set_result(self._complete(answer))
        except Exception as error:
            self.result.set_exception(error)

    def refused(self, error: WasmfaasError) -> None:
        if not self.result.done():
            self.result.set_exception(error)
