"""Our own routes, for what the Lambda API has no word for: `/_wasmfaas/v1/`.

    GET health                         status, version
    GET functions/NAME                 URLs, kind, isolation, guest Python, fuel
    GET functions/NAME/logs            ?after=POSITION&limit=N
    GET functions/NAME/logs/follow     ?after=POSITION; one JSON document per line, without end
    GET usage                          ?by=function|day&since=MS&until=MS; with cost
    GET figures                        what runs, and what ran in the last seconds
    GET code/TOKEN                     a package, by a link from GetFunction

and those of the groups that it is given. Requests are signed as those to Lambda are, but for health
and for packages. Errors are `{"code": …, "message": …}`.
"""

import asyncio
import dataclasses
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from itertools import chain
from typing import Any, BinaryIO

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from wasmfaas import __version__
from wasmfaas.abi import PYTHON_RUNTIMES
from wasmfaas.api import bodies
from wasmfaas.api.callers import Callers
from wasmfaas.api.downloads import PATH as CODE_PATH
from wasmfaas.api.downloads import CodeLinks
from wasmfaas.api.messages import authority_of, headers_of
from wasmfaas.api.names import Names
from wasmfaas.api.own_routes import (
    BODY,
    PREFIX,
    Endpoint,
    RouteGroup,
    RouteRow,
    json_response,
    number,
)
from wasmfaas.api.response import encoded
from wasmfaas.api.views import Views
from wasmfaas.auth import roles
from wasmfaas.auth.authenticator import Authenticator
from wasmfaas.errors import (
    RequestEntityTooLarge,
    ServiceFailure,
    WasmfaasError,
)
from wasmfaas.invoke.logs import LogStore
from wasmfaas.invoke.metering import cost
from wasmfaas.invoke.segments import LogEntry
from wasmfaas.models import Function, FunctionUrl
from wasmfaas.settings import Settings
from wasmfaas.store.code import CodeStore
from wasmfaas.store.ledger import Ledger, UsageRow
from wasmfaas.store.registry import Registry

_log = logging.getLogger(__name__)

LOG_LIMIT_DEFAULT = 100
LOG_LIMIT_MAX = 10_000
CHUNK_BYTES = 256 * 1024
BODY_BYTES_MAX = 64 * 1024


