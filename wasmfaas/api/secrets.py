"""Our own routes for secrets of functions, below `/_wasmfaas/v1/`. No answer has a secret in it.

GET secrets                        names, and when they were set
PUT secrets/NAME                   the body is the secret
DELETE secrets/NAME
"""

from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from wasmfaas.api.own_routes import PREFIX, RouteRow, body_of, json_response
from wasmfaas.capabilities.secrets import SecretStore


class SecretRoutes:
    """What the routes do. Lifetime: process."""

    def __init__(self, secrets: SecretStore) -> None:
        self._secrets = secrets

    def rows(self) -> Iterable[RouteRow]:
        path = f"{PREFIX}/secrets/{{name:path}}"
        return (
            ("GET", f"{PREFIX}/secrets", self._list, "ListSecrets"),
            ("PUT", path, self._set, "PutSecret"),
            ("DELETE", path, self._delete, "DeleteSecret"),
        )

    async def _list(self, request: Request) -> Response:
        listed = self._secrets.listed()
        return json_response(
            {"secrets": [{"name": name, "modified_at_ms": at_ms} for name, at_ms in listed]}
        )

    async def _set(self, request: Request) -> Response:
        name = request.path_params["name"]
        at_ms = await self._secrets.set(name, body_of(request))
        return json_response({"name": name, "modified_at_ms": at_ms})

    async def _delete(self, request: Request) -> Response:
        name = request.path_params["name"]
        await self._secrets.delete(name)
        return json_response({"name": name})
