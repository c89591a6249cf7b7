"""WSGI applications (Flask, Django, Bottle, ...) behind function URLs."""

from collections.abc import Callable, Iterable
from typing import Any

__all__ = ("handler_for",)

def handler_for(
    application: Callable[..., Iterable[bytes]],
    *,
    stream: bool = False,
    root_path: str = "",
    warm_up: str | None = None,
) -> Callable[[Any, Any], Any]:
    """A handler that has *application* answer the requests of a function URL.

    With *stream*, the body leaves as it comes where the URL's InvokeMode is RESPONSE_STREAM.
    *root_path* is what the application is to see as SCRIPT_NAME. *warm_up* is a path that is asked
    for once, when the function is imported: what that makes, all requests find. The event and the
    context are in the environment as `wasmfaas.event` and `wasmfaas.context`.
    """
