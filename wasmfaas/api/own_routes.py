"""What our own routes have in common: their rows, what they are asked, and how they answer."""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.responses import Response

from wasmfaas.api.response import JSON_TYPE, encoded
from wasmfaas.errors import InvalidParameterValue

PREFIX = "/_wasmfaas/v1"
#: Where endpoints find a request's body: a key of the ASGI scope.
BODY = "wasmfaas.body"

Endpoint = Callable[[Request], Awaitable[Response]]
#: Method, path, endpoint, and the action that its caller has to be allowed; None lets anyone in.
RouteRow = tuple[str, str, Endpoint, str | None]


class RouteGroup(Protocol):
    """Routes that belong together."""

    def rows(self) -> Iterable[RouteRow]: ...


def body_of(request: Request) -> bytes:
    """The body of a request whose caller was admitted."""
    body: bytes = request.scope[BODY]
    return body


def json_response(document: Any, status: int = 200) -> Response:
    """*document* as JSON."""
    return Response(encoded(document), status, media_type=JSON_TYPE)


def number(request: Request, name: str, *, least: int) -> int | None:
    """The query parameter *name* as a whole number; None if it is absent."""
    given = request.query_params.get(name)
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 18) or int(given) < least:
        raise InvalidParameterValue(
            f"{name} is '{given[:50]}', but must be a whole number from {least}."
        )
    return int(given)


def text(request: Request, name: str) -> str | None:
    """The query parameter *name* as a name or an id; None if it is absent."""
    given = request.query_params.get(name)
    if given is not None and not (given.isascii() and given.isprintable()):
        raise InvalidParameterValue(f"{name} is {given[:50]!a}, but must be printable ASCII.")
    return given
