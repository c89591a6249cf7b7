"""Our own routes for what functions may ask the host for, below `/_wasmfaas/v1/`.

GET functions/NAME/permissions     {"invoke": […], "fetch": […], "kv": […], "secrets": […]}
PUT functions/NAME/permissions     the same; what is left out is not permitted
"""

import json
from collections.abc import Iterable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wasmfaas.api.own_routes import PREFIX, RouteRow, body_of, json_response
from wasmfaas.errors import SerializationFailed
from wasmfaas.permissions import Permissions
from wasmfaas.store.attachments import Kind
from wasmfaas.store.registry import Registry


class PermissionRoutes:
    """What the routes do. Lifetime: process."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def rows(self) -> Iterable[RouteRow]:
        path = f"{PREFIX}/functions/{{name}}/permissions"
        return (
            ("GET", path, self._get, "GetPermissions"),
            ("PUT", path, self._put, "PutPermissions"),
        )

    async def _get(self, request: Request) -> Response:
        function = await self._registry.get(request.path_params["name"])
        found = await self._registry.attachments.get(function.name, Kind.PERMISSIONS)
        permissions = Permissions() if found is None else Permissions.of(found.value)
        return json_response(permissions.document())

    async def _put(self, request: Request) -> Response:
        document = Permissions.of(_document(body_of(request))).document()
        name = request.path_params["name"]
        value = document if any(document.values()) else None
        await self._registry.attachments.change(name, Kind.PERMISSIONS, "", lambda _: value)
        return json_response(document)


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise SerializationFailed("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise SerializationFailed("The body is not a JSON object.")
    return document
