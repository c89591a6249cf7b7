"""Our own routes for access keys, below `/_wasmfaas/v1/`.

GET keys                           access keys, without their secrets
POST keys                          {"name": …, "role": …, "functions": […]}; answers the secret
DELETE keys/ID                     by id or name
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from wasmfaas.api.own_routes import PREFIX, RouteRow, body_of, json_response
from wasmfaas.auth.keys import KeyStore
from wasmfaas.auth.principals import AccessKey
from wasmfaas.errors import InvalidParameterValue, SerializationFailed

_MEMBERS = {"name", "role", "functions"}


class KeyRoutes:
    """What the routes do. Lifetime: process."""

    def __init__(self, keys: KeyStore) -> None:
        self._keys = keys

    def rows(self) -> Iterable[RouteRow]:
        return (
            ("GET", f"{PREFIX}/keys", self._list, "ListKeys"),
            ("POST", f"{PREFIX}/keys", self._create, "CreateKey"),
            ("DELETE", f"{PREFIX}/keys/{{id}}", self._revoke, "RevokeKey"),
        )

    async def _create(self, request: Request) -> Response:
        """A new key as the body describes it, with its secret."""
        members = _members(body_of(request))
        functions = members.get("functions", [])
        if not isinstance(functions, list) or not all(isinstance(each, str) for each in functions):
            raise InvalidParameterValue("functions must be a list of names.")
        key = await self._keys.create(
            _text(members, "name"), _text(members, "role"), tuple(functions)
        )
        return json_response({**described(key), "secret_access_key": key.secret}, 201)

    async def _list(self, request: Request) -> Response:
        """All keys, oldest first, without their secrets."""
        return json_response({"keys": [described(key) for key in self._keys.by_id.values()]})

    async def _revoke(self, request: Request) -> Response:
        return json_response(described(await self._keys.revoke(request.path_params["id"])))


def described(key: AccessKey) -> dict[str, Any]:
    """What anyone who may list keys may see of one."""
    return {
        "access_key_id": key.id,
        "name": key.name,
        "role": key.role,
        "functions": list(key.functions),
        "created_at_ms": key.created_at_ms,
    }


def _members(body: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        raise SerializationFailed("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise SerializationFailed("The body is not a JSON object.")
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise InvalidParameterValue(f"A key has no {unknown[0][:40]!a}.")
    return document


def _text(members: Mapping[str, Any], name: str) -> str:
    value = members.get(name)
    if not isinstance(value, str):
        raise InvalidParameterValue(f"{name} must be given, as text.")
    return value
