"""Why there is no connection to where a user wants one."""

from wasmfaas.errors import AccessDenied, InvalidParameterValue, WasmfaasError


class UrlRefused(InvalidParameterValue):
    """What somebody gives as a URL is none that can be sent to."""


class AddressRefused(AccessDenied):
    """A host is, or leads to, an address that must not be reached from here."""


class ConnectionFailed(WasmfaasError):
    """There is no answer, now at least."""

    code = "RemoteFailedException"
    status = 502


class HostUnknown(ConnectionFailed):
    """A host has no address."""


class ConnectionBroken(ConnectionFailed):
    """Who is there cannot be connected to, or does not speak HTTP."""
