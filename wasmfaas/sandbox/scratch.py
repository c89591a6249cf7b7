"""The private `/tmp` of the sandboxes of one worker."""

import os
import resource
import shutil
from pathlib import Path


class Scratch:
    """A folder that is empty when an invocation starts and bounded while it runs. Lives as long as
    the worker, which runs one invocation at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.bytes_max = 0
        self._file_bytes_max = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        self._limited = False
        self._changed_ns = os.stat(path).st_mtime_ns
        #: Whether the bound was exceeded since `begin`.
        self.exceeded = False

    def begin(self, bytes_max: int) -> None:
        """Start an invocation that may hold *bytes_max*; the kernel bounds each file by itself."""
        self.exceeded = False
        if bytes_max != self.bytes_max or not self._limited:
            resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_max, self._file_bytes_max))
            self.bytes_max, self._limited = bytes_max, True

    def check(self) -> bool:
        """Whether the files together still are within the bound."""
        self.exceeded = self.exceeded or self._used() > self.bytes_max
        return not self.exceeded

    def end(self) -> None:
        """End an invocation: remove everything."""
        self.exceeded = False
        # Whatever is made or removed changes the folder's time.
        if os.stat(self.path).st_mtime_ns == self._changed_ns:
            return
        for entry in os.scandir(self.path):
            if entry.is_dir(follow_symlinks=False):
                shutil.rmtree(entry.path, ignore_errors=True)
            else:
                os.unlink(entry.path)
        self._changed_ns = os.stat(self.path).st_mtime_ns

    def lift(self) -> None:
        """Lift the bound of files, for what is our own, until the next `begin`."""
        if self._limited:
            limits = (self._file_bytes_max, self._file_bytes_max)
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
            self._limited = False

    def _used(self) -> int:
        used = 0
        for folder, _, files in os.walk(self.path):
            for file in files:
                try:
                    used += os.lstat(os.path.join(folder, file)).st_blocks * 512
                except FileNotFoundError:
                    continue
        return used


class EventFile:
    """Holds the event of a command, which reads it as stdin; no guest can see it otherwise."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, event: bytes) -> str:
        """Replace the content; returns the path."""
        self._path.write_bytes(event)
        return str(self._path)
