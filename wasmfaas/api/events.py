"""Our own routes for asynchronous invocations, below `/_wasmfaas/v1/`.

GET events                         ?function=NAME; counts by function and state, and of deliveries
GET events/ID                      one event, its attempts, and where its result goes
GET dead-letters                   ?function=NAME&after=ID
GET dead-letters/ID                with its payload
POST dead-letters/redrive          {"function": …, "id": …}, or neither for all
POST dead-letters/purge            likewise
"""

import json
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import Response

from wasmfaas.api.own_routes import PREFIX, RouteRow, body_of, json_response, text
from wasmfaas.errors import InvalidParameterValue, SerializationFailed
from wasmfaas.store.dead_letters import PAGE_MAX, Events

_MEMBERS = {"function", "id"}


class EventRoutes:
    """What the routes do. Lifetime: process."""

    def __init__(self, events: Events) -> None:
        self._events = events

    def rows(self) -> Iterable[RouteRow]:
        letters = f"{PREFIX}/dead-letters"
        return (
            ("GET", f"{PREFIX}/events", self._counts, "GetEvents"),
            ("GET", f"{PREFIX}/events/{{id}}", self._show, "GetEvents"),
            ("GET", letters, self._dead_letters, "GetDeadLetters"),
            ("GET", f"{letters}/{{id}}", self._dead_letter, "GetDeadLetters"),
            ("POST", f"{letters}/redrive", self._redrive, "RedriveDeadLetters"),
            ("POST", f"{letters}/purge", self._purge, "PurgeDeadLetters"),
        )

    async def _counts(self, request: Request) -> Response:
        function = text(request, "function")
        counts = await self._events.counts(function)
        sent = await self._events.deliveries(function)
        return json_response(
            {
                "functions": [{"name": name, **by} for name, by in counts.items()],
                "deliveries": [{"destination": name, **by} for name, by in sent.items()],
            }
        )

    async def _show(self, request: Request) -> Response:
        """One event with its attempts, without its payload."""
        return json_response(await self._events.show(request.path_params["id"]))

    async def _dead_letters(self, request: Request) -> Response:
        """A page of dead letters; `next` is what the one behind it comes after."""
        after = text(request, "after") or ""
        found = await self._events.dead_letters(text(request, "function"), after)
        more = found[-1]["id"] if len(found) == PAGE_MAX else None
        return json_response({"dead_letters": found, "next": more})

    async def _dead_letter(self, request: Request) -> Response:
        """One of them with its payload, as text."""
        found = await self._events.dead_letter(request.path_params["id"])
        return json_response(found | {"payload": found["payload"].decode("utf-8", "replace")})

    async def _redrive(self, request: Request) -> Response:
        """Enqueue anew what the body names: `function`, `id`, or neither for all."""
        return json_response({"redriven": await self._events.redrive(*_chosen(body_of(request)))})

    async def _purge(self, request: Request) -> Response:
        """Delete what the body names, likewise."""
        return json_response({"purged": await self._events.purge(*_chosen(body_of(request)))})


def _chosen(body: bytes) -> tuple[str | None, str | None]:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        raise SerializationFailed("The body is not JSON.") from None
    if not isinstance(document, dict):
        raise SerializationFailed("The body is not a JSON object.")
    unknown = sorted(document.keys() - _MEMBERS)
    if unknown:
        raise InvalidParameterValue(
            f"Dead letters are chosen by function or by id, not by {unknown[0][:40]!a}."
        )
    for name in _MEMBERS & document.keys():
        if not isinstance(document[name], str) or not document[name].isascii():
            raise InvalidParameterValue(f"{name} must be ASCII text.")
    return document.get("function"), document.get("id")
