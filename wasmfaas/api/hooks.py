"""Our own routes for webhook triggers, below `/_wasmfaas/v1/`.

POST hooks/NAME                    what others send; signed as the webhook wants it, not by a key

GET webhooks                       ?function=NAME; all, without their secrets
POST webhooks                      {"name": …, "function": …, …}; answers the secret
GET webhooks/NAME
PUT webhooks/NAME                  made, or changed; keeps its secret
DELETE webhooks/NAME
GET webhooks/NAME/secret
POST webhooks/NAME/rotate          {"secret": …, "overlap_s": …}; answers the secret

POST webhook-destinations/secret   {"url": …}; what is sent there is signed with it
"""

import json
from collections.abc import Iterable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from wasmfaas.api import bodies
from wasmfaas.api.messages import authority_of, declared_length, headers_of
from wasmfaas.api.own_routes import PREFIX, RouteRow, body_of, json_response, text
from wasmfaas.auth.hooks import HookBook
from wasmfaas.errors import (
    InvalidParameterValue,
    ResourceConflict,
    SerializationFailed,
    WasmfaasError,
)
from wasmfaas.hooks.definitions import MEMBERS, Definition
from wasmfaas.services.webhooks import DestinationSecrets
from wasmfaas.store.hooks import Hook
from wasmfaas.store.registry import Registry


class Taken(Protocol):
    """What became of a request that was let in."""

    @property
    def event_id(self) -> str | None: ...

    @property
    def reply(self) -> str | None: ...


class Trigger(Protocol):
    """What takes requests of others."""

    async def take(self, name: str, scope: Any, read: Any) -> Taken: ...

    def too_large(self) -> WasmfaasError: ...


class HookRoutes:
    """What the routes do. Lifetime: process. *scheme* is `http` or `https`."""

    def __init__(
        self,
        book: HookBook,
        trigger: Trigger,
        registry: Registry,
        destinations: DestinationSecrets,
        scheme: str,
    ) -> None:
        self._book = book
        self._destinations = destinations
        self._trigger = trigger
        self._registry = registry
        self._scheme = scheme

    def rows(self) -> Iterable[RouteRow]:
        every = f"{PREFIX}/webhooks"
        one = f"{every}/{{name}}"
        return (
            ("POST", f"{PREFIX}/hooks/{{name}}", self._take, None),
            ("GET", every, self._list, "GetWebhooks"),
            ("POST", every, self._create, "PutWebhook"),
            ("GET", one, self._show, "GetWebhooks"),
            ("PUT", one, self._put, "PutWebhook"),
            ("DELETE", one, self._delete, "DeleteWebhook"),
            ("GET", f"{one}/secret", self._secret, "ReadWebhookSecret"),
            ("POST", f"{one}/rotate", self._rotate, "RotateWebhook"),
            (
                "POST",
                f"{PREFIX}/webhook-destinations/secret",
                self._destination,
                "ReadWebhookSecret",
            ),
        )

    async def _take(self, request: Request) -> Response:
        """202 once the event is stored; 200 where what arrives is no event."""
        declared = declared_length(headers_of(request.scope))

        async def read(bytes_max: int) -> bytearray:
            return await bodies.read(request.receive, declared, bytes_max, self._trigger.too_large)

        taken = await self._trigger.take(request.path_params["name"], request.scope, read)
        if taken.reply is not None:
            return PlainTextResponse(taken.reply)
        return json_response({"event_id": taken.event_id}, 202 if taken.event_id else 200)

    async def _list(self, request: Request) -> Response:
        found = await self._book.all(text(request, "function"))
        return json_response({"webhooks": [self._document(request, each) for each in found]})

    async def _create(self, request: Request) -> Response:
        members = _members(request, ("name", "secret", *MEMBERS))
        name, secret = members.pop("name", None), members.pop("secret", None)
        wanted = await self._wanted(members)
        hook = await self._book.create(name, wanted, secret)
        return json_response(self._with_secret(request, hook), 201)

    async def _show(self, request: Request) -> Response:
        hook = await self._book.get(request.path_params["name"])
        return json_response(self._document(request, hook))

    async def _put(self, request: Request) -> Response:
        """`declared` says that a file does, which may stop to."""
        members = _members(request, ("declared", *MEMBERS))
        is_declared = members.pop("declared", False) is True
        wanted = await self._wanted(members)
        name = request.path_params["name"]
        hook, is_new = await self._book.put(name, wanted, is_declared=is_declared)
        return json_response(self._document(request, hook), 201 if is_new else 200)

    async def _delete(self, request: Request) -> Response:
        hook = await self._book.delete(request.path_params["name"])
        return json_response(self._document(request, hook))

    async def _secret(self, request: Request) -> Response:
        hook = await self._book.get(request.path_params["name"])
        return json_response(self._with_secret(request, hook))

    async def _rotate(self, request: Request) -> Response:
        members = _members(request, ("secret", "overlap_s"))
        overlap_s = members.get("overlap_s", 0)
        if isinstance(overlap_s, bool) or not isinstance(overlap_s, int):
            raise InvalidParameterValue("overlap_s must be a whole number of seconds.")
        name = request.path_params["name"]
        hook = await self._book.rotate(name, members.get("secret"), overlap_s)
        return json_response(self._with_secret(request, hook))

    async def _destination(self, request: Request) -> Response:
        """The secret of a URL that results go to."""
        url = _members(request, ("url",)).get("url")
        if not self._destinations:
            raise ResourceConflict(
                "This server has no key to sign with: start it with "
                "WASMFAAS_WEBHOOK_SIGNING_SECRET in its environment."
            )
        if not isinstance(url, str):
            raise InvalidParameterValue("url must be given, as text.")
        place, secret = self._destinations.of(url)
        return json_response({"url": place, "secret": secret})

    async def _wanted(self, members: dict[str, Any]) -> Definition:
        """What *members* describe, of a function that is there. Raises ResourceNotFound."""
        wanted = Definition.of(members)
        await self._registry.require(wanted.function, wanted.qualifier or None)
        return wanted

    def _with_secret(self, request: Request, hook: Hook) -> dict[str, Any]:
        return self._document(request, hook) | {"secret": self._book.secret(hook).current}

    def _document(self, request: Request, hook: Hook) -> dict[str, Any]:
        """What anyone who may list webhooks may see of one."""
        authority = authority_of(request.scope, headers_of(request.scope))
        return {
            "name": hook.name,
            **hook.definition.document(),
            "url": f"{self._scheme}://{authority}{PREFIX}/hooks/{hook.name}",
            "declared": hook.is_declared,
            "created_at_ms": hook.created_at_ms,
            "modified_at_ms": hook.modified_at_ms,
        }


def _members(request: Request, known: Iterable[str]) -> dict[str, Any]:
    try:
        document = json.loads(body_of(request) or b"{}")
    except (ValueError, RecursionError):
        raise SerializationFailed("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise SerializationFailed("The body is not a JSON object.")
    for name in document:
        if name not in known:
            raise InvalidParameterValue(f"A webhook has no {name[:40]!a}.")
    return document
