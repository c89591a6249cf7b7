"""Packages on disk: blobs as they were sent, and trees as guests see them. Both are named by the
SHA-256 of the zip, so that equal packages share them; a tree of several layers is named by all of
theirs."""

import base64
import hashlib
import mmap
import os
import re
import shutil
import stat
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from wasmfaas.errors import ServiceFailure
from wasmfaas.settings import Settings
from wasmfaas.store import bundles
from wasmfaas.store.datadir import DataDirectory, disk_errors, sync_directory
from wasmfaas.store.merging import merge, merged_name

_BLOB: Final = re.compile(r"([0-9a-f]{64})\.zip")
_TREE: Final = re.compile(r"[0-9a-f]{64}")
_TEMPORARY_PREFIX: Final = ".tmp-"
_BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, slots=True)
class Code:
    """A package by content: SHA-256 of the zip in hex and, as Lambda prints it, in base64."""

    digest: str
    sha256: str
    size_bytes: int

    @classmethod
    def of(cls, package: bytes) -> "Code":
        """The identity of the zip *package*."""
        raw = hashlib.sha256(package).digest()
        return cls(raw.hex(), base64.b64encode(raw).decode("ascii"), len(package))


class CodeStore:
    """The packages of one data directory. Lives as long as the server; its methods block and may
    be called from any thread.

    A blob is durable when `put` returns. A tree can be made again from its blob, so trees are not
    synced file by file, but dropped when the machine has been started since they were written.
    """

    def __init__(
        self,
        directory: DataDirectory,
        settings: Settings,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._code = directory.code
        self._tasks = directory.tasks
        self._settings = settings
        self._clock = clock
        self._lock = threading.Lock()
        self._making: dict[str, threading.Lock] = {}
        #: When a digest was first found out of use, in seconds of the clock.
        self._unused_since: dict[str, float] = {}
        with disk_errors():
            self._drop_leftovers()

    def put(self, package: bytes) -> Code:
        """Store the zip *package*, which `bundles.inspect` has accepted, unless it is there.

        Raises StorageFull.
        """
        code = Code.of(package)
        with self._lock:
            self._unused_since.pop(code.digest, None)
            if self._blob(code.digest).exists():
                return code
            with disk_errors():
                self._write(package, self._blob(code.digest))
        return code

    def open(self, digest: str) -> BinaryIO:
        """The zip with *digest*, opened for reading. Raises ServiceFailure where it is missing."""
        try:
            return self._blob(digest).open("rb")
        except FileNotFoundError:
            raise ServiceFailure(
                "The code of this function is missing from the data directory. Deploy it again."
            ) from None

    def read(self, digest: str) -> bytes:
        """The zip with *digest*. Raises ServiceFailure where it is missing."""
        with self.open(digest) as file, disk_errors():
            return file.read()

    def unpacked(self, digest: str) -> Path | None:
        """The directory that holds the unpacked package, or None where there is none yet."""
        target = self._tasks / digest
        return target if target.exists() else None

    def task_path(self, digest: str) -> Path:
        """The directory that holds the unpacked package, read-only; unpacks it if it is not there.

        Raises ServiceFailure where the package is missing, StorageFull.
        """
        target = self._tasks / digest
        with self._turn(digest):
            if not target.exists():
                with self.open(digest) as source, disk_errors():
                    self._make(
                        target,
                        lambda temporary: bundles.unpack(source, temporary, self._settings),
                    )
        return target

    def layers_path(self, digests: Sequence[str]) -> Path:
        """The directory that holds the unpacked packages merged, later ones over earlier ones,
        read-only; made if it is not there.

        Raises ServiceFailure where a package is missing, StorageFull.
        """
        target = self._tasks / merged_name(digests)
        if not target.exists():
            trees = [self.task_path(digest) for digest in digests]
            with self._turn(target.name), disk_errors():
                if not target.exists():
                    self._make(target, lambda temporary: merge(trees, temporary))
        return target

    def unzipped_bytes(self, digest: str) -> int:
        """What the files of the package with *digest* have together. Raises ServiceFailure where
        it is missing."""
        with (
            self.open(digest) as file,
            disk_errors(),
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped,
        ):
            return bundles.unzipped_bytes(mapped, self._settings)

    def discard(self, digest: str) -> None:
        """Remove the package with *digest*, which no function or layer has come to use."""
        with self._lock, disk_errors():
            self._remove(digest)

    def sweep(self, in_use: Collection[str], grace_s: float = 0.0) -> bool:
        """Remove what is stored under digests that are not *in_use* and have been found so for at
        least *grace_s* seconds: until then, an invocation may still be reading a tree. Whether some
        are left, to be removed later."""
        with self._lock:
            unused = self._stored() - set(in_use)
            now = self._clock()
            self._unused_since = {
                digest: self._unused_since.get(digest, now) for digest in unused
            }  # fmt: skip
            for digest, since in list(self._unused_since.items()):
                if now - since >= grace_s:
                    self._remove(digest)
                    del self._unused_since[digest]
            return bool(self._unused_since)

    def _blob(self, digest: str) -> Path:
        return self._code / f"{digest}.zip"

    def _write(self, package: bytes, blob: Path) -> None:
        descriptor, name = tempfile.mkstemp(prefix=_TEMPORARY_PREFIX, dir=self._code)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(package)
                file.flush()
                os.fsync(file.fileno())
            os.rename(name, blob)
        except BaseException:
            os.unlink(name)
            raise
        sync_directory(self._code)

    def _turn(self, name: str) -> threading.Lock:
        """Held by who makes the tree *name*."""
        with self._lock:
            return self._making.setdefault(name, threading.Lock())

    def _make(self, target: Path, fill: Callable[[Path], None]) -> None:
        """Make the tree *target*, whole or not at all."""
        temporary = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=self._tasks))
        try:
            fill(temporary)
            os.rename(temporary, target)
        except BaseException:
            _remove_tree(temporary)
            raise

    def _stored(self) -> set[str]:
        blobs = {match[1] for match in map(_BLOB.fullmatch, os.listdir(self._code)) if match}
        return blobs | set(filter(_TREE.fullmatch, os.listdir(self._tasks)))

    def _remove(self, digest: str) -> None:
        tree = self._tasks / digest
        if tree.exists():
            # Renamed first, so that a tree is whole or absent under its own name.
            doomed = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=self._tasks))
            os.rename(tree, doomed)
            _remove_tree(doomed)
        self._blob(digest).unlink(missing_ok=True)
        self._making.pop(digest, None)

    def _drop_leftovers(self) -> None:
        """Remove what a killed process left half-written, and trees from before a restart of the
        machine."""
        boot_file = self._tasks / ".boot"
        boot = _BOOT_ID.read_text() if _BOOT_ID.exists() else ""
        same_boot = bool(boot) and boot_file.exists() and boot_file.read_text() == boot
        for name in os.listdir(self._tasks):
            if name.startswith(_TEMPORARY_PREFIX) or (not same_boot and _TREE.fullmatch(name)):
                _remove_tree(self._tasks / name)
        for name in os.listdir(self._code):
            if name.startswith(_TEMPORARY_PREFIX):
                (self._code / name).unlink()
        if not same_boot:
            boot_file.write_text(boot)


def _remove_tree(path: Path) -> None:
    """Remove a tree whose folders are read-only."""
    for folder, _, _ in os.walk(path):
        os.chmod(folder, stat.S_IRWXU)
    shutil.rmtree(path)
