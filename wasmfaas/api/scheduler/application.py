"""EventBridge Scheduler as an ASGI application: `/schedules`, `/schedule-groups` and `/tags`."""

from typing import Final

from starlette.types import Receive, Scope, Send

from wasmfaas.api.answering import answer
from wasmfaas.api.callers import Callers
from wasmfaas.api.calls import Call, HandlerRows
from wasmfaas.api.messages import authority_of, headers_of, raw_path_of
from wasmfaas.api.request import bind
from wasmfaas.api.response import Response, of_error, of_result
from wasmfaas.api.routing import Router
from wasmfaas.api.service_model import SCHEDULER_MODEL_FILE, ServiceModel
from wasmfaas.api.validation import check
from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.errors import (
    RequestEntityTooLarge,
    ValidationFailed,
    WasmfaasError,
)
from wasmfaas.schedule_errors import InvalidSchedule

REQUEST_BYTES_MAX: Final = 1024 * 1024
_PATHS: Final = ("schedules", "schedule-groups", "tags")


def is_scheduler(scope: Scope) -> bool:
    """Whether a request is for EventBridge Scheduler."""
    return scope["type"] == "http" and scope["path"].lstrip("/").partition("/")[0] in _PATHS


class SchedulerApi:
    """Serves EventBridge Scheduler. Lifetime: process."""

    def __init__(self, operations: HandlerRows, authenticator: Authenticator) -> None:
        model = ServiceModel.load(SCHEDULER_MODEL_FILE)
        self._callers = Callers(authenticator, ("scheduler",))
        self._router = Router(model.operations.values(), "EventBridge Scheduler")
        self._handlers = operations.rows()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(
            send,
            lambda request_id: self._respond(scope, receive, request_id),
            lambda error, _: of_error(error),
        )

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        route = self._router.match(scope["method"], raw_path_of(scope), scope["query_string"])
        operation, headers = route.operation, headers_of(scope)
        principal, body = await self._callers.admit(
            scope, receive, REQUEST_BYTES_MAX, lambda: _too_large(operation.name)
        )
        roles.check(principal, f"scheduler:{operation.name}")
        parameters = bind(route, headers, body)
        try:
            check(operation.input, parameters)
        except ValidationFailed as error:
            raise InvalidSchedule(error.message) from None
        call = Call(
            operation=operation,
            parameters=parameters,
            request_id=request_id,
            authority=authority_of(scope, headers),
        )
        reply = await self._handlers[operation.name](call)
        return of_result(operation, reply.members)


def _too_large(name: str) -> WasmfaasError:
    return RequestEntityTooLarge(
        f"Request must be smaller than {REQUEST_BYTES_MAX} bytes for the {name} operation"
    )
