"""Intake of packages: what a zip must look like before anything of it reaches the disk.

A package is hostile until `inspect` has returned. Everything is counted on the bytes that really
come out of the decompressor, within the limits of the settings.
"""

import mmap
import os
import re
import stat
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from wasmfaas.errors import InvalidParameterValue, RequestEntityTooLarge
from wasmfaas.settings import Settings
from wasmfaas.store import zipformat

_REFUSED: Final = "Could not unzip uploaded file. Please check your file, then try to upload again."

_COMPONENT_BYTES_MAX: Final = 255
_DEPTH_MAX: Final = 64
#: Below this, unzipped, a package may be as compressible as it likes.
_RATIO_FREE_BYTES: Final = 1024 * 1024
_DRIVE: Final = re.compile(r"[A-Za-z]:")

Source = bytes | bytearray | memoryview | BinaryIO


@dataclass(frozen=True, slots=True)
class Item:
    """One file or folder of a package. `path` is relative, with `/`, without `.` and `..`."""

    path: str
    is_folder: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a package holds, once it has been found harmless."""

    items: tuple[Item, ...]
    zipped_bytes: int
    unzipped_bytes: int

    @property
    def files(self) -> tuple[str, ...]:
        """Paths of the files, in the archive's order."""
        return tuple(item.path for item in self.items if not item.is_folder)


def inspect(source: Source, limits: Settings) -> Manifest:
    """What the zip *source* holds, every byte of it checked. Writes nothing.

    Raises RequestEntityTooLarge for a zip over `limits.zipped_bytes_max`, InvalidParameterValue for
    all else that is not acceptable.
    """
    data = _buffer(source, limits)
    unzipped_bytes = 0
    items = []
    try:
        for entry, item in _checked(data, limits):
            items.append(item)
            for piece in zipformat.content(data, entry):
                unzipped_bytes += len(piece)
                _refuse_bomb(unzipped_bytes, len(data), limits)
    except zipformat.NotAnArchive:
        raise InvalidParameterValue(_REFUSED) from None
    except zipformat.BadArchive as error:
        raise _refusal(str(error)) from None
    return Manifest(tuple(items), len(data), unzipped_bytes)


def unpack(source: Source, target: Path, limits: Settings) -> None:
    """Write the files of the zip *source* below the existing, empty directory *target*: files with
    mode 0444, folders with 0555 (*target* too).

    Checks all that `inspect` does, as it goes. Where it raises, it leaves what it has written: a
    caller unpacks into a temporary directory. Raises as `inspect`, and OSError.
    """
    data = _buffer(source, limits)
    unzipped_bytes = 0
    folders = {target}
    try:
        for entry, item in _checked(data, limits):
            path = target / item.path
            folder = path if item.is_folder else path.parent
            folder.mkdir(parents=True, exist_ok=True)
            while folder not in folders:
                folders.add(folder)
                folder = folder.parent
            if item.is_folder:
                continue
            with open(path, "xb", opener=_read_only) as file:
                for piece in zipformat.content(data, entry):
                    unzipped_bytes += len(piece)
                    _refuse_bomb(unzipped_bytes, len(data), limits)
                    file.write(piece)
    except zipformat.BadArchive as error:
        raise _refusal(str(error)) from None
    except FileExistsError as error:
        name = os.path.relpath(str(error.filename), target)
        raise _refusal(f"Entry {name!r} has the name of another one on this file system.") from None
    for folder in folders:
        folder.chmod(0o555)


def unzipped_bytes(package: bytes | mmap.mmap, limits: Settings) -> int:
    """What the files of the zip *package*, which `inspect` has accepted, have together."""
    try:
        with memoryview(package) as data:
            entries = zipformat.entries(data, limits.package_entries_max)
    except zipformat.BadArchive as error:
        raise _refusal(str(error)) from None
    return sum(entry.size_bytes for entry in entries)


def _read_only(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o444)


def _buffer(source: Source, limits: Settings) -> memoryview:
    limit = limits.zipped_bytes_max
    data = source if isinstance(source, bytes | bytearray | memoryview) else source.read(limit + 1)
    if len(data) > limit:
        raise RequestEntityTooLarge(f"Zipped size must be smaller than {limit} bytes")
    return memoryview(data).cast("B").toreadonly()


def _refusal(why: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"{_REFUSED} {why}")


