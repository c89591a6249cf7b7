"""Landlock: which files, ports and processes the kernel lets a process reach."""

import os
import stat
import struct
from collections.abc import Iterable
from pathlib import Path

from wasmfaas.sandbox.kernel import system_call

#: What one call restricts, and the version of Landlock's ABI that each part needs: opening files,
#: TCP, and abstract Unix sockets of other processes and signals to them.
PARTS_SINCE = {"landlock-files": 1, "landlock-network": 4, "landlock-scopes": 6}

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_CREATE_RULESET_VERSION = 1
_RULE_PATH_BENEATH = 1
_RESTRICT_SELF_THREADS = 8

_WRITE_FILE, _READ_FILE, _READ_DIRECTORY = 2, 4, 8
_REMOVE_DIRECTORY, _REMOVE_FILE = 1 << 4, 1 << 5
_MAKE_DIRECTORY, _MAKE_FILE, _MAKE_LINK = 1 << 7, 1 << 8, 1 << 12
_REFER, _TRUNCATE, _IOCTL_DEVICE = 1 << 13, 1 << 14, 1 << 15
#: Rights to files: those of the first version, and those that later versions added.
_RIGHTS_FIRST = 0x1FFF
_RIGHTS_SINCE = {2: _REFER, 3: _TRUNCATE, 5: _IOCTL_DEVICE}
_READ = _READ_FILE | _READ_DIRECTORY
_WRITE = (
    _READ | _WRITE_FILE | _TRUNCATE | _REFER | _REMOVE_DIRECTORY | _REMOVE_FILE
    | _MAKE_DIRECTORY | _MAKE_FILE | _MAKE_LINK
)  # fmt: skip
#: The rights that a rule for something other than a directory may hold.
_NOT_OF_DIRECTORIES = _READ_FILE | _WRITE_FILE | _TRUNCATE
_TCP_BIND_CONNECT = 3
_SCOPE_SOCKETS_SIGNALS = 3


def restrict(read_paths: Iterable[Path], write_paths: Iterable[Path]) -> int:
    """Nothing but *read_paths* can be opened any more, and *write_paths* for writing too; no TCP,
    no signals to others. Returns the version of the ABI, which says what of that holds.

    Raises Unavailable, and FileNotFoundError for a path that does not exist.
    """
    version = system_call(_CREATE_RULESET, None, 0, _CREATE_RULESET_VERSION)
    handled = _RIGHTS_FIRST
    for since, right in _RIGHTS_SINCE.items():
        handled |= right if version >= since else 0
    # One ruleset for all: a further one without rules for files would forbid every move.
    ruleset = _create_ruleset(version, handled)
    try:
        _allow(ruleset, read_paths, handled & _READ)
        _allow(ruleset, write_paths, handled & _WRITE)
        # Older versions reach only the calling thread and the threads that it will start.
        system_call(_RESTRICT_SELF, ruleset, _RESTRICT_SELF_THREADS if version >= 8 else 0)
    finally:
        os.close(ruleset)
    return version


def _create_ruleset(version: int, handled: int) -> int:
    attributes = struct.pack("<Q", handled)
    if version >= PARTS_SINCE["landlock-network"]:
        attributes += struct.pack("<Q", _TCP_BIND_CONNECT)
    if version >= PARTS_SINCE["landlock-scopes"]:
        attributes += struct.pack("<Q", _SCOPE_SOCKETS_SIGNALS)
    return system_call(_CREATE_RULESET, attributes, len(attributes), 0)


def _allow(ruleset: int, paths: Iterable[Path], rights: int) -> None:
    for path in paths:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            is_directory = stat.S_ISDIR(os.fstat(opened).st_mode)
            granted = rights if is_directory else rights & _NOT_OF_DIRECTORIES
            rule = struct.pack("<Qi", granted, opened)
            system_call(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, rule, 0)
        finally:
            os.close(opened)
