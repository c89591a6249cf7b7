"""`invoke`: functions that call functions."""

import json
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, Final, NoReturn, Protocol

from wasmfaas.capabilities.board import Asked, Operation
from wasmfaas.capabilities.failures import CallFailed, Kind, invalid
from wasmfaas.capabilities.lineage import CALLS_MAX, extended
from wasmfaas.models import LATEST, InvocationContext, Outcome, Version
from wasmfaas.store.attachments import Attachment
from wasmfaas.store.attachments import Kind as AttachmentKind
from wasmfaas.store.events import NewEvent

#: Functions that wait for one another, the first one included.
DEPTH_MAX: Final = 16
_NAME_CHARACTERS_MAX: Final = 300


class Invoker(Protocol):
    """What every trigger ends in."""

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome: ...


class Queue(Protocol):
    """Where events are stored."""

    async def enqueue(self, event: NewEvent, key: str | None = None) -> str: ...


class Reference(Protocol):
    """A function as somebody names it."""

    @property
    def name(self) -> str: ...

    @property
    def qualifier(self) -> str | None: ...


class Naming(Protocol):
    """Reads and writes names of functions."""

    def parse(self, text: str) -> Reference: ...

    def arn(self, name: str, qualifier: str | None = None) -> str: ...


class Functions(Protocol):
    """Where functions are looked up."""

    async def require(self, name: str, qualifier: str | None = None) -> Version: ...


class Attachments(Protocol):
    """Where it is looked up whether a function may be called in a loop."""

    async def get(
        self, name: str, kind: AttachmentKind, qualifier: str = ""
    ) -> Attachment | None: ...


class Waits(Protocol):
    """Counts the invocations that wait for others."""

    def waiting(self) -> AbstractContextManager[None]: ...


class InvokeCalls:
    """Handler of the operation. Lives as long as the server."""

    def __init__(
        self,
        *,
        invoker: Invoker,
        queue: Queue,
        functions: Functions,
        attachments: Attachments,
        naming: Naming,
        waits: Waits,
        event_bytes_max: int,
    ) -> None:
        """*event_bytes_max*: of an asynchronous event."""
        self._invoker = invoker
        self._queue = queue
        self._functions = functions
        self._attachments = attachments
        self._naming = naming
        self._waits = waits
        self._event_bytes_max = event_bytes_max

    def operations(self) -> tuple[Operation, ...]:
        return (Operation("invoke", self.invoke),)

    async def invoke(self, asked: Asked) -> Mapping[str, Any]:
        request = asked.request
        request.only("function", "payload", "type")
        text = request.text("function")
        kind = request.choice("type", ("RequestResponse", "Event"))
        payload = _checked(request.data("payload"))
        callee = self._callee(asked, text)
        trace = await self._trace(asked, callee)
        context = InvocationContext(
            request_id=str(uuid.uuid4()),
            invoked_function_arn=self._naming.arn(callee.name, callee.qualifier),
            trace_id=trace,
            depth=asked.caller.context.depth + 1,
        )
        if kind == "Event":
            return await self._enqueue(callee, payload, context)
        if context.depth > DEPTH_MAX:
            raise CallFailed(
                Kind.LIMIT_EXCEEDED,
                f"{DEPTH_MAX} functions wait for one another already, the limit. Use type Event, "
                "which does not wait.",
            )
        with self._waits.waiting():
            outcome = await self._invoker.invoke(callee.name, payload, context, callee.qualifier)
        return {
            "status": 200,
            "payload": outcome.payload,
            "functionError": None if outcome.error_type is None else "Unhandled",
            "executedVersion": outcome.executed_version,
            "requestId": outcome.request_id,
        }

    def _callee(self, asked: Asked, text: str) -> Reference:
        """The function that is to be called. Raises CallFailed unless that is permitted."""
        if len(text) > _NAME_CHARACTERS_MAX:
            raise invalid(f"The name of the function has {len(text)} characters.")
        callee = self._naming.parse(text)
        qualifier = callee.qualifier or LATEST
        names = (
            callee.name,
            f"{callee.name}:{qualifier}",
            self._naming.arn(callee.name),
            self._naming.arn(callee.name, qualifier),
        )
        if not asked.permissions.may_invoke(names):
            raise CallFailed(
                Kind.ACCESS_DENIED,
                f"The function's permissions.invoke does not have {callee.name}:{qualifier}.",
            )
        return callee

    async def _trace(self, asked: Asked, callee: Reference) -> str:
        """The trace header of the call. Raises CallFailed where it goes round in circles."""
        caller = asked.caller
        trace, count = extended(
            caller.context.trace_id,
            self._naming.arn(caller.function_name),
            self._naming.arn(callee.name),
        )
        if count > CALLS_MAX:
            found = await self._attachments.get(callee.name, AttachmentKind.RECURSION)
            if found is None or found.value["RecursiveLoop"] == "Terminate":
                raise CallFailed(
                    Kind.RECURSION_DETECTED,
                    f"The function {callee.name} has been called {CALLS_MAX} times in this chain "
                    "of calls. If that is meant so, allow it with PutFunctionRecursionConfig.",
                )
        return trace

    async def _enqueue(
        self, callee: Reference, payload: bytes, context: InvocationContext
    ) -> Mapping[str, Any]:
        if len(payload) > self._event_bytes_max:
            raise CallFailed(
                Kind.LIMIT_EXCEEDED,
                f"The event has {len(payload)} bytes, but an asynchronous one may have "
                f"{self._event_bytes_max} (--event-async-bytes-max).",
            )
        await self._functions.require(callee.name, callee.qualifier)
        event = NewEvent(
            id=context.request_id,
            function_name=callee.name,
            qualifier=callee.qualifier or "",
            payload=payload,
            trace_id=context.trace_id,
        )
        await self._queue.enqueue(event)
        return {
            "status": 202,
            "payload": b"",
            "functionError": None,
            "executedVersion": callee.qualifier or LATEST,
            "requestId": event.id,
        }


def _checked(payload: bytes | None) -> bytes:
    """*payload* if it is JSON in UTF-8; `{}` where there is none, as Lambda has it."""
    if not payload:
        return b"{}"
    try:
        # Integers of any length are JSON; as floats they cost no more than their digits.
        json.loads(payload.decode(), parse_int=float, parse_constant=_refuse_constant)
    except RecursionError:
        raise invalid("The payload is nested too deeply.") from None
    except ValueError as error:
        raise invalid(f"The payload is not JSON: {error}.") from None
    return payload


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