def _refuse_bomb(unzipped_bytes: int, zipped_bytes: int, limits: Settings) -> None:
    if unzipped_bytes > limits.unzipped_bytes_max:
        raise InvalidParameterValue(
            f"Unzipped size must be smaller than {limits.unzipped_bytes_max} bytes"
        )
    if unzipped_bytes > max(_RATIO_FREE_BYTES, zipped_bytes * limits.package_ratio_max):
        raise _refusal(
            f"Its {zipped_bytes} bytes unzip to more than {limits.package_ratio_max} times as much."
        )


def _checked(data: memoryview, limits: Settings) -> list[tuple[zipformat.Entry, Item]]:
    """The entries and what they are here, all checks done that need no decompression."""
    entries = zipformat.entries(data, limits.package_entries_max)
    if not entries:
        raise InvalidParameterValue("Uploaded file must be a non-empty zip.")
    _refuse_bomb(sum(entry.size_bytes for entry in entries), len(data), limits)
    names = _Names(limits.package_entries_max)
    checked = []
    for entry in entries:
        item = _item(entry)
        if item is not None:
            names.add(item)
            checked.append((entry, item))
    return checked


class _Names:
    """The names that a package uses so far. Lives for one pass over a package."""

    def __init__(self, count_max: int) -> None:
        self._count_max = count_max
        self._files: set[str] = set()
        #: Folders, and whether the archive lists them itself.
        self._folders: dict[str, bool] = {}

    def add(self, item: Item) -> None:
        """Take *item* in. Raises BadArchive where its name clashes or the names are too many."""
        path = item.path
        if path in self._files or self._folders.get(path):
            raise zipformat.BadArchive(f"It has two entries named {path!r}.")
        if not item.is_folder and path in self._folders:
            raise zipformat.BadArchive(f"{path!r} is both a file and a folder in it.")
        if item.is_folder:
            self._folders[path] = True
        else:
            self._files.add(path)
        parent = path.rpartition("/")[0]
        while parent and parent not in self._folders:
            if parent in self._files:
                raise zipformat.BadArchive(f"{parent!r} is both a file and a folder in it.")
            self._folders[parent] = False
            parent = parent.rpartition("/")[0]
        if len(self._files) + len(self._folders) > self._count_max:
            raise zipformat.BadArchive(f"It has more than {self._count_max} files and folders.")


def _item(entry: zipformat.Entry) -> Item | None:
    """What *entry* is here; None for the entry that some tools make for the root itself."""
    kind = stat.S_IFMT(entry.mode)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if kind == stat.S_IFLNK else "a special file"
        raise zipformat.BadArchive(f"Entry {entry.name!r} is {what}; only files are accepted.")
    is_folder = entry.name.endswith("/")
    if is_folder and entry.size_bytes:
        raise zipformat.BadArchive(f"Entry {entry.name!r} is a folder with content.")
    if kind == stat.S_IFDIR and not is_folder:
        raise zipformat.BadArchive(f"Entry {entry.name!r} is a folder with the name of a file.")
    path = _path(entry.name)
    if path is None:
        if is_folder:
            return None
        raise zipformat.BadArchive(f"Entry {entry.name!r} has no name.")
    return Item(path, is_folder, entry.size_bytes)


def _path(name: str) -> str | None:
    """*name* as a harmless relative path, None for the root. Raises BadArchive."""
    why = _harm(name)
    parts = [part for part in name.removesuffix("/").split("/") if part != "."]
    if not why and len(parts) > _DEPTH_MAX:
        why = f"is nested deeper than {_DEPTH_MAX} folders"
    if not why and any(part == ".." for part in parts):
        why = "leads out of the package"
    if not why and parts and "" in parts:
        why = "has an empty part"
    if not why and any(len(os.fsencode(part)) > _COMPONENT_BYTES_MAX for part in parts):
        why = f"has a part longer than {_COMPONENT_BYTES_MAX} bytes"
    if why:
        raise zipformat.BadArchive(f"The name of entry {name!r} {why}.")
    return "/".join(parts) or None


def _harm(name: str) -> str:
    if not name:
        return "is empty"
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        return "has a control character"
    if "\\" in name:
        return "has a backslash; folders are separated by '/'"
    if name.startswith("/"):
        return "is absolute"
    if _DRIVE.match(name):
        return "starts with a drive"
    return ""
