"""`fetch`: HTTP requests of guests, to origins that they are permitted."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import httpcore

from wasmfaas import abi
from wasmfaas.capabilities.board import Asked, Operation
from wasmfaas.capabilities.failures import CallFailed, Kind, invalid
from wasmfaas.origins import Origin, OriginPattern
from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.outgoing.errors import AddressRefused, ConnectionFailed
from wasmfaas.outgoing.urls import Target, target_of

REDIRECTS_MAX: Final = 10
TIMEOUT_MS_MAX: Final = 900_000
HEADERS_MAX: Final = 100
HEADER_BYTES_MAX: Final = 64 * 1024
#: Leaves room for headers and for what encodes the answer.
BODY_BYTES_MAX: Final = abi.CALL_ANSWER_BYTES_MAX - 2 * HEADER_BYTES_MAX
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_METHODS_REFUSED: Final = frozenset(("CONNECT", "TRACE", "TRACK"))
#: Of one connection (RFC 9110, 7.6.1), which is ours to decide on; and what says where it goes.
_OURS: Final = frozenset(
    ("connection", "content-length", "expect", "host", "http2-settings", "keep-alive",
     "proxy-authenticate", "proxy-authorization", "proxy-connection", "te", "trailer",
     "transfer-encoding", "upgrade")
)  # fmt: skip
#: Not for whoever somebody else redirects to.
_CREDENTIALS: Final = frozenset(("authorization", "cookie"))
_OF_BODIES: Final = frozenset(("content-encoding", "content-language", "content-type"))
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))
_MEMBERS: Final = ("url", "method", "headers", "body", "redirect", "timeoutMs")

Headers = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Ask:
    """One HTTP request."""

    target: Target
    method: str
    headers: Headers
    body: bytes | None


@dataclass(frozen=True, slots=True)
class _Told:
    """What came back."""

    status: int
    headers: Headers
    body: bytes


class Fetches:
    """Makes the requests of all functions. Lives as long as the server."""

    def __init__(self, client: OutgoingClient) -> None:
        self._client = client

    def operations(self) -> tuple[Operation, ...]:
        return (Operation("fetch", self.fetch),)

    async def fetch(self, asked: Asked) -> Mapping[str, Any]:
        """Follows redirects where that is wanted, each of which is checked like the first URL."""
        request = asked.request
        request.only(*_MEMBERS)
        redirect = request.choice("redirect", ("follow", "manual", "error"))
        timeout_ms = request.integer("timeoutMs", 1, TIMEOUT_MS_MAX) or TIMEOUT_MS_MAX
        method = request.text("method", "GET")
        ask = _Ask(
            target_of(request.text("url")),
            _method(method),
            _headers(request.pairs("headers")),
            request.data("body"),
        )
        try:
            async with asyncio.timeout(min(timeout_ms, asked.caller.timeout_ms) / 1000):
                ask, told = await self._follow(ask, asked.permissions.fetch, redirect)
        except TimeoutError:
            raise CallFailed(
                Kind.TIMEOUT, f"There was no answer from {ask.target.origin} in time."
            ) from None
        return {
            "status": told.status,
            "headers": [list(header) for header in told.headers],
            "body": told.body,
            "url": ask.target.url,
        }

    async def _follow(
        self, ask: _Ask, patterns: Sequence[OriginPattern], redirect: str
    ) -> tuple[_Ask, _Told]:
        for _ in range(REDIRECTS_MAX + 1):
            told = await self._send(ask, _permitting(ask.target.origin, patterns))
            location = next((v for name, v in told.headers if name.lower() == "location"), None)
            if told.status not in _REDIRECTS or location is None or redirect == "manual":
                return ask, told
            if redirect == "error":
                raise CallFailed(
                    Kind.CONNECTION_FAILED,
                    f"{ask.target.origin} redirects, and redirect is 'error'.",
                )
            ask = _redirected(ask, told.status, location)
        raise CallFailed(
            Kind.LIMIT_EXCEEDED, f"There were more than {REDIRECTS_MAX} redirects, the limit."
        )

    async def _send(self, ask: _Ask, patterns: Sequence[OriginPattern]) -> _Told:
        content = self._client.stream(ask.method, ask.target, patterns, _sent(ask), ask.body)
        try:
            async with content as response:
                return await _read(response, ask.target.origin)
        except ConnectionFailed as error:
            raise CallFailed(Kind.CONNECTION_FAILED, error.message) from None
        except AddressRefused as error:
            raise CallFailed(
                Kind.ACCESS_DENIED,
                f"{error.message} To permit it, list the address itself in permissions.fetch, or "
                "the name with private = true.",
            ) from None


def _permitting(origin: Origin, patterns: Sequence[OriginPattern]) -> Sequence[OriginPattern]:
    """Those that *origin* is one of. Raises CallFailed where there are none."""
    found = [pattern for pattern in patterns if pattern.matches(origin)]
    if not found:
        raise CallFailed(
            Kind.ACCESS_DENIED, f"The function's permissions.fetch does not have {origin}."
        )
    return found


def _method(text: str) -> str:
    if not _TOKEN.fullmatch(text) or text.upper() in _METHODS_REFUSED:
        raise invalid(f"The method {text[:40]!a} is none that can be sent.")
    return text.upper() if text.upper() in ("GET", "HEAD", "POST", "PUT", "DELETE") else text


def _headers(pairs: Headers) -> Headers:
    """Those of *pairs* that are the guest's to decide on."""
    size = sum(len(name) + len(value) for name, value in pairs)
    if len(pairs) > HEADERS_MAX or size > HEADER_BYTES_MAX:
        raise invalid(
            f"There are {len(pairs)} headers of {size} characters, but at most {HEADERS_MAX} of "
            f"{HEADER_BYTES_MAX} together can be sent."
        )
    for name, value in pairs:
        if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
            raise invalid(f"The header {name[:80]!a} has a name or a value that cannot be sent.")
    return [(name, value.strip(" \t")) for name, value in pairs if name.lower() not in _OURS]


