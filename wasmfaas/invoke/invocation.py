"""One invocation, from its start to its outcome: what it used, what it wrote, how it ended."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from typing import Any

from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke import metering
from wasmfaas.invoke.admission import Gate
from wasmfaas.invoke.calls import Caller, Calls, CallSession
from wasmfaas.invoke.figures import Figures
from wasmfaas.invoke.job import Call, Job, WorkerDied
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.reply import Reply
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.invoke.target import Target, log_stream
from wasmfaas.models import InvocationContext, Outcome, SandboxSpec, Usage
from wasmfaas.settings import MIB, Settings
from wasmfaas.store.ledger import Ledger

_logger = logging.getLogger(__name__)

TIMED_OUT = "Sandbox.Timedout"
EXITED = "Runtime.ExitError"
#: JSON text of a string, in C.
_quoted = json.encoder.encode_basestring_ascii


class Books:
    """Where invocations are entered: the ledger, the logs and the figures. Lives as long as the
    server."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        logs: LogStore,
        figures: Figures,
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.ledger = ledger
        self.logs = logs
        self.figures = figures
        self.clock_ms = clock_ms
        self._fuel_per_cpu_us = settings.fuel_per_cpu_us
        self._loses_logs = False

    def usage(
        self,
        spec: SandboxSpec,
        reply: Reply,
        request_id: str,
        started_at_ms: int,
        size: int,
        streamed_bytes: int = 0,
        attempt: int = 1,
    ) -> Usage:
        # What a worker says may be the word of a guest that has subverted it.
        burned = min(reply.fuel, spec.fuel_max)
        counted = 0 if reply.trapped else burned
        return Usage(
            request_id=request_id,
            attempt=attempt,
            function_name=spec.function_name,
            function_version=spec.function_version,
            started_at_ms=started_at_ms,
            fuel_counted=counted,
            fuel=metering.charge(burned, reply.cpu_us, reply.trapped, self._fuel_per_cpu_us),
            duration_us=reply.duration_us,
            billed_duration_ms=metering.billed_duration_ms(reply.duration_us),
            cpu_us=reply.cpu_us,
            memory_bytes_peak=reply.memory_bytes,
            init_us=reply.init_us,
            request_bytes=size,
            response_bytes=streamed_bytes + len(reply.payload),
            error_type=reply.error_type,
        )

    def log(self, function: str, request_id: str, text: bytes, stream: str) -> None:
        """Append to the log of *function*; that it can't be kept is told once, until it can."""
        try:
            self.logs.append(function, request_id, text, stream)
        except WasmfaasError as error:
            if not self._loses_logs:
                _logger.warning("logs are not kept: %s", error.message)
            self._loses_logs = True
        else:
            self._loses_logs = False


Done = Callable[[Outcome | WasmfaasError], None]


class Invocation(Job):
    """One invocation on its way to its outcome, which *done* is told, or the error for which there
    is none: StorageFull, TooManyRequests, ServiceUnavailable. Lives until then."""

    __slots__ = (
        *("_arrived_ns", "_attempt", "_books", "_calls", "_context", "_done", "_gate", "_log"),
        *("_request_id", "_session", "_started_at_ms", "_stream"),
    )

    def __init__(
        self,
        books: Books,
        gate: Gate,
        target: Target,
        event: bytes,
        context: InvocationContext,
        done: Done,
        calls: Calls,
        stream: ResponseStream | None = None,
    ) -> None:
        """*gate* has let it in, and is told when it leaves. What the guest asks for goes to
        *calls*. Parts of the answer go to *stream* as they come; without one, the answer comes
        whole."""
        message: dict[str, Any] = {
            "op": "invoke",
            "request_id": context.request_id,
            "event": event,
            "context": context_text(target, context),
        }
        if stream is not None:
            message["stream"] = stream.terms()
        super().__init__(target, message, len(event))
        self.goes_first = context.depth > 1
        self._stream = stream
        self._calls = calls
        self._context = context
        self._session: CallSession | None = None
        self._books = books
        self._gate = gate
        self._done = done
        self._request_id = context.request_id
        self._attempt = context.attempt
        self._started_at_ms = books.clock_ms()
        self._arrived_ns = time.monotonic_ns()
        self._log = _LiveLog(books, target.spec, context.request_id)

    def answered(self, answer: dict[str, Any] | WorkerDied) -> None:
        """Meter and log what the worker says, or that it died; then tell.

        Called in any case, so a caller that goes away takes neither the bill nor the log with it.
        """
        self._gate.leave()
        if self._session is not None:
            self._session.end()
        spec, request_id = self.target.spec, self._request_id
        if isinstance(answer, WorkerDied):
            reply = _obituary(answer, spec, request_id)
        else:
            reply = answer["reply"]
        books = self._books
        streamed = 0 if self._stream is None else self._stream.bytes
        usage = books.usage(
            spec,
            reply,
            request_id,
            self._started_at_ms,
            self.event_bytes,
            streamed,
            self._attempt,
        )
        try:
            # The order is the promise: on record first, then answered.
            books.ledger.record(usage)
        except WasmfaasError as error:
            self._done(error)
            return
        books.figures.record(usage, time.monotonic_ns() - self._arrived_ns)
        outcome = Outcome(
            request_id=request_id,
            executed_version=spec.function_version,
            payload=reply.payload,
            error_type=reply.error_type,
            usage=usage,
            log=self._log.finish(reply, usage),
        )
        self._done(outcome)

    def withdrawn(self) -> None:
        """Nobody waits for it any more, and it has not begun."""
        self._gate.leave()

    def refused(self, error: WasmfaasError) -> None:
        self._gate.leave()
        self._books.figures.refuse(self.target.spec.function_name)
        self._done(error)

    def logged(self, data: bytes) -> None:
        self._log.append(data)

    def called(self, call: Call, answer: Callable[[bool, bytes], None]) -> None:
        if self._session is None:
            spec = self.target.spec
            caller = Caller(spec.function_name, spec.timeout_ms, self._context)
            self._session = self._calls.session(caller)
        self._session.begin(call, answer)

    def streamed(self, data: bytes, more: Callable[[int], None]) -> None:
        if self._stream is None:
            super().streamed(data, more)
        else:
            self._stream.feed(data, more)


