"""The files that logs are made of: frames, one after another.

    frame := size u32 · crc32 u32 · timestamp_ms u64 · origin length u8 · origin · text
    origin := request id · space · stream; in frames of older programs the request id alone

A guest decides what is in a frame but not where it ends. A frame that a power failure tore is
ignored by readers and cut off before the next one is written.

A segment is named by the position of its first byte: `<position, 20 digits>.log`.
"""

import os
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_PREFIX = struct.Struct("<II")
_META = struct.Struct("<QB")
_ORIGIN_BYTES_MAX = 255


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One append. `position` is where the entry ends: read on from there with `after`."""

    position: int
    timestamp_ms: int
    request_id: str
    text: bytes
    #: The log stream that the guest was told it writes to; empty where there was none.
    stream: str
    #: Where the entry starts; `after` this position, it is the first.
    start: int


def frame(timestamp_ms: int, origin: str, text: bytes, bytes_max: int) -> bytes:
    """One frame of at most *bytes_max*; the middle of a *text* that does not fit is cut out."""
    source = origin.encode(errors="replace")[:_ORIGIN_BYTES_MAX]
    room = bytes_max - _PREFIX.size - _META.size - len(source)
    if len(text) > room:
        mark = b"\n[cut to fit the log: %d bytes in all]\n" % len(text)
        kept = room - len(mark)
        text = text[: kept // 2] + mark + text[len(text) - (kept - kept // 2) :]
    body = _META.pack(timestamp_ms, len(source)) + source + text
    return _PREFIX.pack(len(body), zlib.crc32(body)) + body


def path_of(directory: Path, base: int) -> Path:
    """The segment in *directory* whose first byte is at *base*."""
    return directory / f"{base:020d}.log"


def found(directory: Path) -> list[tuple[int, Path]]:
    """The segments in *directory* with their first positions, oldest first."""
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    return [
        (int(name.removesuffix(".log")), directory / name)
        for name in names
        if re.fullmatch(r"\d{20}\.log", name)
    ]


def read(path: Path, base: int, after: int, since_ms: int) -> Iterator[LogEntry]:
    """The entries of a segment that end beyond *after*, read as they are asked for."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        # A position that this log gave out is where a frame starts. Another one is found by
        # walking there from the first frame.
        start = max(0, after - base)
        if start >= _size(file):
            return
        if next(_bodies(file, start), None) is None:
            start = 0
        for end, body in _bodies(file, start, since_ms):
            if base + end > after:
                yield _entry(body, base + end)


def _entry(body: bytes, position: int) -> LogEntry:
    timestamp_ms, origin_size = _META.unpack_from(body)
    text_at = _META.size + origin_size
    request_id, _, stream = body[_META.size : text_at].decode(errors="replace").partition(" ")
    start = position - _PREFIX.size - len(body)
    return LogEntry(position, timestamp_ms, request_id, body[text_at:], stream, start)


def _bodies(file: BinaryIO, start: int, since_ms: int = 0) -> Iterator[tuple[int, bytes]]:
    """What the whole frames from *start* on hold, up to the first that is not whole, each with the
    offset at which it ends. Those older than *since_ms* are passed over unread."""
    end, size_bytes = start, _size(file)
    file.seek(start)
    while len(prefix := file.read(_PREFIX.size)) == _PREFIX.size:
        size, checksum = _PREFIX.unpack(prefix)
        end += _PREFIX.size + size
        if size < _META.size or end > size_bytes:
            return
        meta = file.read(_META.size)
        if _META.unpack(meta)[0] < since_ms:
            file.seek(end)
            continue
        body = meta + file.read(size - _META.size)
        if zlib.crc32(body) != checksum:
            return
        yield end, body


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def whole_size(path: Path) -> int:
    """Length of the whole frames that a segment starts with."""
    with path.open("rb") as file:
        return max((end for end, _ in _bodies(file, 0)), default=0)
