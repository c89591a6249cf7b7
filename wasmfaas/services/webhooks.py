"""Messages to webhooks: POST requests, signed as the Standard Webhooks specification says
(standardwebhooks.com), so that receivers know them for ours."""

import asyncio
import base64
import binascii
import contextlib
import hashlib
import hmac
import ssl
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from wasmfaas.services.addresses import Addresses
from wasmfaas.services.errors import RemoteFailed

if TYPE_CHECKING:
    import httpx

TIMEOUT_S: Final = 15.0
_CONNECTIONS_MAX: Final = 64
#: Statuses by which a receiver says that it will never take this.
_FINAL: Final = (410, 413)
_SECRET_PREFIX: Final = "whsec_"


def is_webhook(destination: str) -> bool:
    """Whether *destination* is the URL of a webhook, rather than an ARN."""
    return destination.startswith(("https://", "http://"))


def key_of(secret: str) -> bytes:
    """The key that *secret* is: base64 behind `whsec_`, any other text as it is."""
    if secret.startswith(_SECRET_PREFIX):
        with contextlib.suppress(binascii.Error, ValueError):
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    return secret.encode()


def signature(key: bytes, message_id: str, timestamp: int, body: bytes) -> str:
    """The value of `webhook-signature`; *timestamp* is Unix time in seconds."""
    signed = f"{message_id}.{timestamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


class Webhooks:
    """Sends messages. Lives as long as the server. *clock* gives Unix time in seconds.

    Without a *secret*, nothing is sent.
    """

    def __init__(
        self, addresses: Addresses, secret: str, clock: Callable[[], float] = time.time
    ) -> None:
        self._addresses = addresses
        self._key = key_of(secret)
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    def objection(self, url: str) -> str | None:
        """Why nothing can be sent to *url*; None if something can."""
        if not self._key:
            return "this server has no key to sign with (webhook_signing_secret)"
        return self._addresses.objection(url)

    async def send(self, url: str, message_id: str, body: bytes) -> None:
        """POST *body*, which is JSON. Receivers tell a message that comes again by *message_id*.
        Raises RemoteFailed."""
        import httpx  # Slow to import, and few servers ever need it.

        objection = self.objection(url)
        if objection is not None:
            words = f"Webhook {url[:200]!a}: {objection}."
            raise RemoteFailed(words, reason="WebhookNotAllowed", is_final=True)
        try:
            async with asyncio.timeout(TIMEOUT_S):
                endpoint = await self._addresses.endpoint(url)
                headers = self._headers(message_id, body) | {"host": endpoint.authority}
                client = self._connected()
                request = client.build_request(
                    "POST", endpoint.url, headers=headers, content=body,
                    extensions={"sni_hostname": endpoint.host},
                )  # fmt: skip
                response = await client.send(request, stream=True)
                # The status is all that counts; the body is never read.
                await response.aclose()
        except TimeoutError:
            raise self._failed(url, "Timeout", f"no answer within {TIMEOUT_S:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            reason = str(error) or type(error).__name__
            raise self._failed(url, "NotReachable", reason) from None
        status = response.status_code
        if not 200 <= status < 300:
            code = f"HTTP {status}"
            raise self._failed(url, code, f"it answers {code}", is_final=status in _FINAL)

    async def close(self) -> None:
        """Give up all connections."""
        if self._client is not None:
            await self._client.aclose()

    def _headers(self, message_id: str, body: bytes) -> dict[str, str]:
        timestamp = int(self._clock())
        return {
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(self._key, message_id, timestamp, body),
        }

    def _connected(self) -> "httpx.AsyncClient":
        import httpx

        if self._client is None:
            # Kept-alive connections are known by address alone, so none is kept: another name may
            # have the same one.
            limits = httpx.Limits(max_connections=_CONNECTIONS_MAX, max_keepalive_connections=0)
            self._client = httpx.AsyncClient(
                limits=limits, trust_env=False, timeout=TIMEOUT_S,
                verify=ssl.create_default_context(),
            )  # fmt: skip
        return self._client

    def _failed(self, url: str, reason: str, words: str, *, is_final: bool = False) -> RemoteFailed:
        # Not the query: it may be a capability.
        shown = url.partition("?")[0]
        return RemoteFailed(
            f"Webhook {shown[:200]!a}: {words[:300]}.", reason=reason, is_final=is_final
        )
