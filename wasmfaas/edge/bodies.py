"""Bounds the memory that request bodies take, however many arrive at once and however slowly."""

import asyncio
import contextlib
import ctypes

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wasmfaas.errors import TooManyRequests

#: A body of this size is work for as long as another request may have to wait.
_LARGE_BYTES = 256 * 1024
#: After so much was held, memory is given back to the system once all of it is answered.
_TRIM_BYTES = 32 * 1024 * 1024


class HeldBodies:
    """Wraps the whole server. Lifetime: process.

    A body counts from its arrival until its request is answered. One that finds no room is refused
    by a TooManyRequests that `receive` raises, so every application answers it in its own form.
    Large ones are handed over one by one, so that others get their turn in between.
    """

    def __init__(self, application: ASGIApp, bytes_max: int) -> None:
        self._application = application
        self._bytes_max = bytes_max
        self._held = 0
        #: The most that was held since memory was given back.
        self._peak = 0
        self._handing_over = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = 0

        async def counted() -> Message:
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            if size:
                self._admit(size)
                held += size
                if held > _LARGE_BYTES and not message.get("more_body", False):
                    async with self._handing_over:
                        await asyncio.sleep(0)
            return message

        try:
            await self._application(scope, counted, send)
        finally:
            self._release(held)

    def _release(self, size: int) -> None:
        self._held -= size
        if not self._held and self._peak > _TRIM_BYTES:
            _trim()
            self._peak = 0

    def _admit(self, size: int) -> None:
        if self._held + size > self._bytes_max:
            raise TooManyRequests(
                f"Rate Exceeded: {self._held} bytes of requests are received or wait already.",
                reason="ConcurrentInvocationLimitExceeded",
            )
        self._held += size
        self._peak = max(self._peak, self._held)


def _trim() -> None:
    """glibc keeps what is freed, as it lies between what is not; other libraries have no such call
    and no such need."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
