"""Frames between the server and its child processes: four bytes of length, then msgpack.

Both ends of a channel are ours, but a worker runs untrusted guests and may be subverted, so the
server bounds and checks what it reads: a frame that breaks a rule raises `BrokenFrame`, upon which
the server kills the worker.
"""

import struct
from collections.abc import Iterator
from typing import Any

import msgpack

_LENGTH = struct.Struct("<I")
#: One answer, one log and the figures; events are at most as large.
FRAME_BYTES_MAX = 16 * 1024 * 1024
#: A part of an answer that is streamed.
CHUNK_BYTES_MAX = 64 * 1024


class BrokenFrame(Exception):
    """The peer sent a frame that is too long or not a msgpack map."""


def encode(message: dict[str, Any]) -> bytes:
    """*message* as one frame."""
    body: bytes = msgpack.packb(message)
    if len(body) > FRAME_BYTES_MAX:
        raise BrokenFrame(f"frame of {len(body)} bytes; at most {FRAME_BYTES_MAX} are sent")
    return _LENGTH.pack(len(body)) + body


class Decoder:
    """Turns a stream of bytes into messages. Lives as long as its channel."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        """Yield every message that *data* completes.

        Raises BrokenFrame where the stream is not ours.
        """
        if not self._buffer and len(data) > _LENGTH.size:
            (size,) = _LENGTH.unpack_from(data)
            if size == len(data) - _LENGTH.size and size <= FRAME_BYTES_MAX:
                # One frame, and no part of another: nothing has to be kept.
                yield decode(memoryview(data)[_LENGTH.size :])
                return
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (size,) = _LENGTH.unpack_from(self._buffer)
            if size > FRAME_BYTES_MAX:
                raise BrokenFrame(f"frame of {size} bytes; at most {FRAME_BYTES_MAX} are read")
            end = _LENGTH.size + size
            if len(self._buffer) < end:
                return
            body = bytes(memoryview(self._buffer)[_LENGTH.size : end])
            del self._buffer[:end]
            yield decode(body)


def decode(body: bytes | memoryview) -> dict[str, Any]:
    """The message in *body*. Raises BrokenFrame where there is none."""
    try:
        message = msgpack.unpackb(body, max_map_len=1024, max_array_len=65536)
    except Exception as error:
        raise BrokenFrame(f"not msgpack: {error}") from error
    if not isinstance(message, dict):
        raise BrokenFrame(f"a {type(message).__name__} where a map belongs")
    return message
