"""ASGI applications (Starlette, FastAPI, Quart, ...) behind function URLs."""

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ("handler_for",)

def handler_for(
    application: Callable[..., Awaitable[None]],
    *,
    stream: bool = False,
    root_path: str = "",
    lifespan: bool = True,
    warm_up: str | None = None,
) -> Callable[[Any, Any], Any]:
    """A handler that has *application* answer the requests of a function URL.

    With *stream*, the body leaves as it comes where the URL's InvokeMode is RESPONSE_STREAM.
    *root_path* is the one of the scope, in which the event and the context are `wasmfaas.event`
    and `wasmfaas.context`. Without *lifespan* the application is not told of its start. *warm_up*
    is a path that is asked for once, when the function is imported: what that makes, all requests
    find.

    Raises RuntimeError where the application says that its start failed.
    """
