"""What functions import as `wasmfaas`: what the host does for them, where their permissions say so.

import wasmfaas

page = wasmfaas.fetch("https://example.com/").text
visits = wasmfaas.kv.get("visits")
answer = wasmfaas.invoke("other", {"n": 1})
token = wasmfaas.secrets.get("TOKEN")
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from _wasmfaas.host import kv, secrets
from _wasmfaas.host.calls import (
    AccessDenied,
    ConnectionFailed,
    HostError,
    InvalidRequest,
    LimitExceeded,
    NotFound,
    RecursionDetected,
    Throttled,
    Timeout,
    Unavailable,
    VersionConflict,
    call,
    to_bytes,
)

__all__ = [
    "AccessDenied", "ConnectionFailed", "FunctionError", "HostError", "InvalidRequest",
    "LimitExceeded", "NotFound", "RecursionDetected", "Response", "Throttled", "Timeout",
    "Unavailable", "VersionConflict", "call", "fetch", "invoke", "invoke_event", "kv", "secrets",
]  # fmt: skip

Headers = Mapping[str, str] | Iterable[tuple[str, str]]


class Response:
    """What was fetched. Header names are as they came; `header` looks them up in any case."""

    def __init__(self, answer: Mapping[str, Any]) -> None:
        self.status: int = answer["status"]
        self.headers: list[tuple[str, str]] = [(name, value) for name, value in answer["headers"]]
        self.body = to_bytes(answer["body"])
        #: Where it came from, after redirects.
        self.url: str = answer["url"]

    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body, in UTF-8; what is not becomes U+FFFD."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body, parsed. Raises ValueError."""
        return json.loads(self.body)

    def header(self, name: str, default: str | None = None) -> str | None:
        """The first header of that name."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), default)

    def __repr__(self) -> str:
        return f"<Response {self.status} from {self.url}>"


class FunctionError(Exception):
    """The function that was invoked ended with an error; `payload` is what it says of it."""

    def __init__(self, kind: str, payload: Any) -> None:
        message = payload.get("errorMessage") if isinstance(payload, dict) else None
        super().__init__(message or kind)
        self.kind = kind
        self.payload = payload


def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Headers | None = None,
    body: bytes | str | None = None,
    redirect: str = "follow",
    timeout: float | None = None,
) -> Response:
    """Ask *url* over HTTP. *redirect* is `follow`, `manual` or `error`; *timeout* is in seconds.

    Raises AccessDenied, InvalidRequest, ConnectionFailed, Timeout, LimitExceeded.
    """
    pairs = headers.items() if isinstance(headers, Mapping) else headers
    request = {
        "url": url,
        "method": method,
        "headers": None if pairs is None else [[name, value] for name, value in pairs],
        "body": body,
        "redirect": redirect,
        "timeoutMs": None if timeout is None else max(int(timeout * 1000), 1),
    }
    return Response(call("fetch", request))


def invoke(function: str, event: Any = None) -> Any:
    """Call another function with *event*, wait for it, and return its answer, parsed.

    *function* is a name, `name:qualifier` or an ARN. Raises FunctionError where it ended with an
    error, and AccessDenied, NotFound, Throttled, LimitExceeded, RecursionDetected.
    """
    answer = call("invoke", {"function": function, "payload": json.dumps(event)})
    payload = json.loads(to_bytes(answer["payload"]) or b"null")
    if answer["functionError"] is not None:
        raise FunctionError(answer["functionError"], payload)
    return payload


def invoke_event(function: str, event: Any = None) -> str:
    """Have another function called later, without waiting for it; returns the request's id, once
    the event is stored. Raises as `invoke`."""
    payload = json.dumps(event)
    request = {"function": function, "payload": payload, "type": "Event"}
    request_id: str = call("invoke", request)["requestId"]
    return request_id
