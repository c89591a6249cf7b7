"""What a function finds as `wasmfaas`: what the host does for it, where its permissions say so."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any, Literal

from wasmfaas import kv as kv
from wasmfaas import secrets as secrets

__all__ = [
    "AccessDenied",
    "ConnectionFailed",
    "FunctionError",
    "HostError",
    "InvalidRequest",
    "LambdaContext",
    "LimitExceeded",
    "NotFound",
    "RecursionDetected",
    "Response",
    "Throttled",
    "Timeout",
    "Unavailable",
    "VersionConflict",
    "call",
    "fetch",
    "invoke",
    "invoke_event",
    "kv",
    "secrets",
]

class ClientContext:
    """What a mobile client sent along."""

    client: SimpleNamespace
    custom: Any
    env: Any

class CognitoIdentity:
    """Always present, and empty."""

    cognito_identity_id: None
    cognito_identity_pool_id: None

class LambdaContext:
    """What a handler gets beside the event; Lambda's attributes."""

    aws_request_id: str
    function_name: str
    function_version: str
    invoked_function_arn: str
    memory_limit_in_mb: str
    log_group_name: str
    log_stream_name: str
    identity: CognitoIdentity
    client_context: ClientContext | None
    tenant_id: str | None
    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until the timeout; never negative."""
    def log(self, message: object) -> None:
        """Write *message* to the function's log."""

class HostError(Exception):
    """The host did not do what it was asked for. `type` is the error type of the ABI."""

    type: str

class AccessDenied(HostError):
    """The function's permissions do not give this."""

class InvalidRequest(HostError, ValueError):
    """What was asked for makes no sense, is too large, or was asked for outside of a handler."""

class NotFound(HostError):
    """There is no such function or secret."""

class LimitExceeded(HostError):
    """A limit of the function or of the host: calls, quotas, depth, size of an answer."""

class Throttled(HostError):
    """There is no room now; it may work later."""

class VersionConflict(HostError):
    """The key was changed by somebody else; nothing was done."""

class RecursionDetected(HostError):
    """The function is being called in a loop."""

class ConnectionFailed(HostError, ConnectionError):
    """There was no answer from that address."""

class Timeout(HostError, TimeoutError):
    """There was no answer in the time given."""

class Unavailable(HostError):
    """The host cannot do it now."""

class FunctionError(Exception):
    """The function that was invoked ended with an error; `payload` is what it says of it."""

    kind: str
    payload: Any

class Response:
    """What was fetched. Header names are as they came; `header` looks them up in any case."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes
    url: str
    @property
    def ok(self) -> bool:
        """Whether the status is below 400."""
    @property
    def text(self) -> str:
        """The body, in UTF-8; what is not becomes U+FFFD."""
    def json(self) -> Any:
        """The body, parsed. Raises ValueError."""
    def header(self, name: str, default: str | None = None) -> str | None:
        """The first header of that name."""

def call(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the host for *operation*. Members that are None are left out; bytes may be in any place.

    Raises HostError, or the class below it that fits.
    """

def fetch(
    url: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | Iterable[tuple[str, str]] | None = None,
    body: bytes | str | None = None,
    redirect: Literal["follow", "manual", "error"] = "follow",
    timeout: float | None = None,
) -> Response:
    """Ask *url* over HTTP. *timeout* is in seconds.

    Raises AccessDenied, InvalidRequest, ConnectionFailed, Timeout, LimitExceeded.
    """

def invoke(function: str, event: Any = None) -> Any:
    """Call another function with *event*, wait for it, and return its answer, parsed.

    *function* is a name, `name:qualifier` or an ARN. Raises FunctionError where it ended with an
    error, and AccessDenied, NotFound, Throttled, LimitExceeded, RecursionDetected.
    """

def invoke_event(function: str, event: Any = None) -> str:
    """Have another function called later, without waiting for it; returns the request's id, once
    the event is stored. Raises as `invoke`."""
