"""The one call to the host, and the errors that it answers."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import wit_world
from componentize_py_types import Err


class HostError(Exception):
    """The host did not do what it was asked for. `type` is the error type of the ABI."""

    type = "HostError"


class AccessDenied(HostError):
    """The function's permissions do not give this."""

    type = "AccessDenied"


class InvalidRequest(HostError, ValueError):
    """What was asked for makes no sense, is too large, or was asked for outside of a handler."""

    type = "InvalidRequest"


class NotFound(HostError):
    """There is no such function or secret."""

    type = "NotFound"


class LimitExceeded(HostError):
    """A limit of the function or of the host: calls, quotas, depth, size of an answer."""

    type = "LimitExceeded"


class Throttled(HostError):
    """There is no room now; it may work later."""

    type = "Throttled"


class VersionConflict(HostError):
    """The key was changed by somebody else; nothing was done."""

    type = "VersionConflict"


class RecursionDetected(HostError):
    """The function is being called in a loop."""

    type = "RecursionDetected"


class ConnectionFailed(HostError, ConnectionError):
    """There was no answer from that address."""

    type = "ConnectionFailed"


class Timeout(HostError, TimeoutError):
    """There was no answer in the time given."""

    type = "Timeout"


class Unavailable(HostError):
    """The host cannot do it now."""

    type = "Unavailable"


_ERRORS = {kind.type: kind for kind in HostError.__subclasses__()}


def call(operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
    """Ask the host for *operation*. Members that are None are left out; bytes may be in any place.

    Raises HostError, or the class below it that fits.
    """
    members = {name: value for name, value in request.items() if value is not None}
    text = json.dumps(members, ensure_ascii=False, default=_encoded)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise InvalidRequest(f"the request of {operation} is not UTF-8: {error}") from None
    try:
        answer: dict[str, Any] = json.loads(wit_world.call(operation, text))
    except Err as error:
        raise _failure(error.value) from None
    return answer


def to_bytes(value: Any) -> bytes:
    """The bytes that stand in an answer."""
    return base64.b64decode(value["base64"]) if isinstance(value, dict) else value.encode()


def _encoded(value: Any) -> Any:
    if not isinstance(value, bytes | bytearray | memoryview):
        raise TypeError(f"the host cannot be sent a {type(value).__name__}")
    data = bytes(value)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _failure(text: str) -> HostError:
    error = json.loads(text)
    return _ERRORS.get(error["errorType"], HostError)(error["errorMessage"])
