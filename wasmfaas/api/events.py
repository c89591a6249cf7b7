"""Our own routes for asynchronous invocations: `/_wasmfaas/v1/events` and `…/dead-letters`."""

import json
from typing import Any

from wasmfaas.errors import InvalidParameterValue, SerializationFailed
from wasmfaas.store.dead_letters import PAGE_MAX, Events

_MEMBERS = {"function", "id"}


class EventRoutes:
    """What the routes do. Lifetime: process."""

    def __init__(self, events: Events) -> None:
        self._events = events

    async def counts(self, function: str | None) -> dict[str, Any]:
        """How many events each function has in each state."""
        counts = await self._events.counts(function)
        return {"functions": [{"name": name, **states} for name, states in counts.items()]}

    async def show(self, event_id: str) -> dict[str, Any]:
        """One event with its attempts, without its payload."""
        return await self._events.show(event_id)

    async def dead_letters(self, function: str | None, after: str | None) -> dict[str, Any]:
        """A page of dead letters; `next` is what the one behind it comes after."""
        found = await self._events.dead_letters(function, after or "")
        more = found[-1]["id"] if len(found) == PAGE_MAX else None
        return {"dead_letters": found, "next": more}

    async def dead_letter(self, event_id: str) -> dict[str, Any]:
        """One of them with its payload, as text."""
        found = await self._events.dead_letter(event_id)
        return found | {"payload": found["payload"].decode("utf-8", "replace")}

    async def redrive(self, body: bytes) -> dict[str, Any]:
        """Enqueue anew what the JSON *body* names: `function`, `id`, or neither for all."""
        return {"redriven": await self._events.redrive(*_chosen(body))}

    async def purge(self, body: bytes) -> dict[str, Any]:
        """Delete what the JSON *body* names, likewise."""
        return {"purged": await self._events.purge(*_chosen(body))}


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
