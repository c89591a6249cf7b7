"""Function logs: append-only, bounded on disk, read by position and followed.

A function has a directory with at most two segments. A segment is a sequence of frames and is
named by the position of its first byte, so a position is one integer that only grows and outlives
the segment it points into:

    <directory>/<name>-<hash>/<position of first byte>.log
    frame := size u32 · crc32 u32 · timestamp_ms u64 · request id length u8 · request id · text

A guest decides what is in a frame but not where it ends. A frame that a power failure tore is
ignored by readers and cut off before the next one is written.
"""

import asyncio
import errno
import hashlib
import os
import re
import shutil
import struct
import time
import zlib
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from wasmfaas.errors import ServiceFailure, StorageFull, WasmfaasError

_PREFIX = struct.Struct("<II")
_META = struct.Struct("<QB")
_OVERHEAD = _PREFIX.size + _META.size
_REQUEST_ID_BYTES_MAX = 128
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One append. `position` is where the entry ends: read on from there with `after`."""

    position: int
    timestamp_ms: int
    request_id: str
    text: bytes


@dataclass(slots=True)
class _Log:
    """The segment of a function that is written to."""

    directory: Path
    base: int
    size: int
    descriptor: int | None = None

    @property
    def end(self) -> int:
        return self.base + self.size


@dataclass(slots=True, eq=False)
class _Follower:
    changed: asyncio.Event
    ended: bool = False


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class LogStore:
    """The logs of all functions under *directory*; lives as long as the server.

    *bytes_max* bounds what one function keeps on disk; the older half goes first.
    *open_files_max* bounds the descriptors that stay open between appends. The directory belongs
    to one process; its methods are for the event loop's thread, except `read`.
    """

    def __init__(
        self,
        directory: Path,
        bytes_max: int,
        *,
        open_files_max: int = 64,
        clock_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self._directory = directory
        self._segment_bytes_max = bytes_max // 2
        self._open_files_max = open_files_max
        self._clock_ms = clock_ms
        self._logs: dict[str, _Log] = {}
        self._open: OrderedDict[str, _Log] = OrderedDict()
        self._followers: dict[str, set[_Follower]] = {}

    def append(self, function: str, request_id: str, text: bytes) -> None:
        """Add one entry; the middle of a *text* that does not fit a segment is cut out.

        The entry survives the death of the process, not a power failure. Raises StorageFull, or
        ServiceFailure where the file system refuses; the log is then as it was before.
        """
        frame = self._frame(request_id, text)
        try:
            log = self._logs.get(function) or self._open_log(function)
            if log.size and log.size + len(frame) > self._segment_bytes_max:
                self._rotate(function, log)
            self._write(log, self._descriptor(function, log), frame)
        except OSError as error:
            raise _storage_error(function, error) from error
        self._wake(function)

    def read(self, function: str, *, after: int | None = None, limit: int) -> list[LogEntry]:
        """At most *limit* entries, oldest first; may be called in any thread.

        With *after*, the first ones that end beyond that position; without, the newest ones.
        Entries that rotation removed are skipped.
        """
        if after is None:
            return list(deque(self._entries(function, 0), maxlen=limit))
        entries: list[LogEntry] = []
        for entry in self._entries(function, after):
            if len(entries) >= limit:
                break
            entries.append(entry)
        return entries

    def follow(self, function: str, *, after: int | None = None) -> AsyncIterator[LogEntry]:
        """Every entry beyond *after*, or appended from now on; ends when the log is deleted or
        the store is closed."""
        if after is None:
            after = self._end_position(function)
        return self._follow(function, after)

    def delete(self, function: str) -> None:
        """Remove the function's log, if any, and end its followers.

        A function made again under this name has positions beyond those of the removed log.
        """
        log = self._logs.pop(function, None)
        if log is not None:
            self._close(function, log)
        shutil.rmtree(self._path(function), ignore_errors=True)
        self._end(self._followers.pop(function, set()))

    def close(self) -> None:
        """Close the files and end all followers."""
        for function, log in list(self._open.items()):
            self._close(function, log)
        for followers in self._followers.values():
            self._end(followers)

    async def _follow(self, function: str, position: int) -> AsyncIterator[LogEntry]:
        follower = _Follower(asyncio.Event())
        self._followers.setdefault(function, set()).add(follower)
        try:
            while not follower.ended:
                follower.changed.clear()
                entries = self.read(function, after=position, limit=100)
                for entry in entries:
                    yield entry
                    position = entry.position
                if not entries and not follower.ended:
                    await follower.changed.wait()
        finally:
            followers = self._followers.get(function, set())
            followers.discard(follower)
            if not followers:
                self._followers.pop(function, None)

    def _end_position(self, function: str) -> int:
        if function in self._logs:
            return self._logs[function].end
        segments = _segments(self._path(function))
        return segments[-1][0] + _whole_size(segments[-1][1]) if segments else 0

    def _wake(self, function: str) -> None:
        for follower in self._followers.get(function, ()):
            follower.changed.set()

    def _end(self, followers: set[_Follower]) -> None:
        for follower in followers:
            follower.ended = True
            follower.changed.set()

    def _frame(self, request_id: str, text: bytes) -> bytes:
        identifier = request_id.encode(errors="replace")[:_REQUEST_ID_BYTES_MAX]
        room = self._segment_bytes_max - _OVERHEAD - len(identifier)
        if len(text) > room:
            mark = b"\n[cut to fit the log: %d bytes in all]\n" % len(text)
            kept = room - len(mark)
            text = text[: kept // 2] + mark + text[len(text) - (kept - kept // 2) :]
        body = _META.pack(self._clock_ms(), len(identifier)) + identifier + text
        return _PREFIX.pack(len(body), zlib.crc32(body)) + body

    def _open_log(self, function: str) -> _Log:
        directory = self._path(function)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        segments = _segments(directory)
        if segments:
            base, path = segments[-1]
            log = _Log(directory, base, _whole_size(path))
        else:
            # Positions keep growing when a function is deleted and made again: no log grows by
            # more than a byte in a microsecond.
            log = _Log(directory, self._clock_ms() * 1000, 0)
        self._logs[function] = log
        return log

    def _descriptor(self, function: str, log: _Log) -> int:
        if log.descriptor is not None:
            self._open.move_to_end(function)
            return log.descriptor
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(_segment_path(log.directory, log.base), flags, 0o600)
        log.descriptor = descriptor
        self._open[function] = log
        if len(self._open) > self._open_files_max:
            self._close(*next(iter(self._open.items())))
        os.ftruncate(descriptor, log.size)
        return descriptor

    def _write(self, log: _Log, descriptor: int, frame: bytes) -> None:
        try:
            written = os.pwrite(descriptor, frame, log.size)
            if written != len(frame):
                raise OSError(errno.ENOSPC, "short write")
        except OSError:
            os.ftruncate(descriptor, log.size)
            raise
        log.size += len(frame)

    def _rotate(self, function: str, log: _Log) -> None:
        self._close(function, log)
        for base, path in _segments(log.directory):
            if base < log.base:
                path.unlink(missing_ok=True)
        log.base, log.size = log.end, 0

    def _close(self, function: str, log: _Log) -> None:
        self._open.pop(function, None)
        if log.descriptor is not None:
            os.close(log.descriptor)
            log.descriptor = None

    def _entries(self, function: str, after: int) -> Iterator[LogEntry]:
        segments = _segments(self._path(function))
        for index, (base, path) in enumerate(segments):
            if index + 1 < len(segments) and segments[index + 1][0] <= after:
                continue
            yield from _read_segment(path, base, after)

    def _path(self, function: str) -> Path:
        """A directory name that is safe whatever the function is called, and also tells apart
        names that a file system without case would not."""
        encoded = function.encode(errors="surrogatepass")
        readable = re.sub(r"[^a-z0-9_-]", "_", function.lower())[:64]
        return self._directory / f"{readable}-{hashlib.sha256(encoded).hexdigest()[:16]}"


def _segment_path(directory: Path, base: int) -> Path:
    return directory / f"{base:020d}.log"


def _segments(directory: Path) -> list[tuple[int, Path]]:
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


def _read_segment(path: Path, base: int, after: int) -> Iterator[LogEntry]:
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
        position = base + start
        for body in _bodies(file, start):
            position += _PREFIX.size + len(body)
            if position > after:
                yield _entry(body, position)


def _entry(body: bytes, position: int) -> LogEntry:
    timestamp_ms, identifier_size = _META.unpack_from(body)
    text_at = _META.size + identifier_size
    request_id = body[_META.size : text_at].decode(errors="replace")
    return LogEntry(position, timestamp_ms, request_id, body[text_at:])


def _bodies(file: BinaryIO, start: int) -> Iterator[bytes]:
    """What the whole frames from *start* on hold, up to the first that is not whole."""
    left = _size(file) - start
    file.seek(start)
    while len(prefix := file.read(_PREFIX.size)) == _PREFIX.size:
        size, checksum = _PREFIX.unpack(prefix)
        left -= _PREFIX.size + size
        if size < _META.size or left < 0:
            return
        body = file.read(size)
        if zlib.crc32(body) != checksum:
            return
        yield body


def _size(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_size


def _whole_size(path: Path) -> int:
    """Length of the whole frames that a segment starts with."""
    with path.open("rb") as file:
        return sum(_PREFIX.size + len(body) for body in _bodies(file, 0))


def _storage_error(function: str, error: OSError) -> WasmfaasError:
    if error.errno in _FULL:
        return StorageFull(
            f"The log of function {function} could not be written: no space is left on the disk "
            "of the data directory. Free some, or lower log_bytes_function_max."
        )
    return ServiceFailure(f"The log of function {function} could not be written: {error.strerror}.")
