"""Reads request bodies: bounded while they arrive, and few large ones at once."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from starlette.types import Receive

from wasmfaas.errors import RequestTimeout, WasmfaasError

#: Bodies up to this size are read without waiting for a turn.
SMALL_BYTES_MAX = 64 * 1024
#: A client that sends nothing for so long has stalled.
STALL_S = 30.0


class ClientDisconnected(Exception):
    """The client went away before its request was complete; nobody is left to answer."""


class Turns:
    """Lets a bounded number of requests with large bodies be held in memory; others wait.

    Lifetime: process.
    """

    def __init__(self, held_max: int) -> None:
        self._free = asyncio.Semaphore(held_max)

    @asynccontextmanager
    async def turn(self, declared_bytes: int | None) -> AsyncIterator[None]:
        """Holds a place while the body of *declared_bytes* (None: unknown) is in use."""
        if declared_bytes is not None and declared_bytes <= SMALL_BYTES_MAX:
            yield
            return
        async with self._free:
            yield


async def read(
    receive: Receive,
    declared_bytes: int | None,
    bytes_max: int,
    too_large: Callable[[], WasmfaasError],
    *,
    stall_s: float = STALL_S,
) -> bytearray:
    """The whole body.

    Raises what *too_large* makes as soon as the body is known to exceed *bytes_max*,
    RequestTimeout when the client sends nothing for *stall_s*, and ClientDisconnected.
    """
    if declared_bytes == 0:
        return bytearray()
    if declared_bytes is not None and declared_bytes > bytes_max:
        raise too_large()
    body = bytearray()
    more = True
    while more:
        try:
            async with asyncio.timeout(stall_s):
                message = await receive()
        except TimeoutError:
            raise RequestTimeout(
                f"The request's body stopped arriving: {len(body)} bytes were received, then "
                f"nothing for {stall_s:g} s."
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        body += message.get("body", b"")
        if len(body) > bytes_max:
            raise too_large()
        more = message.get("more_body", False)
    return body
