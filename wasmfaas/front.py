"""The front door: sends each request to the application that it is for."""

from collections.abc import Callable, Sequence

from starlette.types import ASGIApp, Receive, Scope, Send

#: Says whether a request is for the application beside it.
Row = tuple[Callable[[Scope], bool], ASGIApp]


class Front:
    """The ASGI application of all of them. Lifetime: process."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self._rows = rows

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The first row that matches gets it; the last has to match everything."""
        if scope["type"] == "lifespan":
            return
        application = next(application for matches, application in self._rows if matches(scope))
        await application(scope, receive, send)


def always(scope: Scope) -> bool:
    """Matches whatever nothing else has matched."""
    return True
