"""What processes have used of the machine, as the kernel accounts for it under /proc."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bench.failures import NotMeasured

_PROC = Path("/proc")
_SWITCHES = ("voluntary_ctxt_switches", "nonvoluntary_ctxt_switches")
#: In the fields of /proc/PID/stat after the name.
_SYSTEM_TICKS = 12


@dataclass(frozen=True, slots=True)
class Used:
    """Up to a moment, or between two of them."""

    cpu_ns: int = 0
    #: Ready to run, without a core to run on.
    waited_ns: int = 0
    #: Of the CPU time, what was spent in the kernel, in steps of 10 ms.
    kernel_ns: int = 0
    #: How often another thread got the core.
    switches: int = 0

    def __add__(self, other: "Used") -> "Used":
        return Used(
            self.cpu_ns + other.cpu_ns,
            self.waited_ns + other.waited_ns,
            self.kernel_ns + other.kernel_ns,
            self.switches + other.switches,
        )

    def __sub__(self, other: "Used") -> "Used":
        return Used(
            self.cpu_ns - other.cpu_ns,
            self.waited_ns - other.waited_ns,
            self.kernel_ns - other.kernel_ns,
            self.switches - other.switches,
        )


def used(pids: Iterable[int], *, main: bool | None = None) -> Used:
    """What the threads of *pids* have used together since they began: all of them, only the main
    ones, or only the others.

    Raises NotMeasured where the kernel does not tell, or where a process has gone.
    """
    total = Used()
    try:
        for pid in pids:
            for thread in (_PROC / str(pid) / "task").iterdir():
                if main is None or main == (thread.name == str(pid)):
                    total += _thread(thread)
    except (OSError, ValueError, IndexError):
        raise NotMeasured("needs /proc/PID/task/*/schedstat of running processes") from None
    return total


def _thread(folder: Path) -> Used:
    cpu_ns, waited_ns, _ = map(int, (folder / "schedstat").read_text().split())
    lines = (line.partition(":") for line in (folder / "status").read_text().splitlines())
    switches = sum(int(value) for name, _, value in lines if name in _SWITCHES)
    return Used(cpu_ns, waited_ns, _kernel_ns(folder), switches)


def _kernel_ns(folder: Path) -> int:
    fields = (folder / "stat").read_text().rpartition(")")[2].split()
    return int(fields[_SYSTEM_TICKS]) * 1_000_000_000 // os.sysconf("SC_CLK_TCK")
