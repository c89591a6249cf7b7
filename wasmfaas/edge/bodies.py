"""Bounds the memory that request bodies take, however many arrive at once and however slowly."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wasmfaas.errors import TooManyRequests


class HeldBodies:
    """Wraps the whole server. Lifetime: process.

    A body counts from its arrival until its request is answered. One that finds no room is refused
    by a TooManyRequests that `receive` raises, so every application answers it in its own form.
    """

    def __init__(self, application: ASGIApp, bytes_max: int) -> None:
        self._application = application
        self._bytes_max = bytes_max
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        held = 0

        async def counted() -> Message:
            nonlocal held
            message = await receive()
            size = len(message.get("body", b""))
            if size:
                self._admit(size)
                held += size
            return message

        try:
            await self._application(scope, counted, send)
        finally:
            self._held -= held

    def _admit(self, size: int) -> None:
        if self._held + size > self._bytes_max:
            raise TooManyRequests(
                f"Rate Exceeded: {self._held} bytes of requests are received or wait already.",
                reason="ConcurrentInvocationLimitExceeded",
            )
        self._held += size
