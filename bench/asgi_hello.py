"""The least that an ASGI application can do: the baseline of `http`, to be run by uvicorn."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from bench.hello import GREETING

_BODY = f'{{"greeting": "{GREETING}"}}'.encode()
_START = {
    "type": "http.response.start",
    "status": 200,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_BODY)).encode()),
    ],
}
_END = {"type": "http.response.body", "body": _BODY}

Message = MutableMapping[str, Any]


async def app(
    scope: Message,
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Say hello, whatever is asked."""
    assert scope["type"] == "http"
    await send(_START)
    await send(_END)
