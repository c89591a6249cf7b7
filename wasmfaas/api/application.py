"""The Lambda API as an ASGI application.

request line ─▶ Router ─▶ claim ─▶ body, bounded ─▶ proof ─▶ access ─▶ bind ─▶ check ─▶ handler
                                                          response ◀─ of_result ◀─────┘
                                any WasmfaasError ─▶ of_error ─▶ response
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from wasmfaas.api import bodies
from wasmfaas.api.access import Access
from wasmfaas.api.answering import answer
from wasmfaas.api.calls import Call, Handler
from wasmfaas.api.code_sources import CodeSources
from wasmfaas.api.configuration import Configurations
from wasmfaas.api.downloads import CodeLinks
from wasmfaas.api.layer_names import LayerNames
from wasmfaas.api.messages import (
    authority_of,
    declared_length,
    headers_of,
    raw_path_of,
)
from wasmfaas.api.names import Names
from wasmfaas.api.object_store import ObjectStore
from wasmfaas.api.operations import attached
from wasmfaas.api.operations.aliases import AliasOperations
from wasmfaas.api.operations.functions import Deployer, FunctionOperations
from wasmfaas.api.operations.invoke import InvokeOperations, Invoker, Queue
from wasmfaas.api.operations.layers import Intake, LayerOperations
from wasmfaas.api.operations.provisioned import Provisioning
from wasmfaas.api.operations.tags import TagOperations
from wasmfaas.api.operations.unsupported import UnsupportedOperation
from wasmfaas.api.operations.urls import UrlOperations
from wasmfaas.api.operations.versions import VersionOperations
from wasmfaas.api.request import bind, body_members
from wasmfaas.api.response import Response, of_error, of_result
from wasmfaas.api.routing import Route, Router
from wasmfaas.api.service_model import Operation, ServiceModel
from wasmfaas.api.used_layers import UsedLayers
from wasmfaas.api.validation import check
from wasmfaas.api.views import Views
from wasmfaas.auth.authenticator import Authenticator, Unproven
from wasmfaas.auth.scopes import address_of, request_of
from wasmfaas.errors import (
    NotAuthenticated,
    RequestEntityTooLarge,
    RequestTooLarge,
    WasmfaasError,
)
from wasmfaas.settings import Settings
from wasmfaas.store.layers import Layers
from wasmfaas.store.registry import Registry

#: Operations that call a function.
INVOCATIONS = ("Invoke", "InvokeAsync", "InvokeWithResponseStream")
#: The header by which a client has an asynchronous invocation stored once, however often it asks.
IDEMPOTENCY_KEY = "x-wasmfaas-idempotency-key"


class LambdaApi:
    """Serves the Lambda API. Lifetime: process.

    *guest_python* is the version of the Python that runs Python functions, such as `3.14.0`;
    *clock* gives Unix time in seconds.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        registry: Registry,
        layers: Layers,
        intake: Intake,
        deployments: Deployer,
        invoker: Invoker,
        queue: Queue,
        provisioning: Provisioning,
        links: CodeLinks,
        guest_python: str,
        authenticator: Authenticator,
        clock: Callable[[], float] = time.time,
    ) -> None:
        names = Names(settings.region, settings.account_id)
        views = Views(names, guest_python, settings.scheme)
        layer_names = LayerNames(names)
        sources = CodeSources(ObjectStore(settings, clock))
        operations = ServiceModel.load().operations
        self._settings = settings
        self._access = Access(names, registry.attachments)
        self._authenticator = authenticator
        self._router = Router(operations.values())
        self._turns = bodies.Turns(settings.api_requests_inflight_max)
        self._unsupported = UnsupportedOperation(registry=registry, names=names)
        self._handlers: Mapping[str, Handler] = {
            **FunctionOperations(
                registry=registry,
                deployments=deployments,
                configurations=Configurations(settings),
                names=names,
                views=views,
                links=links,
                layers=UsedLayers(layers, layer_names),
                sources=sources,
            ).rows(),
            **LayerOperations(
                layers=layers, intake=intake, sources=sources, names=layer_names, links=links
            ).rows(),
            **VersionOperations(registry=registry, names=names, views=views).rows(),
            **AliasOperations(registry=registry, names=names).rows(),
            **InvokeOperations(
                settings=settings, registry=registry, invoker=invoker, queue=queue, names=names
            ).rows(),
            **TagOperations(registry=registry, names=names).rows(),
            **UrlOperations(registry=registry, names=names, views=views, clock=clock).rows(),
            **attached.rows(settings, registry, names, views, provisioning),
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await answer(
            send,
            lambda request_id: self._admitted(scope, receive, request_id),
            lambda error, _: of_error(error),
        )

    async def _admitted(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        try:
            return await self._respond(scope, receive, request_id)
        except NotAuthenticated as error:
            await self._authenticator.failed(request_of(scope), address_of(scope), error)
            raise

    async def _respond(self, scope: Scope, receive: Receive, request_id: str) -> Response:
        route = self._router.match(scope["method"], raw_path_of(scope), scope["query_string"])
        claim = self._authenticator.claimed(request_of(scope))
        headers = headers_of(scope)
        declared = declared_length(headers)
        if route.operation.name in INVOCATIONS:
            # Small enough to be read by as many as come; the invoker bounds how many wait.
            return await self._answer(scope, receive, route, claim, headers, declared, request_id)
        async with self._turns.turn(declared):
            return await self._answer(scope, receive, route, claim, headers, declared, request_id)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        route: Route,
        claim: Unproven,
        headers: Mapping[str, str],
        declared: int | None,
        request_id: str,
    ) -> Response:
        operation = route.operation
        bytes_max, too_large = self._limit(operation)
        body = await bodies.read(receive, declared, bytes_max, too_large)
        await self._access.check(await claim.proven(body), route)
        if len(body) > bodies.SMALL_BYTES_MAX and operation.name not in INVOCATIONS:
            parameters = await asyncio.to_thread(_bound, route, headers, body)
        else:
            parameters = _bound(route, headers, body)
        del body
        call = Call(
            operation=operation,
            parameters=parameters,
            request_id=request_id,
            authority=authority_of(scope, headers),
            trace_id=headers.get("x-amzn-trace-id"),
            idempotency_key=headers.get(IDEMPOTENCY_KEY),
        )
        reply = await self._handlers.get(operation.name, self._unsupported)(call)
        response = of_result(operation, reply.members)
        headers = {**response.headers, **reply.headers}
        return Response(response.status, headers, response.body, reply.parts)

    def _limit(self, operation: Operation) -> tuple[int, Callable[[], WasmfaasError]]:
        """How large a body may be, and the error for a larger one."""
        if operation.name in INVOCATIONS:
            bytes_max, label = self._settings.event_bytes_max, "InvokeFunction"
            kind: type[WasmfaasError] = RequestTooLarge
        else:
            bytes_max, label = self._settings.api_request_bytes_max, operation.name
            if not body_members(operation):
                bytes_max = min(bytes_max, bodies.SMALL_BYTES_MAX)
            kind = RequestEntityTooLarge
        text = f"Request must be smaller than {bytes_max} bytes for the {label} operation"
        return bytes_max, lambda: kind(text)


def _bound(route: Route, headers: Mapping[str, str], body: bytearray) -> dict[str, Any]:
    parameters = bind(route, headers, body)
    check(route.operation.input, parameters)
    return parameters
