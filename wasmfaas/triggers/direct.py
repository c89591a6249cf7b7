"""The short way of a function URL: from the request to the reply and back, without a task, a
coroutine or a turn of the event loop of its own. What has to be waited for, or refused, before the
function is called goes the long way (`http`)."""

import os
import time
from collections.abc import Callable
from typing import Protocol

from starlette.types import Scope

from wasmfaas.errors import WasmfaasError
from wasmfaas.models import InvocationContext, Outcome
from wasmfaas.triggers import http_event, http_response
from wasmfaas.triggers.http_response import Headers, Response
from wasmfaas.triggers.url_targets import UrlTarget, UrlTargets

Respond = Callable[[int, Headers, bytes], None]


class Starts(Protocol):
    """What runs functions that it knows."""

    def start(
        self,
        name: str,
        event: bytes,
        context: InvocationContext,
        done: Callable[[Outcome | WasmfaasError], None],
        qualifier: str | None = None,
    ) -> bool: ...


class DirectCalls:
    """Answers requests of function URLs. Lives as long as the server.

    *admits* says whether requests that name a host may pass.
    """

    def __init__(
        self,
        targets: UrlTargets,
        invoker: Starts,
        admits: Callable[[str], bool],
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self._targets = targets
        self._invoker = invoker
        self._admits = admits
        self._clock_ms = clock_ms

    def __call__(self, scope: Scope, body: bytes, respond: Respond) -> bool:
        """Whether *respond* is called with the response, once; else nothing has been done."""
        host = http_event.only_header(scope, b"host")
        path = http_event.raw_path(scope)
        found = self._targets.known(host.lower(), path)
        if found is None or not self._admits(host):
            return False
        target, raw_path = found
        cors = target.cors
        if not target.is_open or target.streams or not http_event.fits(scope):
            return False
        if cors is not None and cors.preflight(scope) is not None:
            return False
        return self._called(target, scope, raw_path, body, respond)

    def _called(
        self, target: UrlTarget, scope: Scope, raw_path: str, body: bytes, respond: Respond
    ) -> bool:
        random, now_ms = os.urandom(28), self._clock_ms()
        request_id = http_event.new_request_id(random[12:])
        request = http_event.Request(
            request_id=request_id,
            trace_id=http_event.header(scope, b"x-amzn-trace-id")
            or http_event.new_trace_id(now_ms, random[:12]),
            url_id=target.url_id,
            domain=target.domain,
            raw_path=raw_path,
            now_ms=now_ms,
        )
        context = InvocationContext(
            request_id=request_id, invoked_function_arn=target.arn, trace_id=request.trace_id
        )

        def done(outcome: Outcome | WasmfaasError) -> None:
            response = _response(target, outcome)
            if target.cors is not None:
                response = target.cors.applied(scope, response)
            headers, content = response.framed(scope["method"])
            headers = [*headers, (b"x-amzn-requestid", request_id.encode())]
            respond(response.status, headers, content)

        event = http_event.build(scope, body, request)
        return self._invoker.start(target.name, event, context, done, target.qualifier)


def _response(target: UrlTarget, outcome: Outcome | WasmfaasError) -> Response:
    if isinstance(outcome, Outcome):
        return http_response.answer(outcome)
    return http_response.refusal(outcome)
