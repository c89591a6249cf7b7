"""Invoke, InvokeAsync and InvokeWithResponseStream: the calls of a function through the API."""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

from wasmfaas.api import eventstream
from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import FunctionReference, Names
from wasmfaas.api.response import JSON_TYPE, encoded
from wasmfaas.api.tracing import trace_header
from wasmfaas.errors import (
    InvalidParameterValue,
    InvalidRequestContent,
    RequestTooLarge,
    ResourceNotFound,
    WasmfaasError,
)
from wasmfaas.invoke.metering import usage_headers
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.models import LATEST, InvocationContext, Outcome
from wasmfaas.settings import Settings
from wasmfaas.store.events import NewEvent
from wasmfaas.store.registry import Registry

CLIENT_CONTEXT_BYTES_MAX = 3583
#: Bytes of the log's end that LogType Tail returns.
LOG_TAIL_BYTES = 4096
#: Parameters of kinds of invocation that do not exist here yet.
UNSUPPORTED = ("DurableExecutionName", "TenantId")
#: Names the event that an idempotency key stands for.
EVENT_ID = "x-wasmfaas-event-id"
#: What the old operation takes.
INVOKE_ARGS_BYTES_MAX = 262_144


class Invoker(Protocol):
    """What every trigger ends in."""

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome:
        """Runs the version or alias *qualifier* of *name* on *event*, a JSON text."""
        ...

    async def stream(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> ResponseStream:
        """As `invoke`, with the answer as it comes."""
        ...


class Queue(Protocol):
    """Where asynchronous invocations wait."""

    async def enqueue(self, event: NewEvent, key: str | None = None) -> str:
        """Stores it, and returns its id, or that of the one that *key* stands for."""
        ...


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is to be run, and on what."""

    reference: FunctionReference
    event: bytes
    context: InvocationContext
    trace_id: str


class InvokeOperations:
    """Handlers of the operations that call a function. Lifetime: process."""

    def __init__(
        self,
        *,
        settings: Settings,
        registry: Registry,
        invoker: Invoker,
        queue: Queue,
        names: Names,
    ) -> None:
        self._event_bytes_max = settings.event_async_bytes_max
        self._registry = registry
        self._invoker = invoker
        self._queue = queue
        self._names = names

    def rows(self) -> Mapping[str, Handler]:
        return {
            "Invoke": self.invoke,
            "InvokeAsync": self.invoke_async,
            "InvokeWithResponseStream": self.stream,
        }

    async def invoke(self, call: Call) -> Reply:
        kind = call.parameters.get("InvocationType", "RequestResponse")
        asked = self._asked(call, call.parameters["Payload"])
        reference = asked.reference
        if kind == "Event":
            headers = await self._enqueue(call, asked, self._event_bytes_max, "InvokeFunction")
            return Reply({"StatusCode": 202}, headers)
        try:
            if kind == "DryRun":
                return await self._dry_run(reference)
            outcome = await self._invoker.invoke(
                reference.name, asked.event, asked.context, reference.qualifier
            )
        except ResourceNotFound:
            raise self._not_found(reference) from None
        headers = usage_headers(outcome.usage) | {"x-amzn-trace-id": asked.trace_id}
        return Reply(_members(outcome, tail=_wants_tail(call)), headers)

    async def invoke_async(self, call: Call) -> Reply:
        asked = self._asked(call, call.parameters["InvokeArgs"])
        bytes_max = min(INVOKE_ARGS_BYTES_MAX, self._event_bytes_max)
        headers = await self._enqueue(call, asked, bytes_max, "InvokeAsync")
        return Reply({"Status": 202}, headers)

    async def _enqueue(
        self, call: Call, asked: _Asked, bytes_max: int, operation: str
    ) -> dict[str, str]:
        """Store what is asked for; headers of the answer."""
        reference, context = asked.reference, asked.context
        if len(asked.event) > bytes_max:
            raise RequestTooLarge(
                f"Request must be smaller than {bytes_max} bytes for the {operation} operation"
            )
        try:
            await self._registry.require(reference.name, reference.qualifier)
        except ResourceNotFound:
            raise self._not_found(reference) from None
        event = NewEvent(
            id=context.request_id,
            function_name=reference.name,
            qualifier=reference.qualifier or "",
            payload=asked.event,
            client_context=context.client_context,
            trace_id=asked.trace_id,
        )
        stored = await self._queue.enqueue(event, call.idempotency_key)
        return {"x-amzn-trace-id": asked.trace_id, EVENT_ID: stored}

    async def stream(self, call: Call) -> Reply:
        asked = self._asked(call, call.parameters["Payload"])
        reference = asked.reference
        try:
            if call.parameters.get("InvocationType") == "DryRun":
                return await self._dry_run(reference)
            stream = await self._invoker.stream(
                reference.name, asked.event, asked.context, reference.qualifier
            )
        except ResourceNotFound:
            raise self._not_found(reference) from None
        try:
            # An invocation that is refused is so before anything is sent.
            first = await stream.read()
        except BaseException:
            stream.close()
            raise
        members = {
            "StatusCode": 200,
            "ExecutedVersion": stream.executed_version,
            "ResponseStreamContentType": eventstream.CONTENT_TYPE,
        }
        events = _events(stream, first, tail=_wants_tail(call))
        return Reply(members, {"x-amzn-trace-id": asked.trace_id}, events)

    def _asked(self, call: Call, payload: bytes) -> _Asked:
        for name in UNSUPPORTED:
            if name in call.parameters:
                raise InvalidParameterValue(f"{name} is not supported by this server yet.")
        reference = self._names.parse(call.function, call.qualifier)
        client_context = client_context_of(call.parameters.get("ClientContext"))
        event = event_of(payload)
        trace_id = trace_header(call.trace_id)
        context = InvocationContext(
            request_id=call.request_id,
            invoked_function_arn=self._names.arn(reference.name, reference.qualifier),
            client_context=client_context,
            trace_id=trace_id,
        )
        return _Asked(reference, event, context, trace_id)

    async def _dry_run(self, reference: FunctionReference) -> Reply:
        await self._registry.require(reference.name, reference.qualifier)
        return Reply({"StatusCode": 204})

    def _not_found(self, reference: FunctionReference) -> ResourceNotFound:
        arn = self._names.arn(reference.name, reference.qualifier or LATEST)
        return ResourceNotFound(f"Function not found: {arn}")


async def _events(
    stream: ResponseStream, first: bytes | None, *, tail: bool
) -> AsyncIterator[bytes]:
    """The messages of an answer as it comes, of which *first* has come, and of how it ends."""
    chunk = first
    try:
        while chunk is not None:
            yield _payload_chunk(chunk)
            chunk = await stream.read()
        outcome = stream.outcome
        assert outcome is not None, "it has ended"
    except WasmfaasError as error:
        yield _complete({"ErrorCode": error.code, "ErrorDetails": error.message})
        return
    finally:
        stream.close()
    if outcome.error_type is None and outcome.payload:
        yield _payload_chunk(outcome.payload)
    members = {"LogResult": log_tail(outcome.log)} if tail else {}
    if outcome.error_type is not None:
        members["ErrorCode"] = outcome.error_type
        members["ErrorDetails"] = outcome.payload.decode(errors="replace")
    yield _complete(members)


def _payload_chunk(data: bytes) -> bytes:
    return eventstream.event("PayloadChunk", "application/octet-stream", data)


def _complete(members: Mapping[str, str]) -> bytes:
    return eventstream.event("InvokeComplete", JSON_TYPE, encoded(members))


def _wants_tail(call: Call) -> bool:
    return call.parameters.get("LogType") == "Tail"


def _members(outcome: Outcome, *, tail: bool) -> dict[str, Any]:
    return {
        "StatusCode": 200,
        "ExecutedVersion": outcome.executed_version,
        "FunctionError": None if outcome.error_type is None else "Unhandled",
        "LogResult": log_tail(outcome.log) if tail else None,
        "Payload": outcome.payload,
    }


def log_tail(log: bytes) -> str:
    """The end of *log* in base64, beginning at a whole character."""
    tail = log[-LOG_TAIL_BYTES:]
    if len(tail) < len(log):
        begin = next((i for i, byte in enumerate(tail[:4]) if byte & 0xC0 != 0x80), 0)
        tail = tail[begin:]
    return base64.b64encode(tail).decode("ascii")


def event_of(payload: bytes) -> bytes:
    """*payload* if it is JSON in UTF-8; `{}` if it is empty.

    Raises InvalidRequestContent otherwise.
    """
    if not payload:
        return b"{}"
    try:
        # Integers of any length are JSON; as floats they cost no more than their digits.
        json.loads(payload.decode("utf-8"), parse_int=float, parse_constant=_no_constant)
    except RecursionError:
        _refuse_event("it is nested too deeply")
    except ValueError as error:
        _refuse_event(str(error))
    return payload


def _refuse_event(reason: str) -> NoReturn:
    raise InvalidRequestContent(
        f"Could not parse request body into json: Could not parse payload into json: {reason}"
    ) from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"Unrecognized token '{name}'")


def client_context_of(text: str | None) -> str | None:
    """The JSON text of a ClientContext header.

    Raises InvalidRequestContent if it is too long, not base64 or not a JSON object.
    """
    if text is None:
        return None
    if len(text) > CLIENT_CONTEXT_BYTES_MAX:
        raise InvalidRequestContent(
            f"Client context is {len(text)} bytes of base64, but must be at most "
            f"{CLIENT_CONTEXT_BYTES_MAX} bytes."
        )
    try:
        decoded = base64.b64decode(text, validate=True).decode("utf-8")
        document = json.loads(decoded, parse_int=float, parse_constant=_no_constant)
    except (binascii.Error, ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise InvalidRequestContent("Client context must be a valid Base64-encoded JSON object.")
    return decoded
