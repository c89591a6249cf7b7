"""Modules that no function can have: why, in the words of the error."""

import importlib.abc
import sys
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import Never

_NO_C = "a sandbox has no foreign functions, only WebAssembly"
_NO_PROCESSES = "a sandbox is one process with one thread"
_NO_TERMINAL = "a sandbox has no terminal"
_NO_USERS = "a sandbox has no users or groups"
_NOT_BUILT = "the sandbox's Python is built without it"
_REASONS = {
    "_ctypes": _NO_C,
    "_cffi_backend": _NO_C,
    "_ssl": "TLS is the host's: http.client, urllib.request, urllib3 and requests use it",
    "_hashlib": "the sandbox's Python is built without OpenSSL; hashlib has its own algorithms",
    "_bz2": _NOT_BUILT,
    "_lzma": _NOT_BUILT,
    "_zstd": _NOT_BUILT,
    "_dbm": _NOT_BUILT,
    "_gdbm": _NOT_BUILT,
    "_multiprocessing": _NO_PROCESSES,
    "_posixshmem": _NO_PROCESSES,
    "_posixsubprocess": _NO_PROCESSES,
    "_curses": _NO_TERMINAL,
    "_tkinter": "a sandbox has no display",
    "fcntl": "a sandbox shares no files that could be locked",
    "grp": _NO_USERS,
    "mmap": "a sandbox's memory is WebAssembly's, and maps no files",
    "pwd": _NO_USERS,
    "readline": _NO_TERMINAL,
    "resource": "a sandbox's limits are the function's MemorySize and Timeout",
    "syslog": "what a function prints and logs is its log",
    "termios": _NO_TERMINAL,
}
_NATIVE_SUFFIXES = (".so", ".pyd", ".dylib")


class Absences(importlib.abc.MetaPathFinder):
    """The last finder: what comes here is nowhere, and there may be a reason for that."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> None:
        reason = _REASONS.get(fullname)
        if reason is not None:
            _refuse(fullname, reason)
        stem = fullname.rpartition(".")[2] + "."
        for file in _files(sys.path if path is None else path):
            if file.startswith(stem) and file.endswith(_NATIVE_SUFFIXES):
                _refuse(
                    fullname,
                    f"its package has it as machine code ({file}), which no sandbox runs; look "
                    "for a version of the package in pure Python",
                )


def _refuse(fullname: str, reason: str) -> Never:
    raise ModuleNotFoundError(f"No module named {fullname!r}: {reason}", name=fullname)


def _files(path: Sequence[str]) -> Iterator[str]:
    """Names of the files where modules were just looked for: as remembered, none is read."""
    for entry in path:
        finder = sys.path_importer_cache.get(entry)
        yield from getattr(finder, "_path_cache", ())
