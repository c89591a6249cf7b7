"""What a guest writes to its standard streams, bounded."""

import contextlib
import fcntl
import os
import threading

_PIPE_BYTES = 1024 * 1024


class Kept:
    """Bytes up to a limit, and a count of the rest."""

    def __init__(self, bytes_max: int = 0) -> None:
        self._bytes_max = bytes_max
        self._chunks: list[bytes] = []
        self._kept = 0
        self.dropped = 0

    def write(self, data: bytes) -> int:
        """Wasmtime's output callback: everything is accepted, not everything is kept."""
        room = self._bytes_max - self._kept
        kept = data[:room] if room < len(data) else data
        self._kept += len(kept)
        self.dropped += len(data) - len(kept)
        if kept:
            self._chunks.append(kept)
        return len(data)

    def take(self) -> bytes:
        """What was kept and not yet taken; the limit goes on counting it."""
        chunks, self._chunks = self._chunks, []
        return b"".join(chunks)


class Output:
    """The log of whatever runs in this worker: a pipe that guests write to as if it was a file. A
    callback would cost two changes of thread for every line. Lives as long as the worker.

    A guest that fills the pipe waits until the watch, on its own thread, takes what is in it.
    """

    def __init__(self) -> None:
        self._reader, self._writer = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self._reader, False)
        # Left as it is where the kernel grants less.
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        #: For Wasmtime to open.
        self.path = f"/proc/self/fd/{self._writer}"
        self._lock = threading.Lock()
        self._log = Kept()
        #: Whether nothing can be in the pipe.
        self._ended = False

    def begin(self, bytes_max: int) -> None:
        """Begin anew; what was left goes."""
        with self._lock:
            if not self._ended:
                self._drain()
            self._ended = False
            self._log = Kept(bytes_max)

    def take(self) -> bytes:
        """What was written and not yet taken, up to the limit."""
        with self._lock:
            self._drain()
            return self._log.take()

    def end(self) -> bytes:
        """As `take`, once nothing writes any more until the next `begin`."""
        taken = self.take()
        self._ended = True
        return taken

    def relieve(self) -> None:
        """Make room in the pipe; what was in it can still be taken."""
        with self._lock:
            self._drain()

    @property
    def dropped(self) -> int:
        """How many bytes were beyond the limit."""
        return self._log.dropped

    def _drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self._reader, _PIPE_BYTES):
                self._log.write(data)
