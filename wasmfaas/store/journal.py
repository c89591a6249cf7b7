"""Usage records on their way to the ledger, in files that outlive every process of ours.

    0000000000000007.journal    frames: length u32, CRC-32 u32, msgpack [format, *fields of Usage]

A segment is appended to by the process that made it and by no other: what a killed process left may
be torn at its end.
"""

import dataclasses
import logging
import operator
import os
import re
import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgpack

from wasmfaas.errors import ServiceFailure
from wasmfaas.models import Usage
from wasmfaas.store.datadir import disk_errors

_log = logging.getLogger(__name__)

_FORMAT: Final = 1
_FRAME: Final = struct.Struct("<II")
_FIELDS: Final = tuple(field.name for field in dataclasses.fields(Usage))
_SEGMENT: Final = re.compile(r"\d{16}\.journal")
_TEXT_LENGTH_MAX: Final = 256
_INTEGER_MAX: Final = 2**63 - 1


class Journal:
    """The journal in one directory. Lives as long as the server; used from one thread."""

    def __init__(self, directory: Path, segment_bytes_max: int) -> None:
        self._directory = directory
        self._segment_bytes_max = segment_bytes_max
        self._fields = operator.attrgetter(*_FIELDS)
        self._number = max((_number(path) for path in self._segments()), default=0)
        self._descriptor: int | None = None
        self._size = 0

    def append(self, usage: Usage) -> None:
        """Hand *usage* to the kernel, by one write.

        Raises StorageFull where the disk is full, ServiceFailure where it cannot be written; the
        journal is as before then.
        """
        body = _packed(self._fields(usage))
        frame = _FRAME.pack(len(body), zlib.crc32(body)) + body
        with disk_errors():
            if self._descriptor is None or self._size + len(frame) > self._segment_bytes_max:
                self._descriptor = self._next_segment()
            self._write(self._descriptor, frame)

    def seal(self) -> list[Path]:
        """Paths of all segments so far, in order; none of them is written to any more."""
        self.close()
        return self._segments()

    def close(self) -> None:
        """Close the segment that is being written. May be called again; `append` opens another."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor = None
        self._size = 0

    def _write(self, descriptor: int, frame: bytes) -> None:
        try:
            written = os.write(descriptor, frame)
            if written < len(frame):
                # There was room for a part: the next write says why there was not for the rest.
                written += os.write(descriptor, frame[written:])
        except OSError:
            self._take_back(descriptor)
            raise
        self._size += written

    def _take_back(self, descriptor: int) -> None:
        """Undo a half-written frame, so that what follows it can be read."""
        try:
            os.ftruncate(descriptor, self._size)
        except OSError:
            self.close()

    def _next_segment(self) -> int:
        self.close()
        path = self._directory / f"{self._number + 1:016}.journal"
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        descriptor = os.open(path, flags, 0o600)
        self._number += 1
        return descriptor

    def _segments(self) -> list[Path]:
        names = filter(_SEGMENT.fullmatch, os.listdir(self._directory))
        return [self._directory / name for name in sorted(names)]


def read(segment: Path) -> Iterator[dict[str, Any]]:
    """The records in the file *segment*, as fields of `Usage`, up to where it ends or is torn.

    Raises ServiceFailure for a segment of a newer program.
    """
    data = segment.read_bytes()
    at = 0
    while at < len(data):
        length, crc = _FRAME.unpack_from(data, at) if len(data) - at >= _FRAME.size else (0, 0)
        start = at + _FRAME.size
        body = data[start : start + length]
        if not length or len(body) != length or zlib.crc32(body) != crc:
            _log.warning("%s: ignored %d bytes of a torn record", segment.name, len(data) - at)
            return
        form, *fields = msgpack.unpackb(body)
        if form != _FORMAT:
            raise ServiceFailure(f"The journal {segment.name} was written by a newer wasmfaas.")
        values = [
            value
            if value is None or (type(value) is int and 0 <= value <= _INTEGER_MAX)
            else storable(value)
            for value in fields
        ]
        yield dict(zip(_FIELDS, values, strict=True))
        at = start + length


def _number(segment: Path) -> int:
    return int(segment.stem)


def _packed(fields: tuple[Any, ...]) -> bytes:
    packed: bytes
    try:
        packed = msgpack.packb((_FORMAT, *fields))
    except (OverflowError, ValueError):
        packed = msgpack.packb((_FORMAT, *map(storable, fields)))
    return packed


def storable(value: int | str | None) -> int | str | None:
    """*value* as a database can hold it: figures and names may come from a subverted worker."""
    if isinstance(value, int):
        return min(max(value, 0), _INTEGER_MAX)
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "")[:_TEXT_LENGTH_MAX]
    return value
