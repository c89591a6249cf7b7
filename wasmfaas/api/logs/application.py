"""CloudWatch Logs as an ASGI application: AWS's JSON 1.1 protocol, at the root of the server.

    POST /
    X-Amz-Target: Logs_20140328.FilterLogEvents

Errors are `{"__type": …, "message": …}`.
"""

import asyncio
import logging
import uuid
from collections.abc import Mapping
from typing import Final

from starlette.types import Receive, Scope, Send

from wasmfaas.api import bodies
from wasmfaas.api.callers import Callers
from wasmfaas.api.calls import Call, Handler
from wasmfaas.api.messages import authority_of, headers_of, send_response
from wasmfaas.api.request import bind
from wasmfaas.api.response import Response, encoded, of_result
from wasmfaas.api.routing import Route
from wasmfaas.api.service_model import LOGS_MODEL_FILE, ServiceModel
from wasmfaas.api.validation import check
from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.errors import (
    RequestEntityTooLarge,
    ServiceFailure,
    UnknownOperation,
    ValidationFailed,
    WasmfaasError,
)
from wasmfaas.log_errors import InvalidParameter

_log = logging.getLogger(__name__)

TARGET_PREFIX: Final = "Logs_"
JSON_TYPE: Final = "application/x-amz-json-1.1"
REQUEST_BYTES_MAX: Final = 64 * 1024


def target_of(scope: Scope) -> str | None:
    """The operation of CloudWatch Logs that a request names, or None where it is for another
    service."""
    if scope["type"] != "http":
        return None
    for name, value in scope["headers"]:
        if name == b"x-amz-target" and value.startswith(TARGET_PREFIX.encode()):
            return str(value.decode("latin-1").partition(".")[2])
    return None


class LogsApi:
    """Serves CloudWatch Logs. Lifetime: process."""

    def __init__(self, handlers: Mapping[str, Handler], authenticator: Authenticator) -> None:
        self._callers = Callers(authenticator, ("logs",))
        self._operations = ServiceModel.load(LOGS_MODEL_FILE).operations
        self._handlers = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = str(uuid.uuid4())
        try:
            response = await self._respond(scope, receive, request_id)
        except bodies.ClientDisconnected:
            return
        except WasmfaasError as error:
            response = _of_error(error)
        except Exception:
            _log.exception("request %s failed", request_id)
            response = _of_error(
                ServiceFailure(f"The request failed inside the server; its log has {request_id}.")
            )
        await send_response(
            send, response, {"x-amzn-requestid": request_id, "content-type": JSON_TYPE}
        )

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        name = target_of(scope) or ""
        operation = self._operations.get(name)
        if operation is None or scope["method"] != "POST":
            raise UnknownOperation(
                f"{scope['method'][:10]} {name[:100]}: this operation of CloudWatch Logs is not "
                f"supported by this server. It has {', '.join(sorted(self._operations))}."
            )
        headers = headers_of(scope)
        principal, body = await self._callers.admit(
            scope, receive, REQUEST_BYTES_MAX, lambda: _too_large(name)
        )
        roles.check(principal, f"logs:{name}")
        parameters = bind(Route(operation, {}, ()), headers, body)
        try:
            check(operation.input, parameters)
        except ValidationFailed as error:
            raise InvalidParameter(error.message) from None
        call = Call(
            operation=operation,
            parameters=parameters,
            request_id=request_id,
            authority=authority_of(scope, headers),
        )
        reply = await self._handlers[name](call)
        response = await asyncio.to_thread(of_result, operation, reply.members)
        return Response(response.status, {}, response.body)


def _too_large(name: str) -> WasmfaasError:
    return RequestEntityTooLarge(
        f"Request must be smaller than {REQUEST_BYTES_MAX} bytes for the {name} operation"
    )


def _of_error(error: WasmfaasError) -> Response:
    """In this protocol, whatever the client did wrong is a 400."""
    status = error.status if error.status >= 500 else 400
    body = encoded({"__type": error.code, "message": error.message})
    return Response(status, {"x-amzn-errortype": error.code, **error.headers()}, body)
