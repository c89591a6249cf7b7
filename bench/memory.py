"""Memory of processes, as the kernel accounts for it."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.failures import NotMeasured

_BYTES_PER_KB = 1024


@dataclass(frozen=True, slots=True)
class Private:
    """Bytes that no other process shares."""

    #: Written to: gone with the process, and not before.
    dirty: int
    #: Of files that only this process maps: the kernel may take them back at any time.
    clean: int

    @property
    def total(self) -> int:
        return self.dirty + self.clean


def private(pids: Iterable[int]) -> Private:
    """What *pids* have for themselves, together.

    Raises NotMeasured where the kernel does not tell.
    """
    dirty = clean = 0
    for pid in pids:
        try:
            text = Path(f"/proc/{pid}/smaps_rollup").read_text()
        except OSError:
            raise NotMeasured("needs /proc/PID/smaps_rollup of running processes") from None
        dirty += _field(text, "Private_Dirty")
        clean += _field(text, "Private_Clean")
    return Private(dirty, clean)


def _field(text: str, name: str) -> int:
    for line in text.splitlines():
        label, _, value = line.partition(":")
        if label == name:
            return int(value.split()[0]) * _BYTES_PER_KB
    raise NotMeasured(f"/proc/PID/smaps_rollup has no {name}")
