"""Memory of processes, as the kernel accounts for it."""

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench.failures import NotMeasured

_BYTES_PER_KB = 1024
_BYTES_PER_BLOCK = 512
_MEMFD = "/memfd:"


@dataclass(frozen=True, slots=True)
class Private:
    """Bytes that no other process shares."""

    #: Written to: gone with the process, and not before.
    dirty: int
    #: Of files that only this process maps: the kernel may take them back at any time.
    clean: int
    #: In files of its own that live in memory, and that it reads without mapping them.
    unmapped: int

    @property
    def total(self) -> int:
        """Of what is mapped: what the kernel accounts for as the process's."""
        return self.dirty + self.clean


def private(pids: Iterable[int]) -> Private:
    """What *pids* have for themselves, together.

    Raises NotMeasured where the kernel does not tell.
    """
    dirty = clean = unmapped = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            raise NotMeasured("needs /proc/PID/smaps_rollup of running processes") from None
        dirty += _field(text, "Private_Dirty")
        clean += _field(text, "Private_Clean")
        unmapped += _unmapped(pid)
    return Private(dirty, clean, unmapped)


def _unmapped(pid: int) -> int:
    """Bytes of the memfds that *pid* has open and not mapped."""
    folder = Path(f"/proc/{pid}")
    lines = (folder / "maps").read_text().splitlines()
    mapped = {int(line.split()[4]) for line in lines if _MEMFD in line}
    found = {}
    for entry in os.listdir(folder / "fd"):
        path = folder / "fd" / entry
        with suppress(OSError):
            if os.readlink(path).startswith(_MEMFD):
                facts = path.stat()
                found[facts.st_ino] = facts.st_blocks * _BYTES_PER_BLOCK
    return sum(size for inode, size in found.items() if inode not in mapped)


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        label, _, value = line.partition(":")
        if label == name:
            return int(value.split()[0]) * _BYTES_PER_KB
    raise NotMeasured(f"/proc/PID/smaps_rollup has no {name}")