class _LiveLog:
    """The log of one invocation, written while it runs if it runs for long."""

    def __init__(self, books: Books, spec: SandboxSpec, request_id: str) -> None:
        self._books = books
        self._spec = spec
        self._stream = log_stream(spec)
        self._request_id = request_id
        self._start = metering.start_line(request_id, spec.function_version)
        self._written = b""

    def append(self, data: bytes) -> None:
        """What the guest wrote so far; the first part follows START."""
        text = data if self._written else self._start + data
        self._written += text
        self._books.log(self._spec.function_name, self._request_id, text, self._stream)

    def finish(self, reply: Reply, usage: Usage) -> bytes:
        """Write the rest, END and REPORT; returns the whole."""
        spec = self._spec
        streamed = len(self._written) - len(self._start) if self._written else 0
        rest = b"" if self._written else reply.init_log + self._start
        rest += reply.log[streamed:]
        if rest and not rest.endswith(b"\n"):
            rest += b"\n"
        if reply.log_dropped:
            note = f"[wasmfaas] {reply.log_dropped} bytes of log dropped: an invocation's log is "
            rest += f"{note}limited to {spec.log_bytes_max} bytes\n".encode()
        rest += _timeout_line(reply, usage, spec)
        rest += metering.end_line(self._request_id)
        rest += metering.report_line(usage, spec.memory_bytes_max // MIB)
        # After the answer has left, for which the log makes no promise.
        loop = asyncio.get_running_loop()
        loop.call_soon(self._books.log, spec.function_name, self._request_id, rest, self._stream)
        return self._written + rest


def _timeout_line(reply: Reply, usage: Usage, spec: SandboxSpec) -> bytes:
    if reply.error_type != TIMED_OUT:
        return b""
    text = f"Task timed out after {spec.timeout_ms / 1000:.2f} seconds"
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(usage.started_at_ms / 1000))
    return f"{moment}.{usage.started_at_ms % 1000:03d}Z {usage.request_id} {text}\n\n".encode()


def _obituary(death: WorkerDied, spec: SandboxSpec, request_id: str) -> Reply:
    """The reply that a worker did not live to send."""
    duration_us = death.duration_us
    if death.killed:
        error_type = TIMED_OUT
        text = f"Task timed out after {spec.timeout_ms / 1000:.2f} seconds"
        # What ran over by the grace that we gave is ours, not the caller's.
        duration_us = min(duration_us, spec.timeout_ms * 1000)
    else:
        error_type = EXITED
        reason = f"signal {-death.status}" if death.status < 0 else f"exit status {death.status}"
        text = f"Runtime exited with error: {reason}"
    payload = {
        "errorType": error_type,
        "errorMessage": f"RequestId: {request_id} Error: {text}",
        "requestId": request_id,
    }
    return Reply(
        payload=json.dumps(payload).encode(),
        error_type=error_type,
        trapped=True,
        fuel=0,
        cpu_us=death.cpu_us,
        duration_us=duration_us,
        memory_bytes=0,
        init_us=None,
        init_log=b"",
        log=death.log,
        log_dropped=0,
    )


def context_text(target: Target, context: InvocationContext) -> bytes:
    """The context of `guest-sdks/README.md`, but for the deadline, with which the worker ends it.

    The trace id is first, as the Python runtime finds it there without reading the rest.
    """
    trace_id = "null" if context.trace_id is None else _quoted(context.trace_id)
    head = f'{{"traceId": {trace_id}, "requestId": "{context.request_id}", '
    arn = _quoted(context.invoked_function_arn)
    sent = context.client_context or "null"
    tail = f'"invokedFunctionArn": {arn}, "clientContext": {sent}, {target.context}'
    return (head + tail).encode()
