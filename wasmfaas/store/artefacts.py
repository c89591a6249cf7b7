"""Compiled modules on disk. Loading one runs it as machine code, so that only what this
installation wrote may be loaded: each is signed with a key that nobody else has.

An artefact is two files: NAME.cwasm, and NAME.json with its digest, which file it is, what the
inspection told, and the signature over all that. The second is written last: without it, the first
does not count.
"""

import contextlib
import hashlib
import hmac
import importlib.metadata
import json
import logging
import os
import platform
import secrets
import shutil
import stat
import time
from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from wasmfaas import abi
from wasmfaas.errors import ServiceFailure
from wasmfaas.models import Inspection, PackageKind
from wasmfaas.store.datadir import storage_errors, sync_directory
from wasmfaas.store.locks import FileLock

_logger = logging.getLogger(__name__)

_KEY_BYTES = 32
_RECORD_BYTES_MAX = 64 * 1024
_FINGERPRINT_CHARACTERS = 16
_BUILDING = ".building"
#: What reading a record raises that somebody else wrote.
_NOT_A_RECORD = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError)


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """A compiled module that has been authenticated."""

    name: str
    path: Path
    #: In hex; of the file at `path`.
    sha256: str
    inspection: Inspection

    @property
    def kind(self) -> PackageKind:
        return self.inspection.kind


class Artefacts:
    """The artefacts in a cache directory, which may be deleted at any time and which other servers
    may use as well. Lives as long as the server. Its methods read and hash whole files: call them
    off the event loop."""

    def __init__(self, cache_dir: Path) -> None:
        """Raises ServiceFailure where *cache_dir* cannot be used."""
        self._cache_dir = cache_dir.absolute()
        self.path = self._cache_dir / "artefacts"
        self._engine = _engine_fingerprint()
        self._verified: dict[str, tuple[tuple[int, ...], Artefact]] = {}
        self._remove_leftovers()

    def name_for(self, wasm_sha256: str) -> str:
        """The name of what the module with this SHA-256 (hex) compiles to, on this machine and
        with this engine."""
        return f"{wasm_sha256}-{self._engine}"

    def lookup(self, name: str) -> Artefact | None:
        """The artefact, if it is there and is what we wrote."""
        path = self.path / f"{name}.cwasm"
        try:
            signature = _identity(os.stat(path, follow_symlinks=False))
        except OSError:
            self._verified.pop(name, None)
            return None
        seen = self._verified.get(name)
        if seen is not None and seen[0] == signature:
            return seen[1]
        artefact = self._verify(name, path)
        if artefact is not None:
            self._verified[name] = signature, artefact
        return artefact

    def lock(self, name: str) -> FileLock:
        """The lock that whoever makes the artefact *name* holds, in all processes."""
        return FileLock(self._make_directory() / f"{name}.lock")

    def building_path(self, name: str) -> Path:
        """An empty folder to make the artefact in; for the holder of its lock."""
        path = self._make_directory() / f"{name}{_BUILDING}"
        with storage_errors():
            shutil.rmtree(path, ignore_errors=True)
            path.mkdir(mode=0o700)
        return path

    def publish(self, name: str, built: Path, inspection: Inspection) -> Artefact:
        """Sign the file at *built*, which is on the same file system, and move it into place.

        For the holder of its lock. Raises ServiceFailure where it is no plain file, StorageFull.
        """
        path = self.path / f"{name}.cwasm"
        record_path = self.path / f"{name}.json"
        with storage_errors():
            digest = _digest_built(built)
            os.replace(built, path)
            identity = _identity(os.stat(path))
            members = {"sha256": digest, "identity": identity, "inspection": asdict(inspection)}
            members["mac"] = self._mac(name, members)
            _write_synced(built.with_name("record"), json.dumps(members).encode())
            os.replace(built.with_name("record"), record_path)
            sync_directory(self.path)
        artefact = Artefact(name=name, path=path, sha256=digest, inspection=inspection)
        self._verified[name] = identity, artefact
        return artefact

    def sweep(self, in_use: Collection[str], unused_s_max: float) -> None:
        """Remove what is not *in_use* here, by name, and was not in any other server that shares
        this directory for *unused_s_max* seconds."""
        for name in in_use:
            # When a record was last written says when it was last in use; its artefact must not be
            # touched.
            with contextlib.suppress(OSError):
                os.utime(self.path / f"{name}.json")
        oldest = time.time() - unused_s_max
        for record in list(self.path.glob("*.json")):
            with contextlib.suppress(OSError):
                if record.stem not in in_use and record.stat().st_mtime < oldest:
                    record.unlink()
                    record.with_suffix(".cwasm").unlink(missing_ok=True)

    def keep(self, prefixes: Collection[str]) -> None:
        """Remove every artefact whose name, up to its first hyphen, is not in *prefixes*."""
        for path in self.path.iterdir():
            if path.name.partition("-")[0] not in prefixes and path.is_file():
                path.unlink(missing_ok=True)

    def _make_directory(self) -> Path:
        try:
            self._cache_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise ServiceFailure(
                f"The cache directory cannot be used ({error.strerror}). Choose another with "
                "--cache-dir."
            ) from error
        return self.path

    def _remove_leftovers(self) -> None:
        """Of builds whose process was killed."""
        for path in self._make_directory().glob(f"*{_BUILDING}"):
            with FileLock(path.with_suffix(".lock")) as lock:
                if lock.try_acquire():
                    shutil.rmtree(path, ignore_errors=True)

    def _verify(self, name: str, path: Path) -> Artefact | None:
        try:
            with open(self.path / f"{name}.json", "rb") as file:
                members = json.loads(file.read(_RECORD_BYTES_MAX))
            mac = members.pop("mac")
            if not hmac.compare_digest(self._mac(name, members), str(mac)):
                raise ValueError("the signature is not ours")
            inspection = Inspection.read(members["inspection"])
            digest = str(members["sha256"])
            untouched = _is_untouched(path, members.get("identity"))
            if not untouched and not hmac.compare_digest(_digest(path), digest):
                raise ValueError("the content is not what was signed")
        except FileNotFoundError:
            return None
        except _NOT_A_RECORD as error:
            _logger.warning(
                "compiled module %s is not used and will be made again: %s", name, error
            )
            return None
        return Artefact(name=name, path=path, sha256=digest, inspection=inspection)

    def _mac(self, name: str, members: Mapping[str, Any]) -> str:
        message = json.dumps([name, members], sort_keys=True, separators=(",", ":"))
        return hmac.new(self._key(), message.encode(), "sha256").hexdigest()

    def _key(self) -> bytes:
        """The key of this installation, made at first use."""
        path = self._cache_dir / "artefact.key"
        return _read_key(path) or _make_key(path)