class Management:
    """The ASGI application of our own routes. Lifetime: process."""

    def __init__(
        self,
        *,
        settings: Settings,
        registry: Registry,
        code_store: CodeStore,
        logs: LogStore,
        ledger: Ledger,
        links: CodeLinks,
        guest_python: str,
        figures: Callable[[], Mapping[str, Any]],
        groups: Sequence[RouteGroup],
        authenticator: Authenticator,
    ) -> None:
        self._settings = settings
        self._registry = registry
        self._code_store = code_store
        self._logs = logs
        self._ledger = ledger
        self._links = links
        self._guest_python = guest_python
        self._figures = figures
        self._groups = groups
        self._callers = Callers(authenticator)
        self._views = Views(
            Names(settings.region, settings.account_id), guest_python, settings.scheme
        )
        self._application = Starlette(
            routes=self._routes(),
            exception_handlers={
                WasmfaasError: _refused,
                HTTPException: _not_routed,
                Exception: _failed,
            },
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._application(scope, receive, send)
        except bodies.ClientDisconnected:
            return

    def _routes(self) -> list[Route]:
        """Every route with the action that its caller has to be allowed; None lets anyone in."""
        own: tuple[RouteRow, ...] = (
            ("GET", f"{PREFIX}/health", self._health, None),
            ("GET", f"{PREFIX}/functions/{{name}}", self._describe, "GetDescription"),
            ("GET", f"{PREFIX}/functions/{{name}}/logs", self._read_logs, "GetLogs"),
            ("GET", f"{PREFIX}/functions/{{name}}/logs/follow", self._follow, "GetLogs"),
            ("GET", f"{PREFIX}/usage", self._usage, "GetUsage"),
            ("GET", f"{PREFIX}/figures", self._show_figures, "GetFigures"),
            ("GET", f"{CODE_PATH}{{token}}", self._download, None),
        )
        groups = (group.rows() for group in self._groups)
        return [
            Route(path, endpoint if action is None else self._guarded(endpoint, action),
                  methods=[method])
            for method, path, endpoint, action in chain(own, *groups)
        ]  # fmt: skip

    def _guarded(self, endpoint: Endpoint, action: str) -> Endpoint:
        """*endpoint* for those who may do *action*. It finds the body in `request.scope`."""

        async def guarded(request: Request) -> Response:
            principal, body = await self._callers.admit(
                request.scope, request.receive, BODY_BYTES_MAX, _too_large
            )
            roles.check(principal, f"wasmfaas:{action}")
            request.scope[BODY] = bytes(body)
            return await endpoint(request)

        return guarded

    async def _health(self, request: Request) -> Response:
        return json_response(
            {
                "status": "ok",
                "version": __version__,
                "guest_python": self._guest_python,
                # What clients have to name when they sign.
                "region": self._settings.region,
            }
        )

    async def _describe(self, request: Request) -> Response:
        function = await self._registry.get(request.path_params["name"])
        url = await self._registry.urls.find(function.name)
        return json_response(self._described(function, url, _authority(request)))

    def _described(
        self, function: Function, url: FunctionUrl | None, authority: str
    ) -> dict[str, Any]:
        deployment = function.shown
        is_python = deployment.configuration["Runtime"] in PYTHON_RUNTIMES
        fuel_max = deployment.environment.get("WASMFAAS_FUEL_MAX", self._settings.fuel_max)
        return {
            "name": function.name,
            "url": f"{self._settings.scheme}://{authority}/f/{function.name}/" if url else None,
            "host_url": self._views.host_url(url, authority) if url else None,
            "kind": deployment.kind,
            "isolation": deployment.isolation,
            "guest_python": self._guest_python if is_python else None,
            "code_digest": deployment.code_digest,
            "fuel_max": int(fuel_max),
        }

    async def _read_logs(self, request: Request) -> Response:
        function = await self._registry.get(request.path_params["name"])
        limit = number(request, "limit", least=1)
        entries = await asyncio.to_thread(
            self._logs.read,
            function.name,
            after=number(request, "after", least=0),
            limit=min(limit or LOG_LIMIT_DEFAULT, LOG_LIMIT_MAX),
        )
        return json_response({"entries": [_log_document(entry) for entry in entries]})

    async def _follow(self, request: Request) -> Response:
        function = await self._registry.get(request.path_params["name"])
        entries = self._logs.follow(function.name, after=number(request, "after", least=0))
        return StreamingResponse(_lines(entries), media_type="application/x-ndjson")

    async def _usage(self, request: Request) -> Response:
        rows = await self._ledger.usage(
            request.query_params.get("by"),
            number(request, "since", least=0),
            number(request, "until", least=0),
        )
        total = await self._ledger.usage(
            None, number(request, "since", least=0), number(request, "until", least=0)
        )
        return json_response(
            {
                "rows": [self._priced(row) for row in rows],
                "total": self._priced(total[0]),
                "currency": self._settings.price_currency,
            }
        )

    async def _show_figures(self, request: Request) -> Response:
        return json_response(self._figures())

    def _priced(self, row: UsageRow) -> dict[str, Any]:
        return dataclasses.asdict(row) | {"cost": f"{cost([row], self._settings):f}"}

    async def _download(self, request: Request) -> Response:
        digest = self._links.digest(request.path_params["token"])
        file = await asyncio.to_thread(self._code_store.open, digest)
        return StreamingResponse(
            _chunks(file),
            media_type="application/zip",
            headers={"content-disposition": f'attachment; filename="{digest[:12]}.zip"'},
        )


def _authority(request: Request) -> str:
    return authority_of(request.scope, headers_of(request.scope))


def _too_large() -> WasmfaasError:
    return RequestEntityTooLarge(
        f"The body has more than {BODY_BYTES_MAX} bytes, the limit of this route."
    )


def _log_document(entry: LogEntry) -> dict[str, Any]:
    return {
        "position": entry.position,
        "timestamp_ms": entry.timestamp_ms,
        "request_id": entry.request_id,
        "text": entry.text.decode("utf-8", errors="replace"),
    }


async def _lines(entries: AsyncIterator[LogEntry]) -> AsyncIterator[bytes]:
    async for entry in entries:
        yield encoded(_log_document(entry)) + b"\n"


async def _chunks(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            yield chunk
    finally:
        file.close()


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, WasmfaasError)
    response = json_response({"code": error.code, "message": error.message}, error.status)
    response.headers.update(error.headers())
    return response


async def _not_routed(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path[:200]}: {error.detail}."
    return json_response({"code": "UnknownRoute", "message": message}, error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    failure = ServiceFailure("The request failed inside the server; its log says why.")
    return json_response({"code": failure.code, "message": failure.message}, failure.status)
