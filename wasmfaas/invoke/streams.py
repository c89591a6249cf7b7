"""Answers that come in parts, on their way from a worker to whoever reads them."""

import asyncio
from collections import deque
from collections.abc import Callable

from wasmfaas.errors import WasmfaasError
from wasmfaas.models import Outcome

#: What is held of a stream for a reader who is slow: its function then waits, within its timeout.
WINDOW_BYTES = 1024 * 1024


class ResponseStream:
    """The answer of one invocation, as it comes. Has one reader, who has to close it. Lives until
    both the invocation and its reader have ended.

    A reader who leaves early ends nothing: the function runs on, as on Lambda, for nobody.
    """

    def __init__(self, executed_version: str, bytes_max: int) -> None:
        self.executed_version = executed_version
        #: How the invocation ended; None while it has not.
        self.outcome: Outcome | None = None
        #: How much has come.
        self.bytes = 0
        self.on_close: Callable[[], None] = lambda: None
        self._bytes_max = bytes_max
        self._chunks: deque[bytes] = deque()
        #: How much more may come before the reader takes some, and what it took since it was told.
        self._room = WINDOW_BYTES
        self._taken = 0
        self._more: Callable[[int], None] = lambda size: None
        self._error: WasmfaasError | None = None
        self._closed = False
        self._changed = asyncio.Event()

    def terms(self) -> dict[str, int]:
        """What a worker is told: how much may come, in all and before it hears more."""
        return {"bytes_max": self._bytes_max, "room": self._room}

    async def read(self) -> bytes | None:
        """The next part, never empty; None at the end. Raises WasmfaasError, as `Invoker.invoke`,
        where there is no outcome."""
        while not self._chunks:
            if self._error is not None:
                raise self._error
            if self.outcome is not None:
                return None
            self._changed.clear()
            await self._changed.wait()
        chunk = self._chunks.popleft()
        self._take(len(chunk))
        return chunk

    def close(self) -> None:
        """Read no more of it."""
        self._closed = True
        self._take(sum(map(len, self._chunks)))
        self._chunks.clear()
        self.on_close()

    def feed(self, data: bytes, more: Callable[[int], None]) -> None:
        """A part has come; *more* lets so many bytes more come. Raises ValueError for what is more
        than was allowed."""
        self.bytes += len(data)
        self._room -= len(data)
        if self.bytes > self._bytes_max or self._room < 0:
            raise ValueError("more of an answer than there was room for")
        self._more = more
        if self._closed:
            self._take(len(data))
        elif data:
            self._chunks.append(data)
            self._changed.set()

    def end(self, ending: Outcome | WasmfaasError) -> None:
        """Nothing more will come."""
        if isinstance(ending, Outcome):
            self.outcome = ending
        else:
            self._error = ending
        self._changed.set()

    def _take(self, size: int) -> None:
        self._taken += size
        if self._taken >= WINDOW_BYTES // 2:
            size, self._taken = self._taken, 0
            self._room += size
            self._more(size)
