"""An answer that a guest gives in parts, ahead of its end."""

import os
import select
import socket
from collections import deque
from collections.abc import Callable
from typing import Any

from wasmfaas import wire

#: A buffer of this size is made for every read; of a larger one, the system would be asked.
_RECEIVE_BYTES = 64 * 1024
#: How often it is looked whether a call that waits has to end.
_LOOK_MS = 50

#: Takes a part; False once no more is wanted.
Forward = Callable[[bytes], bool]


class Stream:
    """The parts of the answer of whatever is called in this worker: sent on as they come where the
    caller wants them so, joined otherwise. Lives as long as the worker.

    Nothing is taken while it is closed, and nothing of one call is left when it is closed.
    """

    def __init__(self) -> None:
        self._forward: Forward | None = None
        self._parts: list[bytes] = []
        self._room = 0
        #: What the parts may have together.
        self.bytes_max = 0
        #: Whether the guest gave more than that.
        self.exceeded = False
        #: Whether it gave anything, be it nothing at all.
        self.begun = False

    def forward(self, bytes_max: int, forward: Forward) -> None:
        """Send what the next call gives to *forward*."""
        self.bytes_max, self._forward = bytes_max, forward

    def open(self, bytes_max: int) -> None:
        """Take the parts of an answer: of up to *bytes_max* where they are joined."""
        if self._forward is None:
            self.bytes_max = bytes_max
        self._room, self.exceeded, self.begun = self.bytes_max, False, False

    def emit(self, _: object, text: str) -> bool:
        """What guests import: a part of the answer, each character of *text* a byte. Waits for
        whoever takes it; False once no more is wanted."""
        self.begun = True
        if len(text) > self._room:
            self._room, self.exceeded = 0, True
            return False
        data = text.encode("latin-1", "replace")
        self._room -= len(data)
        if self._forward is not None:
            return self._forward(data)
        self._parts.append(data)
        return True

    def close(self) -> bytes:
        """Take no more; returns what was not sent on."""
        parts, self._parts = self._parts, []
        self._forward, self._room = None, 0
        return b"".join(parts)


class Inbox:
    """The messages that the server sends, one after the other. Lives as long as the worker."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._decoder = wire.Decoder()
        self._messages: deque[dict[str, Any]] = deque()
        self._readable = select.poll()
        self._readable.register(channel, select.POLLIN)
        #: How many bytes of the stream that runs the server has room for.
        self.room = 0
        #: The answer to a call, until somebody takes it.
        self.called: dict[str, Any] | None = None

    def next(self) -> dict[str, Any] | None:
        """The next message; None once the server has gone."""
        while not self._messages:
            data = self._channel.recv(_RECEIVE_BYTES)
            if not data:
                return None
            self._take(data)
        return self._messages.popleft()

    def wait(self) -> None:
        """Wait for the server to make room or to answer a call, but not for long. Ends the process
        where it has gone."""
        if self._readable.poll(_LOOK_MS):
            data = self._channel.recv(_RECEIVE_BYTES)
            if not data:
                os._exit(0)
            self._take(data)

    def _take(self, data: bytes) -> None:
        for message in self._decoder.feed(data):
            if message["op"] == "more":
                self.room += message["bytes"]
            elif message["op"] == "called":
                self.called = message
            else:
                self._messages.append(message)
