"""Function URLs: HTTP requests that call a function."""

import asyncio
import contextlib
import os
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol, TypeVar

from starlette.types import Message, Receive, Scope, Send

from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.errors import (
    NotAuthenticated,
    RequestTooLarge,
    ResourceNotFound,
    UrlForbidden,
    WasmfaasError,
)
from wasmfaas.invoke.streams import ResponseStream
from wasmfaas.models import InvocationContext, Outcome
from wasmfaas.settings import Settings
from wasmfaas.triggers import http_event, http_response, http_stream
from wasmfaas.triggers.http_response import Response
from wasmfaas.triggers.signed import SignedCalls, identity
from wasmfaas.triggers.url_targets import Policies, Urls, UrlTarget, UrlTargets

#: How much of a refused body is read, and for how long, so that its sender sees the refusal.
_DRAIN_BYTES_MAX = 64 * 1024 * 1024
_DRAIN_S_MAX = 5.0

Answer = TypeVar("Answer")
_Calls = Callable[[str, bytes, InvocationContext, str | None], Awaitable[Answer]]


class Invokes(Protocol):
    """What runs functions; raises WasmfaasError where it can't."""

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome: ...

    async def stream(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> ResponseStream: ...


class _Unread(RequestTooLarge):
    """There is more of the body to come."""


class _ClientLeft(Exception):
    """There is nobody to answer."""


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class FunctionUrls:
    """The ASGI application of all function URLs; lives as long as the server.

    It remembers functions, so `forget` has to be called when one changes.
    """

    def __init__(
        self,
        settings: Settings,
        urls: Urls,
        policies: Policies,
        invoker: Invokes,
        arn: Callable[[str], str],
        authenticator: Authenticator,
        *,
        clock_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self._body_bytes_max = settings.event_bytes_max
        self.targets = UrlTargets(urls, policies, arn, settings.region)
        self._signed = SignedCalls(authenticator)
        self._invoker = invoker
        self._clock_ms = clock_ms

    def forget(self, name: str) -> None:
        """Look the function *name* up again when it is called next."""
        self.targets.forget(name)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008, "reason": "not supported"})
            return
        request_id = str(uuid.uuid4())
        try:
            response = await self._respond(scope, receive, request_id)
        except WasmfaasError as error:
            response = http_response.refusal(error)
        except _ClientLeft:
            return
        if response.rest is not None:
            await http_stream.send(response, request_id, send)
            return
        headers, body = response.framed(scope["method"])
        headers = [*headers, (b"x-amzn-requestid", request_id.encode())]
        start = {"type": "http.response.start", "status": response.status, "headers": headers}
        await (_send_and_close if response.close else _send)(start, body, receive, send)

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        _check_head(scope)
        target, raw_path = await self.targets.find(scope)
        if target.cors is None:
            return await self._call(target, scope, receive, raw_path, request_id)
        preflight = target.cors.preflight(scope)
        if preflight is not None:
            return preflight
        response = await self._call(target, scope, receive, raw_path, request_id)
        return target.cors.applied(scope, response)

    async def _call(
        self, target: UrlTarget, scope: Scope, receive: Receive, raw_path: str, request_id: str
    ) -> Response:
        """Call the function. What is refused from here on, a page may read as well."""
        try:
            received = self._received(target, scope, receive)
            event, context = self._event(target, scope, raw_path, request_id, *await received)
            if target.streams and scope["http_version"] != "1.0":
                stream = await _called(target, self._invoker.stream, event, context)
                return await http_stream.opened(stream)
            outcome = await _called(target, self._invoker.invoke, event, context)
        except NotAuthenticated as error:
            return http_response.refusal(await self._signed.refusal(scope, error))
        except WasmfaasError as error:
            return http_response.refusal(error, close=isinstance(error, _Unread))
        return http_response.answer(outcome)

    async def _received(
        self, target: UrlTarget, scope: Scope, receive: Receive
    ) -> tuple[bytes, Mapping[str, Any] | None]:
        """The body, and who has signed it where somebody has to."""
        if target.is_open:
            return await _read(scope, receive, self._body_bytes_max), None
        claim = self._signed.claimed(target, scope)
        body = await _read(scope, receive, self._body_bytes_max)
        return body, identity(await self._signed.admit(target, claim, body))

    def _event(
        self,
        target: UrlTarget,
        scope: Scope,
        raw_path: str,
        request_id: str,
        body: bytes,
        caller: Mapping[str, Any] | None,
    ) -> tuple[bytes, InvocationContext]:
        now_ms = self._clock_ms()
        trace_id = http_event.header(scope, b"x-amzn-trace-id")
        request = http_event.Request(
            request_id=request_id,
            trace_id=trace_id or http_event.new_trace_id(now_ms, os.urandom(12)),
            url_id=target.url_id,
            domain=target.domain,
            raw_path=raw_path,
            now_ms=now_ms,
            caller=caller,
        )
        context = InvocationContext(
            request_id=request_id, invoked_function_arn=target.arn, trace_id=request.trace_id
        )
        return http_event.build(scope, body, request), context


def _check_head(scope: Scope) -> None:
    """Bound what the event repeats of the request beside its body."""
    size = http_event.head_bytes(scope)
    if size > http_event.HEAD_BYTES_MAX:
        raise RequestTooLarge(
            f"The path, the query and the headers have {size} bytes together, but at most "
            f"{http_event.HEAD_BYTES_MAX} are accepted. Send large data in the body."
        )


async def _read(scope: Scope, receive: Receive, bytes_max: int) -> bytes:
    """The body. Raises RequestTooLarge as soon as that is known, and _ClientLeft."""
    declared = http_event.header(scope, b"content-length") or ""
    if declared.isdecimal() and (len(declared) > 15 or int(declared) > bytes_max):
        raise _too_large(bytes_max, _Unread)
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _ClientLeft
        chunk, more = message.get("body", b""), message.get("more_body", False)
        size += len(chunk)
        if size > bytes_max:
            raise _too_large(bytes_max, _Unread if more else RequestTooLarge)
        chunks.append(chunk)
        if not more:
            return b"".join(chunks)


def _too_large(bytes_max: int, kind: type[RequestTooLarge]) -> RequestTooLarge:
    return kind(
        f"The request body has more than {bytes_max} bytes, the limit for calling a function. "
        "Send less, or store the data elsewhere and send where it is."
    )


async def _called(
    target: UrlTarget, call: _Calls[Answer], event: bytes, context: InvocationContext
) -> Answer:
    try:
        return await call(target.name, event, context, target.qualifier)
    except ResourceNotFound:
        if target.qualifier is None:
            raise
        # A URL outlives its alias.
        raise UrlForbidden() from None


async def _send(start: Message, body: bytes, receive: Receive, send: Send) -> None:
    await send(start)
    await send({"type": "http.response.body", "body": body})


async def _send_and_close(start: Message, body: bytes, receive: Receive, send: Send) -> None:
    """Send, then close the connection, but not while the client is still sending: it would lose
    the response."""
    await send({**start, "headers": [*start["headers"], (b"connection", b"close")]})
    await send({"type": "http.response.body", "body": body, "more_body": True})
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_DRAIN_S_MAX):
            while size < _DRAIN_BYTES_MAX:
                message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body", False):
                    break
    await send({"type": "http.response.body", "body": b""})