def _sent(ask: _Ask) -> list[tuple[bytes, bytes]]:
    """The headers of a request, with those that are ours."""
    headers = [("Host", ask.target.origin.authority), *ask.headers]
    if not any(name.lower() == "user-agent" for name, _ in headers):
        headers.append(("User-Agent", "wasmfaas"))
    if ask.body is not None or ask.method in ("POST", "PUT", "PATCH"):
        headers.append(("Content-Length", str(len(ask.body or b""))))
    headers.append(("Connection", "close"))
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in headers]


async def _read(response: httpcore.Response, origin: Origin) -> _Told:
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers
    ]
    if response.status < 200:
        raise CallFailed(Kind.CONNECTION_FAILED, f"{origin} answered {response.status}.")
    parts, size = [], 0
    async for part in response.aiter_stream():
        parts.append(part)
        size += len(part)
        if size > BODY_BYTES_MAX:
            raise CallFailed(
                Kind.LIMIT_EXCEEDED,
                f"The answer of {origin} has more than {BODY_BYTES_MAX} bytes, the limit.",
            )
    hidden = set(_OURS - {"content-length"})
    for name, value in headers:
        if name.lower() == "connection":
            hidden |= {token.strip().lower() for token in value.split(",")}
    kept = [(name, value) for name, value in headers if name.lower() not in hidden]
    return _Told(response.status, kept, b"".join(parts))


def _redirected(ask: _Ask, status: int, location: str) -> _Ask:
    """The next request, as browsers make it (RFC 9110, 15.4)."""
    # Servers send what they should have encoded.
    target = target_of(location.strip().replace(" ", "%20"), ask.target.url)
    changed = status == 303 or (status in (301, 302) and ask.method == "POST")
    dropped: frozenset[str] = frozenset()
    if target.origin != ask.target.origin:
        dropped |= _CREDENTIALS
    if changed and ask.method != "HEAD":
        ask = replace(ask, method="GET", body=None)
        dropped |= _OF_BODIES
    headers = [(name, value) for name, value in ask.headers if name.lower() not in dropped]
    return replace(ask, target=target, headers=headers)
