"""Function logs: append-only, bounded on disk, read by position and followed.

A function has a directory with at most two segments. A segment is a sequence of frames and is
named by the position of its first byte, so a position is one integer that only grows and outlives
the segment it points into. `wasmfaas.invoke.segments` says what is in one.
"""

import asyncio
import contextlib
import errno
import hashlib
import os
import re
import shutil
import time
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from wasmfaas.errors import ServiceFailure, StorageFull, WasmfaasError
from wasmfaas.invoke import segments
from wasmfaas.invoke.segments import LogEntry

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


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
    *open_files_max* bounds the descriptors that stay open between appends, *remembered_max* the
    logs whose ends are known without reading them. The directory belongs to one process; its
    methods are for the event loop's thread, except `read` and `entries`.
    """

    def __init__(
        self,
        directory: Path,
        bytes_max: int,
        *,
        open_files_max: int = 64,
        remembered_max: int = 4096,
        clock_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self._directory = directory
        self._segment_bytes_max = bytes_max // 2
        self._open_files_max = open_files_max
        self._remembered_max = max(remembered_max, open_files_max)
        self._clock_ms = clock_ms
        #: Those opened longest ago come first.
        self._logs: OrderedDict[str, _Log] = OrderedDict()
        self._open: OrderedDict[str, _Log] = OrderedDict()
        self._followers: dict[str, set[_Follower]] = {}

    def append(self, function: str, request_id: str, text: bytes, stream: str = "") -> None:
        """Add one entry; the middle of a *text* that does not fit a segment is cut out.

        The entry survives the death of the process, not a power failure. Raises StorageFull, or
        ServiceFailure where the file system refuses; the log is then as it was before.
        """
        frame = segments.frame(
            self._clock_ms(), f"{request_id} {stream}", text, self._segment_bytes_max
        )
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
            return list(deque(self.entries(function), maxlen=limit))
        return list(islice(self.entries(function, after), limit))

    def entries(self, function: str, after: int = 0, since_ms: int = 0) -> Iterator[LogEntry]:
        """The entries that end beyond *after* and are not older than *since_ms*, oldest first,
        read as they are asked for; in any thread."""
        found = segments.found(self._path(function))
        for index, (base, path) in enumerate(found):
            if index + 1 < len(found) and found[index + 1][0] <= after:
                continue
            yield from segments.read(path, base, after, since_ms)

    def size_bytes(self, function: str) -> int:
        """What the log of *function* takes on the disk; in any thread."""
        total = 0
        for _, path in segments.found(self._path(function)):
            with contextlib.suppress(FileNotFoundError):
                total += path.stat().st_size
        return total

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
        found = segments.found(self._path(function))
        return found[-1][0] + segments.whole_size(found[-1][1]) if found else 0

    def _wake(self, function: str) -> None:
        for follower in self._followers.get(function, ()):
            follower.changed.set()

    def _end(self, followers: set[_Follower]) -> None:
        for follower in followers:
            follower.ended = True
            follower.changed.set()

    def _open_log(self, function: str) -> _Log:
        directory = self._path(function)
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = segments.found(directory)
        if found:
            base, path = found[-1]
            log = _Log(directory, base, segments.whole_size(path))
        else:
            # Positions keep growing when a function is deleted and made again: no log grows by
            # more than a byte in a microsecond.
            log = _Log(directory, self._clock_ms() * 1000, 0)
        self._remember(function, log)
        return log

    def _remember(self, function: str, log: _Log) -> None:
        self._logs[function] = log
        self._logs.move_to_end(function)
        if len(self._logs) > self._remembered_max:
            idle = next(name for name in self._logs if name not in self._open)
            del self._logs[idle]

    def _descriptor(self, function: str, log: _Log) -> int:
        if log.descriptor is not None:
            self._open.move_to_end(function)
            return log.descriptor
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        descriptor = os.open(segments.path_of(log.directory, log.base), flags, 0o600)
        log.descriptor = descriptor
        self._open[function] = log
        self._logs.move_to_end(function)
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
        for base, path in segments.found(log.directory):
            if base < log.base:
                path.unlink(missing_ok=True)
        log.base, log.size = log.end, 0

    def _close(self, function: str, log: _Log) -> None:
        self._open.pop(function, None)
        if log.descriptor is not None:
            os.close(log.descriptor)
            log.descriptor = None

    def _path(self, function: str) -> Path:
        """A directory name that is safe whatever the function is called, and also tells apart
        names that a file system without case would not."""
        encoded = function.encode(errors="surrogatepass")
        readable = re.sub(r"[^a-z0-9_-]", "_", function.lower())[:64]
        return self._directory / f"{readable}-{hashlib.sha256(encoded).hexdigest()[:16]}"


def _storage_error(function: str, error: OSError) -> WasmfaasError:
    if error.errno in _FULL:
        return StorageFull(
            f"The log of function {function} could not be written: no space is left on the disk "
            "of the data directory. Free some, or lower log_bytes_function_max."
        )
    return ServiceFailure(f"The log of function {function} could not be written: {error.strerror}.")
