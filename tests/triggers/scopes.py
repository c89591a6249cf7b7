"""What the tests of triggers share: requests as a server hands them over, and patience."""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

Pairs = Iterable[tuple[str, str]]


def http_scope(
    method: str = "GET",
    target: str = "/",
    headers: Pairs = (),
    *,
    client: tuple[str, int] | None = ("127.0.0.1", 50000),
    server: tuple[str, int | None] | None = ("127.0.0.1", 3001),
) -> dict[str, Any]:
    """The ASGI scope of a request for *target*: a path and a query, percent-encoded."""
    path, _, query = target.partition("?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode("latin-1"),
        "query_string": query.encode("latin-1"),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "client": client,
        "server": server,
    }


async def until(condition: Callable[[], bool]) -> None:
    """Wait until *condition* holds, for what has no event of its own."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)
