"""The private `/tmp` of the sandboxes of one worker."""

import contextlib
import ctypes
import errno
import os
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

from wasmfaas import trees
from wasmfaas.sandbox.kernel import Unavailable, call

#: What a file or folder takes at least, so that their number is bounded as well.
_ENTRY_BYTES_MIN = 4096
_BLOCK_BYTES = 512
#: IN_ACCESS, IN_ATTRIB, IN_CREATE, IN_MOVED_TO: reading it leaves a trace as well, in its times.
_CHANGES = 0x1 | 0x4 | 0x100 | 0x80
_EVENTS_BYTES = 64 * 1024


class FolderWatch:
    """Tells whether anything was done to a folder, which is made where it is not there. Lives as
    long as the process, and begins before the jail closes inotify."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor: int | None = None
        with contextlib.suppress(Unavailable):
            descriptor = call("inotify_init1", os.O_NONBLOCK | os.O_CLOEXEC)
            try:
                named = ctypes.create_string_buffer(os.fsencode(path))
                call("inotify_add_watch", descriptor, ctypes.addressof(named), _CHANGES)
            except Unavailable:
                os.close(descriptor)
                raise
            self._descriptor = descriptor

    def saw(self) -> bool:
        """Whether anything happened since the last call; yes where it can't be told."""
        if self._descriptor is None:
            return True
        try:
            return bool(os.read(self._descriptor, _EVENTS_BYTES))
        except BlockingIOError:
            return False

    def forget(self) -> None:
        """What has happened up to now is known."""
        while self._descriptor is not None and self.saw():
            pass


class Scratch:
    """A folder that is empty when an invocation starts and bounded while it runs. Lives as long as
    the worker, which runs one invocation at a time."""

    def __init__(self, watch: FolderWatch) -> None:
        self.path = path = watch.path
        self._watch = watch
        status = os.stat(path)
        #: The folder's own, which a guest can set.
        self._times_ns = (status.st_atime_ns, status.st_mtime_ns)
        self.bytes_max = 0
        self._file_bytes_max = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        self._limited = False
        #: A guest may have taken all others when the folder is to be emptied.
        self._spare_descriptor = self._opened()
        #: Held while the watch looks at the files: what it finds belongs to what runs then.
        self.looking = threading.Lock()
        #: Whether the bound was exceeded since `begin`, and anything done since `end`.
        self.exceeded = False
        self._touched = True

    def begin(self, bytes_max: int) -> None:
        """Start an invocation that may hold *bytes_max*; the kernel bounds each file by itself."""
        with self.looking:
            self.exceeded = False
            if bytes_max != self.bytes_max or not self._limited:
                resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, self._file_bytes_max))
                self.bytes_max, self._limited = bytes_max, True

    def check(self, on_exceeded: Callable[[], None], deadline: float) -> None:
        """Call *on_exceeded* where the files together are beyond the bound; what is not seen by
        *deadline*, of the monotonic clock, does not count."""
        with self.looking:
            self.exceeded = self.exceeded or self._used(deadline) > self.bytes_max
            if self.exceeded:
                on_exceeded()

    def is_clean(self) -> bool:
        """Whether nothing was done to it, so that `end` has nothing to remove."""
        if self.exceeded or self._watch.saw():
            self._touched = True
        return not self._touched

    def end(self) -> None:
        """End an invocation or a start-up: remove everything. Raises OSError.

        The folder's time would not tell whether there is anything: a guest can set it back, and the
        clock behind it stands still for milliseconds.
        """
        if self.is_clean():
            return
        with self.looking:
            self.exceeded = False
            os.close(self._spare_descriptor)
            trees.empty(self.path)
            os.utime(self.path, ns=self._times_ns)
            self._spare_descriptor = self._opened()
            self._watch.forget()
            self._touched = False

    def lift(self) -> None:
        """Lift the bound of files, for what is our own, until the next `begin`."""
        if self._limited:
            limits = (self._file_bytes_max, self._file_bytes_max)
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            self._limited = False

    def _opened(self) -> int:
        return os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def _used(self, deadline: float) -> int:
        used, folders = 0, [os.fspath(self.path)]
        while folders and used <= self.bytes_max:
            try:
                with os.scandir(folders.pop()) as entries:
                    for entry in entries:
                        if time.monotonic() >= deadline:
                            return used
                        held = entry.stat(follow_symlinks=False).st_blocks * _BLOCK_BYTES
                        used += max(held, _ENTRY_BYTES_MIN)
                        if entry.is_dir(follow_symlinks=False):
                            folders.append(entry.path)
            except FileNotFoundError:
                continue  # Removed meanwhile.
            except OSError as error:
                if error.errno == errno.ENAMETOOLONG:
                    return self.bytes_max + 1
        return used


class EventFile:
    """Holds the event of a command, which reads it as stdin; no guest can see it otherwise."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, event: bytes) -> str:
        """Replace the content; returns the path."""
        self._path.write_bytes(event)
        return str(self._path)
