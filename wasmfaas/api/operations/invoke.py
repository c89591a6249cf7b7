"""Invoke: the call of a function through the API."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NoReturn, Protocol

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.names import Names
from wasmfaas.api.tracing import trace_header
from wasmfaas.errors import InvalidParameterValue, InvalidRequestContent, ResourceNotFound
from wasmfaas.invoke.metering import usage_headers
from wasmfaas.models import LATEST, InvocationContext, Outcome
from wasmfaas.store.registry import Registry

CLIENT_CONTEXT_BYTES_MAX = 3583
#: Bytes of the log's end that LogType Tail returns.
LOG_TAIL_BYTES = 4096
#: Parameters of kinds of invocation that do not exist here yet.
UNSUPPORTED = ("DurableExecutionName", "TenantId")


class Invoker(Protocol):
    """What every trigger ends in."""

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome:
        """Runs the version or alias *qualifier* of *name* on *event*, a JSON text."""
        ...


class InvokeOperations:
    """Handler of Invoke. Lifetime: process."""

    def __init__(self, *, registry: Registry, invoker: Invoker, names: Names) -> None:
        self._registry = registry
        self._invoker = invoker
        self._names = names

    def rows(self) -> Mapping[str, Handler]:
        return {"Invoke": self.invoke}

    async def invoke(self, call: Call) -> Reply:
        kind = call.parameters.get("InvocationType", "RequestResponse")
        if kind == "Event":
            raise InvalidParameterValue(
                "InvocationType Event is not supported by this server yet: there is no queue for "
                "asynchronous invocations. Use RequestResponse."
            )
        for name in UNSUPPORTED:
            if name in call.parameters:
                raise InvalidParameterValue(f"{name} is not supported by this server yet.")
        reference = self._names.parse(call.function, call.qualifier)
        client_context = client_context_of(call.parameters.get("ClientContext"))
        event = event_of(call.parameters["Payload"])
        try:
            if kind == "DryRun":
                await self._registry.require(reference.name, reference.qualifier)
                return Reply({"StatusCode": 204})
            trace_id = trace_header(call.trace_id)
            context = InvocationContext(
                request_id=call.request_id,
                invoked_function_arn=self._names.arn(reference.name, reference.qualifier),
                client_context=client_context,
                trace_id=trace_id,
            )
            outcome = await self._invoker.invoke(
                reference.name, event, context, reference.qualifier
            )
        except ResourceNotFound:
            arn = self._names.arn(reference.name, reference.qualifier or LATEST)
            raise ResourceNotFound(f"Function not found: {arn}") from None
        tail = call.parameters.get("LogType") == "Tail"
        headers = usage_headers(outcome.usage) | {"x-amzn-trace-id": trace_id}
        return Reply(_members(outcome, tail=tail), headers)


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
