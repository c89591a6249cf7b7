"""HTTP requests out of the events of function URLs (payload format 2.0), and answers to them.

from wasmfaas import http

def lambda_handler(event, context):
    request = http.request(event)
    return http.response(request.body, content_type="image/png")
"""

import base64
import json
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

__all__ = ("Request", "request", "response")

logger = logging.getLogger("wasmfaas")

#: Between the head and the body of an answer that comes in parts.
_PRELUDE_END = bytes(8)
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Request:
    """A request, as far as web applications want to know it."""

    method: str
    scheme: str
    #: As sent: percent-encoded.
    raw_path: str
    query: str
    #: By lower-case name; a header that was repeated has all its values, with commas.
    headers: dict[str, str]
    body: bytes
    #: Like `HTTP/1.1`.
    protocol: str
    client: str
    host: str
    port: int

    @property
    def path(self) -> bytes:
        """The path, without percent-encoding."""
        return unquote_to_bytes(self.raw_path)


def request(event: Any) -> Request:
    """The request that *event* stands for. Raises ValueError where it stands for none."""
    try:
        context = event["requestContext"]
        http = context["http"]
        method, raw_path = http["method"], event["rawPath"]
    except (TypeError, KeyError):
        raise ValueError(
            "The event is not an HTTP request: this handler serves a function URL, whose events "
            "have rawPath and requestContext.http (payload format 2.0)."
        ) from None
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    if "cookie" not in headers and event.get("cookies"):
        headers["cookie"] = "; ".join(event["cookies"])
    scheme = headers.get("x-forwarded-proto", "https")
    host, port = _address(headers, scheme, context.get("domainName", "localhost"))
    return Request(
        method=method,
        scheme=scheme,
        raw_path=raw_path,
        query=event.get("rawQueryString", ""),
        headers=headers,
        body=_body(event),
        protocol=http.get("protocol", "HTTP/1.1"),
        client=http.get("sourceIp", ""),
        host=host,
        port=port,
    )


def warm_up(handler: Callable[[Any, Any], Any], path: str) -> None:
    """Ask for *path*, such that what a first request makes is there before there is one."""
    http = {"method": "GET", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"}
    headers = {"host": "localhost"}
    answer = handler({"rawPath": path, "headers": headers, "requestContext": {"http": http}}, None)
    if not isinstance(answer, dict):
        for _ in answer:
            pass


def _body(event: dict[str, Any]) -> bytes:
    body = event.get("body") or ""
    return base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()


def _address(headers: dict[str, str], scheme: str, domain: str) -> tuple[str, int]:
    host, _, port = headers.get("host", domain).rpartition(":")
    if not port.isdigit() or not host:
        host, port = headers.get("host", domain), headers.get("x-forwarded-port", "")
    return host, int(port) if port.isdigit() else _DEFAULT_PORTS.get(scheme, 443)


def response(
    body: bytes | str | None = None,
    status: int = 200,
    *,
    content_type: str = "text/plain; charset=utf-8",
    headers: Iterable[tuple[str, str]] | Mapping[str, str] = (),
) -> dict[str, Any]:
    """What a handler answers for a function URL; *headers* may repeat, such as Set-Cookie."""
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    octets = body.encode() if isinstance(body, str) else body or b""
    return Head(status, [("content-type", content_type), *pairs]).answer(octets)


class Head:
    """The status and the headers of an answer."""

    def __init__(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """*headers* may repeat."""
        self.status = status
        self.headers: dict[str, str] = {}
        self.cookies: list[str] = []
        for name, value in headers:
            lower = name.lower()
            if lower == "set-cookie":
                self.cookies.append(value)
            elif lower in self.headers:
                self.headers[lower] += f", {value}"
            else:
                self.headers[lower] = value

    def members(self) -> dict[str, Any]:
        """As they are in what a function answers."""
        members: dict[str, Any] = {"statusCode": self.status, "headers": self.headers}
        if self.cookies:
            members["cookies"] = self.cookies
        return members

    def answer(self, body: bytes) -> dict[str, Any]:
        """All of an answer: *body* as text where it is UTF-8, else in base64."""
        try:
            text, is_base64 = body.decode(), False
        except UnicodeDecodeError:
            text, is_base64 = base64.b64encode(body).decode("ascii"), True
        return self.members() | {"body": text, "isBase64Encoded": is_base64}

    def prelude(self) -> bytes:
        """What goes ahead of the body in an answer that comes in parts."""
        return json.dumps(self.members()).encode() + _PRELUDE_END


def failed(application: str) -> tuple[Head, bytes]:
    """The answer where the application raised what is being handled, which goes to the log."""
    logger.exception("The %s application raised an exception", application)
    return Head(500, [("content-type", "text/plain; charset=utf-8")]), b"Internal Server Error"
