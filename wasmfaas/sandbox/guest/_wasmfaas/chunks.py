"""Answers that come in parts: what an iterator yields."""

from collections.abc import Callable
from typing import Any

from _wasmfaas import coroutines

#: Given to the host at once.
_PIECE_BYTES = 65536

#: Takes bytes, each as a character, and says whether more is wanted.
Emit = Callable[[str], bool]


def is_stream(answer: Any) -> bool:
    """Whether *answer* is an iterator, such as a generator or an open file."""
    return hasattr(type(answer), "__next__") or coroutines.is_generator(answer)


def send(chunks: Any, emit: Emit) -> None:
    """Give what *chunks* yields to *emit*, as it comes, until no more is wanted."""
    if coroutines.is_generator(chunks):
        chunks = coroutines.iterated(chunks)
    try:
        for chunk in chunks:
            data = _bytes(chunk)
            for start in range(0, len(data), _PIECE_BYTES):
                if not emit(data[start : start + _PIECE_BYTES].decode("latin-1")):
                    return
    finally:
        close = getattr(chunks, "close", None)
        if close is not None:
            close()


def _bytes(chunk: Any) -> bytes:
    if isinstance(chunk, str):
        return chunk.encode("utf-8", "replace")
    if isinstance(chunk, bytes | bytearray | memoryview):
        return bytes(chunk)
    raise TypeError(f"a streamed answer yields str or bytes, not {type(chunk).__name__}")
