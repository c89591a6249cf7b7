"""From a function's answer to an HTTP response: Lambda's inference rules.

What a function returns is not trusted: a response made here can neither end a header early, nor
frame the connection, nor show figures that are not ours.
"""

import base64
import binascii
import json
import re
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, replace
from typing import Any

from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.metering import usage_headers
from wasmfaas.models import Outcome
from wasmfaas.triggers.http_event import HOP_BY_HOP

Headers = list[tuple[bytes, bytes]]

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", re.ASCII)
_FORBIDDEN_IN_VALUE = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: Set by the server, whatever the function says.
_OURS = HOP_BY_HOP | {"content-length", "date", "x-amzn-requestid"}
_OUR_PREFIX = "x-wasmfaas-"
#: An interim status is not an answer: a client would go on waiting for one.
_STATUS_MIN, _STATUS_MAX = 200, 599
WITHOUT_BODY = frozenset({204, 304})
#: Between the head and the body of an answer that comes in parts.
_PRELUDE_END = bytes(8)
_BYTES_TYPE = "application/octet-stream"
_SHOWN_CHARACTERS_MAX = 80
_REASON_CHARACTERS_MAX = 300

_DECODER = json.JSONDecoder()
_STRICT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
_LENIENT = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class MalformedAnswer(Exception):
    """The function's answer is not a response. The message is printable and says why."""


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response before it is framed."""

    status: int
    headers: Headers
    body: bytes
    #: Whether to close the connection, because the request was not read to its end.
    close: bool = False
    #: What follows the body where it comes in parts; ends with an error where they do.
    rest: AsyncIterator[bytes] | None = None

    def extended(self, headers: Headers) -> "Response":
        """This response with *headers* after its own."""
        return replace(self, headers=self.headers + headers)

    def framed(self, method: str) -> tuple[Headers, bytes]:
        """The headers with Content-Length, and the bytes that follow them."""
        if self.status in WITHOUT_BODY or (method == "HEAD" and not self.body):
            # An adapter that leaves out the body of a HEAD doesn't tell us its length.
            return self.headers, b""
        headers = [*self.headers, (b"content-length", b"%d" % len(self.body))]
        return headers, b"" if method == "HEAD" else self.body


def answer(outcome: Outcome) -> Response:
    """The response to a request that called a function, with the figures of what it used."""
    if outcome.error_type is not None:
        response = bad_gateway(outcome.error_type)
    else:
        try:
            response = infer(outcome.payload)
        except MalformedAnswer as error:
            response = malformed(error)
    return response.extended(header_pairs(usage_headers(outcome.usage).items()))


def malformed(error: MalformedAnswer) -> Response:
    """The response to an answer that stands for none."""
    return bad_gateway(f"The function's answer is not a response: {error}")


def infer(payload: bytes) -> Response:
    """The response that *payload*, a function's answer as JSON text, stands for.

    An object with `statusCode` is a response, a string is a body as it is, everything else is a
    JSON body; the latter two have status 200. What is no JSON came in parts. Raises
    MalformedAnswer.
    """
    try:
        answer = _DECODER.decode(payload.decode())
    except (ValueError, RecursionError):
        return parted(payload) if _PRELUDE_END in payload else _ok(payload)
    if isinstance(answer, dict) and "statusCode" in answer:
        return _structured(answer)
    if isinstance(answer, str):
        return _ok(_encode(answer))
    return _ok(_compact(answer, payload))


def parted(chunk: bytes) -> Response:
    """The response that begins with *chunk*, the first part of an answer that comes in parts.

    It may begin with a prelude: a JSON object with `statusCode`, `headers` and `cookies`, and eight
    zero bytes. Otherwise, and in so far, the status is 200, and the body is bytes. Raises
    MalformedAnswer.
    """
    head, end, body = chunk.partition(_PRELUDE_END)
    members = _object(head) if end and head.startswith(b"{") else None
    if members is None:
        return Response(200, [(b"content-type", _BYTES_TYPE.encode())], chunk)
    described = {name: members.get(name) for name in ("headers", "cookies")}
    status = members.get("statusCode", 200)
    return replace(_structured({"statusCode": status} | described, _BYTES_TYPE), body=body)


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def bad_gateway(reason: str) -> Response:
    """Lambda's response to a function error, with our *reason*, which may be the guest's words."""
    printable = re.sub(r"[^ -~]", "?", reason)[:_REASON_CHARACTERS_MAX]
    headers = [(b"content-type", b"text/plain"), (b"x-wasmfaas-error", printable.encode())]
    return Response(502, headers, b"Internal Server Error")


def refusal(error: WasmfaasError, *, close: bool = False) -> Response:
    """The response to a request that is not served."""
    headers = [(b"content-type", b"application/json"), (b"x-amzn-errortype", error.code.encode())]
    headers += header_pairs(error.headers().items())
    return Response(error.status, headers, json.dumps(error.body()).encode(), close)


def header_pairs(headers: Iterable[tuple[str, str]]) -> Headers:
    """Headers of ours, for the wire."""
    return [(name.lower().encode(), value.encode()) for name, value in headers]


def _ok(body: bytes) -> Response:
    return Response(200, [(b"content-type", b"application/json")], body)


def _structured(answer: dict[str, Any], content_type: str = "application/json") -> Response:
    status = _status(answer["statusCode"])
    headers, cookies = _headers(answer.get("headers"))
    cookies += _cookies(answer.get("cookies"))
    headers.setdefault("content-type", content_type)
    return Response(
        status,
        [(name.encode(), _encode(value)) for name, value in headers.items()]
        + [(b"set-cookie", _encode(cookie)) for cookie in cookies],
        _body(answer.get("body"), answer.get("isBase64Encoded")),
    )


def _status(value: Any) -> int:
    status = value
    if isinstance(value, str) and re.fullmatch(r"\d{3}", value, re.ASCII):
        status = int(value)
    if type(status) is not int or not _STATUS_MIN <= status <= _STATUS_MAX:
        raise MalformedAnswer(
            f"statusCode is {_shown(value)}, but must be {_STATUS_MIN} to {_STATUS_MAX}."
        )
    return status


def _headers(members: Any) -> tuple[dict[str, str], list[str]]:
    """Headers by lower-case name, and the values of Set-Cookie, which cannot be joined."""
    if members is None:
        return {}, []
    if not isinstance(members, dict):
        raise MalformedAnswer(f"headers is {_shown(members)}, but must be an object.")
    headers: dict[str, str] = {}
    cookies: list[str] = []
    for name, member in members.items():
        lower = name.lower()
        if not _NAME.fullmatch(name):
            raise MalformedAnswer(
                f"headers has the name {_shown(name)}, which HTTP does not allow."
            )
        if member is None or lower in _OURS or lower.startswith(_OUR_PREFIX):
            continue
        values = [
            _value(name, value) for value in (member if isinstance(member, list) else [member])
        ]
        if lower == "set-cookie":
            cookies += values
        elif values:
            headers[lower] = ",".join(values)
    return headers, cookies


def _value(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise MalformedAnswer(f"header {_shown(name)} is {_shown(value)}, but must be a string.")
    if _FORBIDDEN_IN_VALUE.search(value):
        raise MalformedAnswer(
            f"header {_shown(name)} is {_shown(value)}, but must not have control characters."
        )
    return value.strip(" \t")


def _cookies(members: Any) -> list[str]:
    if members is None:
        return []
    if not isinstance(members, list) or not all(isinstance(member, str) for member in members):
        raise MalformedAnswer(f"cookies is {_shown(members)}, but must be a list of strings.")
    return [_value("cookies", member) for member in members]


def _body(body: Any, is_base64: Any) -> bytes:
    if body is None:
        return b""
    if not isinstance(body, str):
        return _compact(body, None)
    if is_base64 is not True:
        return _encode(body)
    try:
        return base64.b64decode("".join(body.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedAnswer(
            f"body is {_shown(body)}, but must be base64 where isBase64Encoded is true: {error}."
        ) from None


def _compact(value: Any, source: bytes | None) -> bytes:
    """JSON without spaces, as Lambda sends it; *source*, if given, where that is no longer or
    says what Python's numbers can't."""
    try:
        compact = _encode((_LENIENT if source is None else _STRICT).encode(value))
    except (ValueError, RecursionError):
        if source is None:
            raise MalformedAnswer("body is nested too deeply.") from None
        return source
    return compact if source is None or len(compact) < len(source) else source


def _encode(text: str) -> bytes:
    """UTF-8; half a surrogate pair, which JSON can spell, becomes a question mark."""
    return text.encode(errors="replace")


def _shown(value: Any) -> str:
    """*value* for a message: JSON in ASCII, cut."""
    try:
        shown = json.dumps(value)
    except RecursionError:
        return "nested too deeply"
    cut = len(shown) > _SHOWN_CHARACTERS_MAX
    return shown[:_SHOWN_CHARACTERS_MAX] + "..." if cut else shown
