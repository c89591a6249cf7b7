"""Signed requests to a service that speaks AWS's protocols, at the address that the operator
names."""

import asyncio
import contextlib
import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import unescape
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit

from wasmfaas.auth.sigv4 import TIME_FORMAT, Request, Scope, authorization
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.settings import Settings

if TYPE_CHECKING:
    import httpx

#: Beyond what a request asks the service to wait for.
TIMEOUT_S: Final = 15.0
_CONNECTIONS_MAX: Final = 64
#: Ten messages of 1 MiB, written in JSON.
_ANSWER_BYTES_MAX: Final = 24 * 1024 * 1024
_SHOWN_CHARACTERS_MAX: Final = 300
_XML_CODE = re.compile(r"<Code>\s*([A-Za-z0-9._-]{1,100})\s*</Code>", re.ASCII)
_XML_MESSAGE = re.compile(r"<Message>([^<]*)</Message>")
#: Refusals that are a matter of time, although they have the status of a client's mistake.
_PASSING = ("throttl", "overlimit", "toomanyrequests", "requestexpired", "slowdown", "unavailable")


@dataclass(frozen=True, slots=True)
class Keys:
    """What requests are signed with; an empty id signs nothing. `repr` leaves the secrets out."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(default="", repr=False)

    @classmethod
    def of(cls, settings: Settings) -> "Keys":
        """Those for queues and topics."""
        return cls(
            settings.aws_access_key_id, settings.aws_secret_access_key, settings.aws_session_token
        )


class ServiceClient:
    """One service at one address, `http(s)://HOST[:PORT]`. Lives as long as the server.

    *service* is its name in signatures. *clock* gives Unix time in seconds.
    """

    def __init__(
        self, service: str, endpoint: str, keys: Keys, clock: Callable[[], float] = time.time
    ) -> None:
        self.service = service
        self.endpoint = endpoint.rstrip("/")
        self._keys = keys
        self._clock = clock
        self._client: httpx.AsyncClient | None = None

    async def call_json(
        self, target: str, region: str, document: Mapping[str, Any], wait_s: float = 0
    ) -> dict[str, Any]:
        """The answer to an operation in AWS's JSON protocol, version 1.0. *target* is such as
        `AmazonSQS.SendMessage`; *wait_s* is how long the service may take on purpose.

        Raises RemoteFailed.
        """
        headers = {"content-type": "application/x-amz-json-1.0", "x-amz-target": target}
        text = await self._post(region, headers, json.dumps(document).encode(), wait_s)
        try:
            found = json.loads(text or b"{}")
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._failed("InvalidAnswer", "what it answers is not a JSON object")
        return found

    async def call_query(self, region: str, parameters: Mapping[str, str]) -> str:
        """The XML that answers an operation in AWS's query protocol. Raises RemoteFailed."""
        headers = {"content-type": "application/x-www-form-urlencoded; charset=utf-8"}
        text = await self._post(region, headers, urlencode(parameters).encode(), 0)
        return text.decode("utf-8", "replace")

    async def close(self) -> None:
        """Give up all connections."""
        if self._client is not None:
            await self._client.aclose()

    async def _post(
        self, region: str, headers: dict[str, str], body: bytes, wait_s: float
    ) -> bytes:
        import httpx  # Slow to import, and few servers ever need it.

        signed = self._signed(region, headers, body)
        timeout = TIMEOUT_S + wait_s
        try:
            async with asyncio.timeout(timeout):
                client = self._connected()
                request = client.build_request(
                    "POST", f"{self.endpoint}/", headers=signed, content=body, timeout=timeout
                )
                response = await client.send(request, stream=True)
                async with contextlib.aclosing(response):
                    answer = await self._bounded(response)
        except TimeoutError:
            raise self._failed("Timeout", f"no answer within {timeout:g} s") from None
        except (httpx.HTTPError, OSError) as error:
            reason = str(error) or type(error).__name__
            raise self._failed("NotReachable", reason) from None
        if response.status_code != 200:
            raise self._refusal(response.status_code, answer, response.headers)
        return answer

    def _connected(self) -> "httpx.AsyncClient":
        import httpx

        if self._client is None:
            limits = httpx.Limits(max_connections=_CONNECTIONS_MAX)
            self._client = httpx.AsyncClient(
                limits=limits, trust_env=False, verify=ssl.create_default_context()
            )
        return self._client

    async def _bounded(self, response: "httpx.Response") -> bytes:
        body = bytearray()
        async for piece in response.aiter_raw():
            body += piece
            if len(body) > _ANSWER_BYTES_MAX:
                raise self._failed("InvalidAnswer", f"more than {_ANSWER_BYTES_MAX} bytes")
        return bytes(body)

    def _signed(self, region: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        timestamp = time.strftime(TIME_FORMAT, time.gmtime(self._clock()))
        sent = headers | {"host": urlsplit(self.endpoint).netloc, "x-amz-date": timestamp}
        if self._keys.session_token:
            sent["x-amz-security-token"] = self._keys.session_token
        if self._keys.access_key_id:
            fields = [(name.encode(), value.encode()) for name, value in sent.items()]
            sent["authorization"] = authorization(
                Request("POST", b"/", b"", fields),
                body,
                access_key_id=self._keys.access_key_id,
                secret=self._keys.secret_access_key,
                timestamp=timestamp,
                scope=Scope(timestamp[:8], region, self.service),
            )
        return sent | {"accept-encoding": "identity"}

    def _refusal(self, status: int, answer: bytes, headers: Mapping[str, str]) -> RemoteFailed:
        code, message = _told(answer.decode("utf-8", "replace"))
        # The name that SDKs know it by, where the protocol has given it another.
        code = headers.get("x-amzn-query-error", "").partition(";")[0] or code
        reason = code or f"HTTP {status}"
        passing = status in (408, 429) or status >= 500
        passing = passing or any(word in reason.lower() for word in _PASSING)
        words = f"{reason}: {message}" if message else reason
        return self._failed(reason, words, is_final=not passing)

    def _failed(self, reason: str, words: str, *, is_final: bool = False) -> RemoteFailed:
        shown = " ".join(words.split())[:_SHOWN_CHARACTERS_MAX]
        message = f"{self.service.upper()} at {self.endpoint}: {shown}"
        return RemoteFailed(message, reason=reason, is_final=is_final)


def _told(text: str) -> tuple[str, str]:
    """Code and message of an error, in JSON or in XML; empty where there is none."""
    try:
        members = json.loads(text)
    except (ValueError, RecursionError):
        found, said = _XML_CODE.search(text), _XML_MESSAGE.search(text)
        return found[1] if found else "", unescape(said[1]) if said else ""
    if not isinstance(members, dict):
        return "", ""
    code = str(members.get("__type") or members.get("code") or "").rpartition("#")[2]
    return code[:100], str(members.get("message") or members.get("Message") or "")
