"""From an HTTP request to the event of a function URL: Lambda's payload format 2.0.

Members that would be empty are absent, as on Lambda. Like function URLs, and unlike API Gateway,
the event has the request's cookies in `cookies` and in `headers.cookie`.
"""

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote

from starlette.types import Scope

#: Headers that are about the connection, and so not the function's business.
HOP_BY_HOP = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_TEXT_TYPES = frozenset({"application/json", "application/javascript", "application/xml"})
_TEXT_SUFFIXES = ("+json", "+xml")
#: JSON text of a string, in C.
_quoted = json.encoder.encode_basestring
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
#: JSON writes these in six bytes each, so a large body that is full of them is not sent as text.
_ESCAPED_CONTROLS = bytes(set(range(32)) - set(b"\b\t\n\f\r"))
_LARGE_BODY_BYTES = 1024 * 1024
HEAD_BYTES_MAX = 64 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """What the trigger knows of a request beside its ASGI scope and its body."""

    request_id: str
    trace_id: str
    url_id: str
    domain: str
    #: As sent, percent-encoded, without the `/f/NAME` that selected the function.
    raw_path: str
    now_ms: int
    #: Who has signed it: `requestContext.authorizer.iam`; None where nobody had to.
    caller: Mapping[str, Any] | None = None


def build(scope: Scope, body: bytes, request: Request) -> bytes:
    """The event as JSON text."""
    # Written out instead of encoded as a whole, which would take half as long again.
    headers = _headers(scope, request.trace_id)
    query, path = scope["query_string"].decode("latin-1"), _quoted(request.raw_path)
    parts = [
        f'{{"version":"2.0","routeKey":"$default","rawPath":{path},'
        f'"rawQueryString":{_quoted(query)},'
    ]
    if cookie := headers.get("cookie"):
        cookies = [part.strip() for part in cookie.split(";") if part.strip()]
        parts.append(f'"cookies":{_JSON.encode(cookies)},')
    parts.append(f'"headers":{_object(headers)},')
    if query and (parameters := _query_parameters(query)):
        parts.append(f'"queryStringParameters":{_object(parameters)},')
    parts.append(f'"requestContext":{_request_context(scope, headers, request, path)},')
    text = _text(body, headers.get("content-type")) if body else None
    if body:
        parts.append(
            f'"body":{_quoted(base64.b64encode(body).decode() if text is None else text)},'
        )
    parts.append('"isBase64Encoded":true}' if body and text is None else '"isBase64Encoded":false}')
    return "".join(parts).encode()


def raw_path(scope: Scope) -> str:
    """The path as sent: percent-encoded, never empty."""
    raw: bytes | None = scope.get("raw_path")
    return (quote(scope["path"]) if raw is None else raw.decode("latin-1")) or "/"


def header(scope: Scope, name: bytes) -> str | None:
    """The first header called *name*, which is in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return _decoded(value)
    return None


def only_header(scope: Scope, name: bytes) -> str:
    """The header called *name*, which is in lower case; empty where there is not just one."""
    found = [value for key, value in scope["headers"] if key == name]
    return _decoded(found[0]) if len(found) == 1 else ""


def fits(scope: Scope) -> bool:
    """Whether what the event repeats of the request beside its body is not too large."""
    return head_bytes(scope) <= HEAD_BYTES_MAX


def head_bytes(scope: Scope) -> int:
    """What the event repeats of the request beside its body."""
    size = len(raw_path(scope)) + len(scope["query_string"])
    for name, value in scope["headers"]:
        size += len(name) + len(value)
    return size


def new_request_id(random: bytes) -> str:
    """A request id, as Lambda's a UUID of version 4, from 16 *random* bytes."""
    digits = random.hex()
    variant = "89ab"[random[8] & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def new_trace_id(now_ms: int, random: bytes) -> str:
    """A trace id in X-Ray's form, from 12 *random* bytes."""
    return f"Root=1-{now_ms // 1000:08x}-{random.hex()}"


def _headers(scope: Scope, trace_id: str) -> dict[str, str]:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = _decoded(raw_name), _decoded(raw_value)
        if name in HOP_BY_HOP:
            continue
        separator = "; " if name == "cookie" else ","
        headers[name] = f"{headers[name]}{separator}{value}" if name in headers else value
    client, server = _client(scope), scope.get("server")
    forwarded = headers.get("x-forwarded-for")
    headers["x-forwarded-for"] = f"{forwarded}, {client}" if forwarded else client
    headers["x-forwarded-proto"] = scope["scheme"]
    if server is not None and server[1] is not None:
        headers["x-forwarded-port"] = str(server[1])
    headers["x-amzn-trace-id"] = trace_id
    return headers


def _object(members: dict[str, str]) -> str:
    """JSON text of an object of strings."""
    return (
        f"{{{','.join([f'{_quoted(name)}:{_quoted(value)}' for name, value in members.items()])}}}"
    )


def _request_context(scope: Scope, headers: dict[str, str], request: Request, path: str) -> str:
    """JSON text of the member; *path* as JSON text."""
    caller, now_ms = request.caller, request.now_ms
    authorizer, account = "", "anonymous"
    if caller is not None:
        account = str(caller["accountId"])
        authorizer = f'"authorizer":{_JSON.encode({"iam": caller})},'
    url_id, agent = _quoted(request.url_id), _quoted(headers.get("user-agent", ""))
    return (
        f'{{"accountId":{_quoted(account)},"apiId":{url_id},{authorizer}'
        f'"domainName":{_quoted(request.domain)},"domainPrefix":{url_id},"http":{{'
        f'"method":{_quoted(scope["method"])},"path":{path},'
        f'"protocol":"HTTP/{scope["http_version"]}","sourceIp":{_quoted(_client(scope))},'
        f'"userAgent":{agent}}},"requestId":"{request.request_id}","routeKey":"$default",'
        f'"stage":"$default","time":"{_time(now_ms)}","timeEpoch":{now_ms}}}'
    )


def _client(scope: Scope) -> str:
    """The peer's address; a Unix socket has none and is local."""
    client = scope.get("client")
    return str(client[0]) if client else "127.0.0.1"


def _query_parameters(query: str) -> dict[str, str]:
    parameters: dict[str, str] = {}
    if "%" in query or "+" in query:
        pairs = parse_qsl(query, keep_blank_values=True)
    else:
        parted = [part.partition("=") for part in query.split("&") if part]
        pairs = [(name, value) for name, _, value in parted]
    for name, value in pairs:
        parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
    return parameters


def _decoded(octets: bytes) -> str:
    """Headers are UTF-8 where they can be, as JSON is, and else what HTTP once was."""
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _text(body: bytes, content_type: str | None) -> str | None:
    """*body* as text where Lambda sends text, or None where it sends base64.

    Lambda does so by the content type: form data and a body without a type are base64 too.
    """
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if not (
        media_type.startswith("text/")
        or media_type in _TEXT_TYPES
        or media_type.endswith(_TEXT_SUFFIXES)
    ):
        return None
    if len(body) > _LARGE_BODY_BYTES:
        controls = len(body) - len(body.translate(None, _ESCAPED_CONTROLS))
        if controls > len(body) // 16:
            return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def _time(now_ms: int) -> str:
    """As in Apache's log, in UTC and in English whatever the locale."""
    now = time.gmtime(now_ms // 1000)
    clock = f"{now.tm_hour:02}:{now.tm_min:02}:{now.tm_sec:02}"
    return f"{now.tm_mday:02}/{_MONTHS[now.tm_mon - 1]}/{now.tm_year}:{clock} +0000"
