"""The Cors member of a function URL's configuration, applied.

Where it is configured it is the server's business alone: preflights are answered here, and what a
function says about CORS is dropped.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from starlette.types import Scope

from wasmfaas.triggers.http_event import header
from wasmfaas.triggers.http_response import Response, header_pairs

_PREFIX = b"access-control-"
_ANY = "*"


@dataclass(frozen=True, slots=True)
class Cors:
    """Who may call a function URL from a page elsewhere. Lives as long as the configuration."""

    allow_credentials: bool
    allow_headers: tuple[str, ...]
    allow_methods: tuple[str, ...]
    #: In lower case, as schemes and hosts are.
    allow_origins: tuple[str, ...]
    expose_headers: tuple[str, ...]
    max_age_s: int | None

    @classmethod
    def configured(cls, members: Mapping[str, Any] | None) -> "Cors | None":
        """From Lambda's `Cors`; None where it is absent or empty."""
        if not members:
            return None
        return cls(
            allow_credentials=bool(members.get("AllowCredentials")),
            allow_headers=_fitting(members.get("AllowHeaders")),
            allow_methods=_fitting(members.get("AllowMethods")),
            allow_origins=tuple(origin.lower() for origin in _fitting(members.get("AllowOrigins"))),
            expose_headers=_fitting(members.get("ExposeHeaders")),
            max_age_s=members.get("MaxAge"),
        )

    def preflight(self, scope: Scope) -> Response | None:
        """The answer to *scope*, if it is a preflight."""
        method = header(scope, b"access-control-request-method")
        if scope["method"] != "OPTIONS" or method is None or header(scope, b"origin") is None:
            return None
        headers = self._origin(scope)
        if "access-control-allow-origin" in headers:
            names = header(scope, b"access-control-request-headers")
            headers["access-control-allow-methods"] = _granted(self.allow_methods, method)
            headers["access-control-allow-headers"] = _granted(self.allow_headers, names)
            if self.max_age_s is not None:
                headers["access-control-max-age"] = str(self.max_age_s)
        granted = ((name, value) for name, value in headers.items() if value)
        return Response(200, header_pairs(granted), b"")

    def applied(self, scope: Scope, response: Response) -> Response:
        """*response* to *scope*, with what is configured in place of what the function says."""
        kept = [pair for pair in response.headers if not pair[0].startswith(_PREFIX)]
        headers = self._origin(scope)
        if self.expose_headers and "access-control-allow-origin" in headers:
            headers["access-control-expose-headers"] = ",".join(self.expose_headers)
        return replace(response, headers=kept + header_pairs(headers.items()))

    def _origin(self, scope: Scope) -> dict[str, str]:
        """The headers that let the request's origin in, or that keep it out."""
        origin = header(scope, b"origin") or ""
        anyone = _ANY in self.allow_origins
        if anyone and not self.allow_credentials:
            return {"access-control-allow-origin": _ANY} if origin else {}
        headers = {"vary": "Origin"}
        if _fits(origin) and (anyone or origin.lower() in self.allow_origins):
            # Browsers take no wildcard together with credentials, so the origin is repeated.
            headers["access-control-allow-origin"] = origin
            if self.allow_credentials:
                headers["access-control-allow-credentials"] = "true"
        return headers


def _granted(allowed: tuple[str, ...], requested: str | None) -> str:
    """What is allowed, as a header; a wildcard grants by name what was asked for."""
    if _ANY not in allowed:
        return ",".join(allowed)
    return requested if requested is not None and _fits(requested) else ""


def _fitting(values: Iterable[str] | None) -> tuple[str, ...]:
    return tuple(filter(_fits, values or ()))


def _fits(value: str) -> bool:
    """Whether *value* can be in a header of ours."""
    return value != "" and value.isascii() and value.isprintable()
