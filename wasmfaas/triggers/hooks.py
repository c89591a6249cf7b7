"""Webhook triggers: what others post becomes an asynchronous event of a function.

scope ─▶ claim ─▶ body ─▶ proof ─▶ event ─▶ queue, synced ─▶ 202
"""

import hashlib
import json
import os
import uuid
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from wasmfaas.auth.scopes import address_of
from wasmfaas.auth.throttle import Throttle
from wasmfaas.errors import RequestHeadTooLarge, RequestTooLarge, WebhookRefused
from wasmfaas.hooks import notifications
from wasmfaas.hooks.definitions import S3
from wasmfaas.hooks.schemes import TOKEN
from wasmfaas.hooks.signatures import Claim, claimed
from wasmfaas.store.events import NewEvent
from wasmfaas.store.hooks import Hook
from wasmfaas.triggers import http_event

_HANDSHAKE_BYTES_MAX = 4096

Scope = MutableMapping[str, Any]
#: Gives the body, of so many bytes at most.
Read = Callable[[int], Awaitable[bytes | bytearray]]


class Book(Protocol):
    """Where webhooks are looked up."""

    @property
    def get(self) -> Callable[[str], Awaitable[Hook]]: ...

    def secrets(self, hook: Hook) -> Sequence[str]: ...


class Queue(Protocol):
    """Where asynchronous invocations wait."""

    async def enqueue(self, event: NewEvent, key: str | None = None) -> str: ...


class Functions(Protocol):
    """Says whether a function is there."""

    async def require(self, name: str, qualifier: str | None = None) -> object: ...


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a request that was let in."""

    #: The event that it is; None where it is none.
    event_id: str | None
    #: What its sender wants to read, as text.
    reply: str | None = None


class HookTrigger:
    """Takes what arrives. Lifetime: process. *clock* gives Unix time in seconds."""

    def __init__(
        self,
        book: Book,
        queue: Queue,
        functions: Functions,
        throttle: Throttle,
        *,
        region: str,
        event_bytes_max: int,
        clock: Callable[[], float],
    ) -> None:
        self._book = book
        self._queue = queue
        self._functions = functions
        self._throttle = throttle
        self._region = region
        self._event_bytes_max = event_bytes_max
        self._clock = clock

    async def take(self, name: str, scope: Scope, read: Read) -> Taken:
        """Store the event that the request is; it is synced to disk when this returns. One that is
        sent again is the event that it was before.

        Raises ResourceNotFound, WebhookRefused, RequestTooLarge, RequestHeadTooLarge,
        InvalidRequestContent, TooManyRequests, StorageFull, and what *read* raises.
        """
        hook = await self._book.get(name)
        claim, body = await self._admitted(hook, scope, read)
        if challenge := _challenge(claim, body):
            return Taken(None, challenge)
        payload = self._payload(hook, claim, scope, body)
        if payload is None:
            return Taken(None)
        if len(payload) > self._event_bytes_max:
            raise self.too_large()
        definition = hook.definition
        await self._functions.require(definition.function, definition.qualifier or None)
        event = NewEvent(
            id=str(uuid.uuid4()),
            function_name=definition.function,
            qualifier=definition.qualifier,
            payload=payload,
            trace_id=http_event.new_trace_id(int(self._clock() * 1000), os.urandom(12)),
        )
        return Taken(await self._queue.enqueue(event, _key(hook, claim, body)))

    def too_large(self) -> RequestTooLarge:
        """The error for what no event can hold."""
        return RequestTooLarge(
            f"The event would have more than {self._event_bytes_max} bytes, the limit of "
            "asynchronous events (--event-async-bytes-max)."
        )

    async def _admitted(
        self, hook: Hook, scope: Scope, read: Read
    ) -> tuple[Claim, bytes | bytearray]:
        scheme, secrets = hook.definition.scheme, self._book.secrets(hook)
        try:
            claim = claimed(scheme, scope["headers"])
            if scheme.form == TOKEN:
                claim.prove(secrets, b"", self._clock())
            body = await read(self._event_bytes_max)
            claim.prove(secrets, body, self._clock())
        except WebhookRefused as error:
            # Its frames hold the body.
            error.__traceback__ = None
            await self._throttle.failed(address_of(scope), hook.name, error)
            raise
        return claim, body

    def _payload(
        self, hook: Hook, claim: Claim, scope: Scope, body: bytes | bytearray
    ) -> bytes | None:
        """The event's JSON text; None for what is no event."""
        if hook.definition.kind == S3:
            document = notifications.event_of(body, self._region)
            return None if document is None else json.dumps(document).encode()
        if claim.scheme.form == TOKEN:
            # The secret is nothing that the function has to know.
            name = claim.scheme.header.encode()
            headers = [each for each in scope["headers"] if each[0].lower() != name]
            scope = {**scope, "headers": headers}
        if not http_event.fits(scope):
            raise RequestHeadTooLarge(
                f"The path, the query and the headers have more than {http_event.HEAD_BYTES_MAX} "
                "bytes, which is what an event can hold of them."
            )
        request = http_event.Request(
            request_id=str(uuid.uuid4()),
            trace_id=http_event.new_trace_id(int(self._clock() * 1000), os.urandom(12)),
            url_id=hook.name,
            domain=http_event.only_header(scope, b"host"),
            raw_path=http_event.raw_path(scope),
            now_ms=int(self._clock() * 1000),
        )
        return http_event.build(scope, bytes(body), request)


def _key(hook: Hook, claim: Claim, body: bytes | bytearray) -> str:
    """The same for a delivery that is sent again, and no other's."""
    digest = hashlib.sha256(claim.delivery_id.encode() if claim.delivery_id else body)
    kind = "id" if claim.delivery_id else "body"
    return f"webhook/{hook.id}/{kind}/{digest.hexdigest()}"


def _challenge(claim: Claim, body: bytes | bytearray) -> str | None:
    """What Slack wants to have repeated when the address of its events is set up."""
    if claim.scheme.signature != "slack" or len(body) > _HANDSHAKE_BYTES_MAX:
        return None
    try:
        document = json.loads(body)
    except ValueError:
        return None
    if not isinstance(document, dict) or document.get("type") != "url_verification":
        return None
    challenge = document.get("challenge")
    return challenge if isinstance(challenge, str) else None
