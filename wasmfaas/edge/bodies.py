"""Bounds the memory that bodies take, of requests and of answers, however many there are at once,
and however slowly they are sent and read."""

import asyncio
import contextlib
import ctypes
import functools

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wasmfaas.errors import TooManyRequests

#: A body of this size is work for as long as another request may have to wait.
LARGE_BYTES = 256 * 1024
#: After so much was held, memory is given back to the system once most of it is answered.
_TRIM_BYTES = 32 * 1024 * 1024


class HeldBodies:
    """Wraps the whole server. Lifetime: process.

    A body counts from its arrival until its request is answered, and a large answer until it is
    read. What finds no room is refused by a TooManyRequests that `receive` raises, so that every
    application answers it in its own form. Large bodies are handed over one by one, so that others
    get their turn in between.
    """

    def __init__(self, application: ASGIApp, bytes_max: int) -> None:
        self._application = application
        self._bytes_max = bytes_max
        self._held = 0
        #: The most that was held since memory was given back.
        self._peak = 0
        self._handing_over = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._serve(self._application, scope, receive, send)

    def around(self, application: ASGIApp) -> ASGIApp:
        """*application*, with what it holds counted as well."""
        return functools.partial(self._serve, application)

    async def _serve(
        self, application: ASGIApp, scope: Scope, receive: Receive, send: Send
    ) -> None:
        held, is_answered = 0, False

        async def counted() -> Message:
            nonlocal held
            message = await receive()
            if message["type"] != "http.request" or is_answered:
                return message
            size = len(message.get("body", b""))
            if size or self._held > self._bytes_max:
                self._admit(size)
                held += size
            if held > LARGE_BYTES and not message.get("more_body", False):
                async with self._handing_over:
                    await asyncio.sleep(0)
            return message

        async def answer(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            body = message.get("body")
            if body and len(body) > LARGE_BYTES:
                await self._send_large(message, send)
            else:
                await send(message)

        try:
            await application(scope, counted, answer)
        finally:
            if held:
                self._release(held)

    def _release(self, size: int) -> None:
        self._held -= size
        if self._peak > _TRIM_BYTES and self._held < self._peak // 4:
            _trim()
            self._peak = self._held

    async def _send_large(self, message: Message, send: Send) -> None:
        size = len(message.get("body", b""))
        self._hold(size)
        try:
            await send({**message, "more_body": True})
            # Returns when the client has read most of it, or is given up.
            more = message.get("more_body", False)
            await send({"type": "http.response.body", "body": b"", "more_body": more})
        finally:
            self._release(size)

    def _admit(self, size: int) -> None:
        if self._held + size > self._bytes_max:
            raise TooManyRequests(
                f"Rate Exceeded: {self._held} bytes of requests and answers are held already.",
                reason="ConcurrentInvocationLimitExceeded",
            )
        self._hold(size)

    def _hold(self, size: int) -> None:
        self._held += size
        self._peak = max(self._peak, self._held)


def _trim() -> None:
    """glibc keeps what is freed, as it lies between what is not; other libraries have no such call
    and no such need."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)