def _engine_fingerprint() -> str:
    """Changes with all that decides whether an artefact can be loaded."""
    parts = [
        importlib.metadata.version("wasmtime"),
        abi.ENGINE_CONFIGURATION,
        platform.system(),
        platform.machine(),
        _processor_features(),
    ]
    digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
    return digest[:_FINGERPRINT_CHARACTERS]


def _processor_features() -> str:
    """What the compiler may use: a cache can be shared, or its machine replaced."""
    try:
        lines = Path("/proc/cpuinfo").read_text("ascii", "replace").splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), "")


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _is_untouched(path: Path, identity: list[int] | None) -> bool:
    """Whether this is the very file that was signed, and nobody has written to it since: so says
    the time of its last change, which nobody can set. A copy, say, is to be hashed."""
    status = os.stat(path, follow_symlinks=False)
    return stat.S_ISREG(status.st_mode) and [*_identity(status)] == identity


def _digest_built(path: Path) -> str:
    """The digest of what an untrusted process, which has ended, was to leave at *path*."""
    if path.is_symlink() or not path.is_file():
        raise ServiceFailure("The compiler left no result.")
    return _digest(path, synced=True)


def _digest(path: Path, *, synced: bool = False) -> str:
    """The SHA-256, in hex, of a plain file that somebody else may have put there. Raises OSError,
    and ValueError for anything but a plain file."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    with open(os.open(path, flags), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise ValueError("it is not a plain file")
        if synced:
            os.fsync(file.fileno())
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _read_key(path: Path) -> bytes | None:
    """The key; None where there is none, or one that others may have read or written."""
    try:
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            key = file.read(_KEY_BYTES + 1)
    except FileNotFoundError:
        return None
    is_private = status.st_uid == os.geteuid() and not status.st_mode & 0o077
    return key if is_private and len(key) == _KEY_BYTES else None


def _make_key(path: Path) -> bytes:
    """Write a new key, whole or not at all, unless another process was faster."""
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with storage_errors():
        _write_synced(draft, secrets.token_bytes(_KEY_BYTES))
    try:
        if path.exists() and _read_key(path) is None:
            path.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
    sync_directory(path.parent)
    key = _read_key(path)
    if key is None:
        raise ServiceFailure("The key of the cache directory cannot be kept private.")
    return key
