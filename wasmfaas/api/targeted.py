"""AWS services whose operations are named by a header, as ASGI applications: the JSON protocol, at
the root of the server.

    POST /
    X-Amz-Target: Logs_20140328.FilterLogEvents

Errors are `{"__type": …, "message": …}`.
"""

import asyncio
from dataclasses import dataclass
from typing import Final

from starlette.types import Receive, Scope, Send

from wasmfaas.api.answering import answer
from wasmfaas.api.callers import Callers
from wasmfaas.api.calls import Call, HandlerRows
from wasmfaas.api.messages import authority_of, headers_of
from wasmfaas.api.request import bind
from wasmfaas.api.response import Response, encoded, of_result
from wasmfaas.api.routing import Route
from wasmfaas.api.service_model import ServiceModel
from wasmfaas.api.validation import check
from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.errors import (
    RequestEntityTooLarge,
    UnknownOperation,
    ValidationFailed,
    WasmfaasError,
)

REQUEST_BYTES_MAX: Final = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetedService:
    """What tells one such service from another."""

    #: As in the scope of signatures, and in the actions of roles: `logs`.
    name: str
    #: For people.
    title: str
    #: What stands before the operation in the header, without the dot.
    target_prefix: str
    #: Its model, in this package.
    model_file: str
    #: The error for parameters that the model does not allow.
    invalid: type[WasmfaasError] = ValidationFailed
    json_version: str = "1.1"
    request_bytes_max: int = REQUEST_BYTES_MAX

    def matches(self, scope: Scope) -> bool:
        """Whether a request is for this service."""
        return self.operation_of(scope) is not None

    def operation_of(self, scope: Scope) -> str | None:
        """The operation that a request names, or None where it is for another service."""
        if scope["type"] != "http":
            return None
        prefix = self.target_prefix.encode() + b"."
        for name, value in scope["headers"]:
            if name == b"x-amz-target" and value.startswith(prefix):
                return str(value.removeprefix(prefix).decode("latin-1"))
        return None


class TargetedApi:
    """Serves one service. Lifetime: process."""

    def __init__(
        self, service: TargetedService, operations: HandlerRows, authenticator: Authenticator
    ) -> None:
        self._service = service
        self._callers = Callers(authenticator, (service.name,))
        self._operations = ServiceModel.load(service.model_file).operations
        self._handlers = operations.rows()
        self._json_type = f"application/x-amz-json-{service.json_version}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(
            send,
            lambda request_id: self._respond(scope, receive, request_id),
            lambda error, _: of_error(error),
            {"content-type": self._json_type},
        )

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        service = self._service
        name = service.operation_of(scope) or ""
        operation = self._operations.get(name)
        if operation is None or scope["method"] != "POST":
            raise UnknownOperation(
                f"{scope['method'][:10]} {name[:100]}: this operation of {service.title} is not "
                f"supported by this server. It has {', '.join(sorted(self._operations))}."
            )
        headers = headers_of(scope)
        principal, body = await self._callers.admit(
            scope, receive, service.request_bytes_max, lambda: self._too_large(name)
        )
        roles.check(principal, f"{service.name}:{name}")
        parameters = bind(Route(operation, {}, ()), headers, body)
        try:
            check(operation.input, parameters)
        except ValidationFailed as error:
            raise service.invalid(error.message) from None
        call = Call(
            operation=operation,
            parameters=parameters,
            request_id=request_id,
            authority=authority_of(scope, headers),
        )
        reply = await self._handlers[name](call)
        response = await asyncio.to_thread(of_result, operation, reply.members)
        return Response(response.status, {}, response.body)

    def _too_large(self, name: str) -> WasmfaasError:
        return RequestEntityTooLarge(
            f"Request must be smaller than {self._service.request_bytes_max} bytes for the {name} "
            "operation"
        )


def of_error(error: WasmfaasError) -> Response:
    """In this protocol, whatever the client did wrong is a 400."""
    status = error.status if error.status >= 500 else 400
    body = encoded({"__type": error.code, "message": error.message})
    return Response(status, {"x-amzn-errortype": error.code, **error.headers()}, body)
