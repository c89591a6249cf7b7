"""How a call fails: what a guest is told."""

import enum

from wasmfaas.errors import (
    AccessDenied,
    InvalidParameterValue,
    InvalidRequestContent,
    PreconditionFailed,
    RequestTooLarge,
    ResourceNotFound,
    TooManyRequests,
    WasmfaasError,
)


class Kind(enum.StrEnum):
    """The error types of the ABI."""

    ACCESS_DENIED = "AccessDenied"
    INVALID_REQUEST = "InvalidRequest"
    NOT_FOUND = "NotFound"
    LIMIT_EXCEEDED = "LimitExceeded"
    THROTTLED = "Throttled"
    VERSION_CONFLICT = "VersionConflict"
    RECURSION_DETECTED = "RecursionDetected"
    CONNECTION_FAILED = "ConnectionFailed"
    TIMEOUT = "Timeout"
    UNAVAILABLE = "Unavailable"


class CallFailed(Exception):
    """The call is answered with this error. It never leaves this part of the program."""

    def __init__(self, kind: Kind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


#: The first row that an error is an instance of decides.
_KINDS = (
    (AccessDenied, Kind.ACCESS_DENIED),
    (ResourceNotFound, Kind.NOT_FOUND),
    (TooManyRequests, Kind.THROTTLED),
    (PreconditionFailed, Kind.VERSION_CONFLICT),
    (InvalidParameterValue, Kind.INVALID_REQUEST),
    (InvalidRequestContent, Kind.INVALID_REQUEST),
    (RequestTooLarge, Kind.LIMIT_EXCEEDED),
)


def failure_of(error: WasmfaasError) -> CallFailed:
    """*error* in the words of the ABI."""
    kind = next((kind for type_, kind in _KINDS if isinstance(error, type_)), Kind.UNAVAILABLE)
    return CallFailed(kind, error.message)


def invalid(message: str) -> CallFailed:
    """The request is not as it has to be."""
    return CallFailed(Kind.INVALID_REQUEST, message)
