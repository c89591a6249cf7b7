"""Messages to webhooks: POST requests, signed as the Standard Webhooks specification says
(standardwebhooks.com), so that receivers know them for ours. Each receiver has a secret of its own,
and can forge nothing that another one believes."""

import asyncio
import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from typing import Final

from wasmfaas.hooks.signatures import key_of
from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.outgoing.errors import AddressRefused, ConnectionFailed, UrlRefused
from wasmfaas.outgoing.reach import Reach
from wasmfaas.outgoing.urls import Target, shown_of, target_of
from wasmfaas.services.errors import RemoteFailed

TIMEOUT_S: Final = 15.0
_CONNECTIONS_MAX: Final = 64
#: Statuses by which a receiver says that it will never take this.
_FINAL: Final = (410, 413)
#: The master key signs nothing else that begins so.
_LABEL: Final = b"wasmfaas webhook destination\0"


def is_webhook(destination: str) -> bool:
    """Whether *destination* is the URL of a webhook, rather than an ARN."""
    return destination.startswith(("https://", "http://"))


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`; *timestamp* is Unix time in seconds."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


class DestinationSecrets:
    """The secrets of receivers, which are made of one that they do not know. Lifetime: process."""

    def __init__(self, master: str) -> None:
        self._key = key_of(master)

    def __bool__(self) -> bool:
        return bool(self._key)

    def of(self, url: str) -> tuple[str, str]:
        """What of *url* a secret is for, its origin and its path, and that secret, as the
        specification writes it. Raises UrlRefused."""
        target = target_of(url)
        return _place(target), "whsec_" + base64.b64encode(self.key(target)).decode()

    def key(self, target: Target) -> bytes:
        """The key of that secret."""
        return hmac.digest(self._key, _LABEL + _place(target).encode(), hashlib.sha256)


def _place(target: Target) -> str:
    return f"{target.origin}{target.path.partition(b'?')[0].decode('ascii')}"


class Webhooks:
    """Sends messages. Lives as long as the server. *clock* gives Unix time in seconds.

    Without a *secret*, nothing is sent.
    """

    def __init__(
        self,
        reach: Reach,
        client: OutgoingClient,
        secret: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._reach = reach
        self._client = client
        self._secrets = DestinationSecrets(secret)
        self._clock = clock
        self._turns = asyncio.Semaphore(_CONNECTIONS_MAX)

    def objection(self, url: str) -> str | None:
        """Why nothing can be sent to *url*; None if something can."""
        if not self._secrets:
            return "This server has no key to sign with (webhook_signing_secret)."
        try:
            self._reach.judged(url)
        except UrlRefused as error:
            return error.message
        return None

    async def send(self, url: str, message_id: str, body: bytes) -> None:
        """POST *body*, which is JSON. Receivers tell a message that comes again by *message_id*.
        Raises RemoteFailed."""
        objection = self.objection(url)
        if objection is not None:
            raise self._failed(url, "WebhookNotAllowed", objection, is_final=True)
        try:
            async with self._turns, asyncio.timeout(TIMEOUT_S):
                status = await self._post(url, message_id, body)
        except TimeoutError:
            raise self._failed(url, "Timeout", f"No answer within {TIMEOUT_S:g} s.") from None
        except AddressRefused as error:
            words = f"{error.message} Only the operator can allow others (webhook_private_origins)."
            raise self._failed(url, "AddressNotAllowed", words, is_final=True) from None
        except ConnectionFailed as error:
            raise self._failed(url, "NotReachable", error.message) from None
        if not 200 <= status < 300:
            code = f"HTTP {status}"
            raise self._failed(url, code, f"It answers {code}.", is_final=status in _FINAL)

    async def _post(self, url: str, message_id: str, body: bytes) -> int:
        """The status of the answer; it is all that counts, and the rest is never read."""
        target, patterns = self._reach.judged(url)
        headers = {
            "host": target.origin.authority,
            "connection": "close",
            "content-length": str(len(body)),
            **self._headers(target, message_id, body),
        }
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        async with self._client.stream("POST", target, patterns, encoded, body) as response:
            return response.status

    def _headers(self, target: Target, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = int(self._clock())
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._secrets.key(target), message_id, timestamp, body),
        }

    def _failed(self, url: str, reason: str, words: str, *, is_final: bool = False) -> RemoteFailed:
        text = f"Webhook {shown_of(url)!a}: {words[:500]}"
        return RemoteFailed(text, reason=reason, is_final=is_final)
