"""SQS as an ASGI application.

    POST /                                  POST / or /ACCOUNT/QUEUE
    X-Amz-Target: AmazonSQS.SendMessage     Action=SendMessage&MessageBody=…

The first is what SDKs send today, the second what older ones do; both come to the same handlers.
"""

import asyncio
import json
import re
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from starlette.types import Receive, Scope, Send

from wasmfaas.api import bodies, query
from wasmfaas.api.answering import answer
from wasmfaas.api.callers import Callers
from wasmfaas.api.messages import (
    authority_of,
    declared_length,
    headers_of,
    raw_path_of,
)
from wasmfaas.api.request import ForeignText, bind
from wasmfaas.api.response import Response, encoded, of_result
from wasmfaas.api.routing import Route
from wasmfaas.api.service_model import SQS_MODEL_FILE, Operation, ServiceModel
from wasmfaas.api.sqs import forms, required
from wasmfaas.api.sqs.calls import QueueCall, QueueHandlers
from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.errors import (
    RequestEntityTooLarge,
    UnknownOperation,
    WasmfaasError,
)
from wasmfaas.queue_errors import MessageContentsInvalid, QueueDoesNotExist, QueueError

Result = TypeVar("Result")

_TARGET: Final = b"AmazonSQS."
_JSON_TYPE: Final = "application/x-amz-json-1.0"
#: A message of 1 MiB where every character takes six, as JSON can write it, or nearly so.
REQUEST_BYTES_MAX: Final = 4 * 1024 * 1024
_SHAPES: Final = "com.amazonaws.sqs#"
_QUEUE_PATH: Final = re.compile(rb"/\d{12}/[A-Za-z0-9_.-]{1,80}/?")
#: The service in the scope of a signature, wherever that stands.
_SCOPE: Final = re.compile(rb"/sqs/aws4_request|%2Fsqs%2Faws4_request", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a request is, before it is known to be anybody's. In the query protocol, *target* is
    None, and the operation is in the body."""

    target: str | None
    headers: Mapping[str, str]


def is_sqs(scope: Scope) -> bool:
    """Whether a request is for SQS, in whichever protocol."""
    return scope["type"] == "http" and (_target(scope) is not None or _is_form(scope))


class SqsApi:
    """Serves SQS. Lifetime: process.

    *large_max* is how many requests beyond 64 KiB are read at once.
    """

    def __init__(
        self, handlers: QueueHandlers, authenticator: Authenticator, large_max: int
    ) -> None:
        self._callers = Callers(authenticator, ("sqs",))
        self._operations = ServiceModel.load(SQS_MODEL_FILE).operations
        self._handlers = handlers.rows()
        self._turns = bodies.Turns(large_max)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        asked = _Asked(_target(scope), headers_of(scope))
        await answer(
            send,
            lambda request_id: self._respond(scope, receive, asked, request_id),
            lambda error, request_id: _of_error(error, asked, request_id),
        )

    async def _respond(
        self, scope: Scope, receive: Receive, asked: _Asked, request_id: str
    ) -> Response:
        async with self._turns.turn(declared_length(asked.headers)):
            principal, body = await self._callers.admit(
                scope, receive, REQUEST_BYTES_MAX, _too_large
            )
            operation, parameters = (
                await asyncio.to_thread(self._bound, scope, asked, body)
                if len(body) > bodies.SMALL_BYTES_MAX
                else self._bound(scope, asked, body)
            )
        roles.check(principal, f"sqs:{operation.name}")
        required.check(operation.input, parameters)
        call = QueueCall(
            operation=operation,
            parameters=parameters,
            request_id=request_id,
            authority=authority_of(scope, asked.headers),
            trace_id=asked.headers.get("x-amzn-trace-id"),
            sender_id=principal.user_id,
        )
        work = self._handlers[operation.name](call)
        # Who has gone takes no message along.
        reply = await (_while_connected(receive, work) if _waits(operation) else work)
        if asked.target is None:
            result = forms.result_of(operation, reply.members)
            return query.answer(forms.NAMESPACE, operation.name, result, request_id)
        response = of_result(operation, reply.members)
        return Response(response.status, {"content-type": _JSON_TYPE}, response.body)

    def _bound(
        self, scope: Scope, asked: _Asked, body: bytearray
    ) -> tuple[Operation, dict[str, Any]]:
        if asked.target is not None:
            operation = self._operation(scope, asked.target)
        else:
            fields = query.parameters(scope, body, forms.FIELDS_MAX)
            operation = self._operation(scope, fields.get("Action", ""))
            if _QUEUE_PATH.fullmatch(raw_path_of(scope)):
                fields.setdefault("QueueUrl", scope["path"])
            members = forms.members_of(operation, fields)
            body = bytearray(json.dumps(members).encode())
        try:
            bound = bind(Route(operation, {}, ()), asked.headers, body, REQUEST_BYTES_MAX)
        except ForeignText as error:
            raise MessageContentsInvalid(error.message) from None
        return operation, bound

    def _operation(self, scope: Scope, name: str) -> Operation:
        operation = self._operations.get(name)
        if operation is not None and name in self._handlers:
            return operation
        text = (
            f"{scope['method'][:10]} {name[:100]!a}: this operation of SQS is not supported by "
            f"this server. It has {', '.join(sorted(self._handlers))}."
        )
        raise query.InvalidAction(text) if _target(scope) is None else UnknownOperation(text)


def _target(scope: Scope) -> str | None:
    for name, value in scope["headers"]:
        if name == b"x-amz-target" and value.startswith(_TARGET):
            return str(value.removeprefix(_TARGET).decode("latin-1"))
    return None


def _is_form(scope: Scope) -> bool:
    """Whether a request is in the query protocol: to the path of a queue, or signed for SQS."""
    if any(name == b"x-amz-target" for name, _ in scope["headers"]):
        return False
    path = raw_path_of(scope)
    if _QUEUE_PATH.fullmatch(path):
        return True
    signed = (value for name, value in scope["headers"] if name == b"authorization")
    return path == b"/" and any(map(_SCOPE.search, (scope["query_string"], *signed)))


def _waits(operation: Operation) -> bool:
    return operation.name == "ReceiveMessage"


async def _while_connected(receive: Receive, work: Awaitable[Result]) -> Result:
    """The result of *work*, unless the client goes first."""
    working = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_disconnected(receive))
    try:
        await asyncio.wait((working, gone), return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise bodies.ClientDisconnected
        return working.result()
    finally:
        working.cancel()
        gone.cancel()
        await asyncio.gather(working, gone, return_exceptions=True)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _too_large() -> WasmfaasError:
    return RequestEntityTooLarge(f"The request has more than {REQUEST_BYTES_MAX} bytes, the limit.")


def _of_error(error: WasmfaasError, asked: _Asked, request_id: str) -> Response:
    code, status = query.code_of(error)
    if isinstance(error, QueueError):
        code, status = error.query_code, error.status
    if asked.target is None:
        message = error.message
        if isinstance(error, QueueDoesNotExist):
            message = "The specified queue does not exist for this wsdl version."
        return query.error_answer(forms.NAMESPACE, error, code, status, message, request_id)
    # In this protocol, whatever else the client did wrong is a 400.
    if not isinstance(error, QueueError):
        code, status = error.code, error.status if error.status >= 500 else 400
    shape = _SHAPES + error.code if isinstance(error, QueueError) else error.code
    headers = {
        "content-type": _JSON_TYPE,
        "x-amzn-query-error": f"{code};{'Sender' if status < 500 else 'Receiver'}",
        **{name.lower(): value for name, value in error.headers().items()},
    }
    return Response(status, headers, encoded({"__type": shape, "message": error.message}))
