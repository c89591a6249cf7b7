"""The directory that holds all that a server keeps."""

import errno
import fcntl
import json
import logging
import os
from pathlib import Path
from types import TracebackType
from typing import Any

from wasmfaas.errors import DataDirectoryUnusable, ServiceFailure, StorageFull

_log = logging.getLogger(__name__)

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class DataDirectory:
    """A data directory, locked for this process. Lives as long as the server.

    The lock is the kernel's: it goes with the process, however that ends.
    """

    def __init__(self, path: Path, lock: int) -> None:
        self.path = path
        self._lock: int | None = lock

    @classmethod
    def open(cls, path: Path) -> "DataDirectory":
        """Lock the directory at *path*, made with mode 0700 if it is not there.

        Raises DataDirectoryUnusable where another process holds it, where it cannot be written, and
        where it holds other things than ours; StorageFull.
        """
        path = path.expanduser().absolute()
        try:
            with storage_errors():
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                _refuse_foreign(path)
                lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The data directory {path} cannot be used: {error.strerror}. Choose another with "
                "--data-dir."
            ) from error
        try:
            _take(lock, path)
            directory = cls(path, lock)
            with storage_errors():
                for part in (directory.code, directory.tasks, directory.logs, directory.journal):
                    part.mkdir(mode=0o700, exist_ok=True)
        except BaseException:
            os.close(lock)
            raise
        return directory

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.path / "wasmfaas.db"

    @property
    def code(self) -> Path:
        """Packages as they were sent."""
        return self.path / "code"

    @property
    def tasks(self) -> Path:
        """Packages unpacked."""
        return self.path / "tasks"

    @property
    def logs(self) -> Path:
        """Logs of functions."""
        return self.path / "logs"

    @property
    def journal(self) -> Path:
        """Usage records on their way to the database."""
        return self.path / "journal"

    @property
    def server_file(self) -> Path:
        """Where clients on this machine read how to reach the server."""
        return self.path / "server.json"

    def close(self) -> None:
        """Let another process have the directory. May be called again."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class _StorageErrors:
    """A context manager, and no generator: it is entered for every invocation."""

    __slots__ = ()

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(error, OSError) and error.errno in _NO_ROOM:
            raise StorageFull(
                f"The disk that holds the data directory is full ({error.strerror}): nothing was "
                "stored. Make room, then try again."
            ) from error


class _DiskErrors(_StorageErrors):
    __slots__ = ()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if not isinstance(error, OSError):
            return
        super().__exit__(kind, error, traceback)
        _log.error("the data directory failed", exc_info=error)
        raise ServiceFailure(
            "The data directory cannot be read or written; the server's log has the cause."
        ) from error


def storage_errors() -> _StorageErrors:
    """Raise StorageFull in place of the OSErrors that say that there is no room."""
    return _StorageErrors()


def disk_errors() -> _DiskErrors:
    """Raise StorageFull or ServiceFailure in place of OSErrors, the cause of the latter logged."""
    return _DiskErrors()


def sync_directory(path: Path) -> None:
    """Make the names in the directory at *path* survive a loss of power."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_private(path: Path, document: Any) -> None:
    """Replace the file at *path* by a JSON *document*, in one step, readable by nobody else at any
    time. Raises OSError."""
    temporary = path.with_suffix(".new")
    temporary.unlink(missing_ok=True)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(json.dumps(document, indent=1).encode())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_directory(path.parent)


def _refuse_foreign(path: Path) -> None:
    names = {entry.name for entry in path.iterdir()} - {"lost+found"}
    if names and not names & {"lock", "wasmfaas.db"}:
        raise DataDirectoryUnusable(
            f"{path} is not empty and not a data directory of wasmfaas ({min(names)!r} is in it). "
            "Choose an empty or a new directory with --data-dir."
        )


def _take(lock: int, path: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(lock, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise DataDirectoryUnusable(
            f"Another server (process {holder}) uses the data directory {path}. Stop it, or choose "
            "another directory with --data-dir."
        ) from None
    with storage_errors():
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
