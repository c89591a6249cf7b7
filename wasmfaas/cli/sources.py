"""Which files of a folder belong to its package."""

import fnmatch
import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from wasmfaas.cli.failures import Failure

PROJECT_FILE = "wasmfaas.toml"

#: Names that never belong to a package, wherever they are: other tools' state, and our own file.
SKIPPED = (
    ".git",
    ".gitignore",
    ".gitattributes",
    ".hg",
    ".svn",
    ".venv",
    "venv",
    "__pycache__",
    "*.pyc",
    "*.pyo",
    "*.egg-info",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".hypothesis",
    ".tox",
    ".nox",
    ".idea",
    ".vscode",
    ".DS_Store",
    "Thumbs.db",
)


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to package: its name in the package, where it is, and what `stat` said."""

    name: str
    path: Path
    size_bytes: int
    modified_ns: int


def matches(pattern: str, name: str) -> bool:
    """Whether *pattern* takes in *name*, a path relative to the folder with `/` between its parts.

    As in a .gitignore: a pattern without a slash matches any part of the path; one with a slash
    matches from the top; `**` stands for any number of parts; what is below a match matches.
    """
    parts = name.split("/")
    wanted = pattern.rstrip("/")
    if "/" not in wanted:
        return any(fnmatch.fnmatchcase(part, wanted) for part in parts)
    return _matches_parts(wanted.strip("/").split("/"), parts)


def _matches_parts(wanted: list[str], parts: list[str]) -> bool:
    if not wanted:
        return True
    if wanted[0] == "**":
        return any(_matches_parts(wanted[1:], parts[skip:]) for skip in range(len(parts) + 1))
    return (
        bool(parts)
        and fnmatch.fnmatchcase(parts[0], wanted[0])
        and _matches_parts(wanted[1:], parts[1:])
    )


def collect(folder: Path, exclude: Sequence[str] = ()) -> list[SourceFile]:
    """The files of *folder* that belong to its package, sorted by name.

    Links to files are followed. Raises Failure for what a package cannot hold: links to folders,
    broken links, sockets and the like.
    """
    return sorted(_walk(folder, "", exclude), key=lambda source: source.name)


def _walk(folder: Path, prefix: str, exclude: Sequence[str]) -> Iterator[SourceFile]:
    for entry in _entries(folder):
        name = prefix + entry.name
        if _skipped(entry.name) or any(matches(pattern, name) for pattern in exclude):
            continue
        if prefix == "" and entry.name == PROJECT_FILE:
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), name + "/", exclude)
        elif source := _file(entry, name):
            yield source


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except FileNotFoundError:
        return []  # it went away while we were looking
    except OSError as error:
        raise Failure("UnreadableFolder", f"cannot read {folder}: {error.strerror}") from None


def _skipped(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in SKIPPED)


def _file(entry: os.DirEntry[str], name: str) -> SourceFile | None:
    try:
        found = entry.stat()
    except FileNotFoundError:
        if not entry.is_symlink():
            return None  # it went away while we were looking
        raise _unpackable(entry, "is a link to nothing") from None
    except OSError as error:
        raise _unpackable(entry, f"cannot be read ({error.strerror})") from None
    if stat.S_ISDIR(found.st_mode):
        raise _unpackable(entry, "is a link to a folder; a package holds files")
    if not stat.S_ISREG(found.st_mode):
        raise _unpackable(entry, "is not a regular file")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise _unpackable(entry, "has a name that is not UTF-8") from None
    return SourceFile(name, Path(entry.path), found.st_size, found.st_mtime_ns)


def printable(path: object) -> str:
    """*path* for a message: what is not UTF-8 in it is shown as escapes."""
    return os.fsencode(str(path)).decode(errors="backslashreplace")


def _unpackable(entry: os.DirEntry[str], why: str) -> Failure:
    advice = f"remove it, or add it to exclude under [package] in {PROJECT_FILE}"
    return Failure("UnpackableFile", f"{printable(entry.path)} {why}; {advice}")
