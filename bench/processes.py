"""The worker processes of a server, as the kernel shows them under /proc."""

import os
import signal
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

from bench.failures import BenchFailure, NotMeasured

_PROC = Path("/proc")
_WORKER = b"wasmfaas.sandbox.worker"
#: A worker starts its second thread when it has come up.
_THREADS_READY = 2
_ASLEEP = "S"
_POLL_S = 0.004
#: Looks in a row that must find all threads asleep.
_LOOKS = 6
_SETTLED_S_MAX = 60.0


def workers_of(server_pid: int) -> frozenset[int]:
    """Pids of the workers that the server with this pid has started.

    Raises NotMeasured where the kernel has no /proc.
    """
    return children_of(server_pid, _WORKER)


def children_of(parent_pid: int, mark: bytes) -> frozenset[int]:
    """Pids of the processes that *parent_pid* has started and whose command line has *mark* in it.

    Raises NotMeasured where the kernel has no /proc.
    """
    if not (_PROC / "self" / "stat").exists():
        raise NotMeasured("needs /proc in order to find processes")
    pids = (int(entry) for entry in os.listdir(_PROC) if entry.isdecimal())
    return frozenset(pid for pid in pids if _parent(pid) == parent_pid and _is(pid, mark))


def kill_workers(server_pid: int) -> None:
    """SIGKILL all workers of the server, and wait until it has noticed. Raises NotMeasured."""
    pids = workers_of(server_pid)
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    _wait_until_gone(pids)


def wait_until_idle(server_pid: int) -> None:
    """Wait until the server has a worker, and all that it has are up and asleep.

    Raises BenchFailure where that takes a minute, NotMeasured.
    """
    deadline = time.monotonic() + _SETTLED_S_MAX
    looks = 0
    while looks < _LOOKS:
        pids = workers_of(server_pid)
        settled = bool(pids) and all(_is_idle(pid) for pid in pids)
        looks = looks + 1 if settled else 0
        if time.monotonic() > deadline:
            raise BenchFailure(
                f"The server's workers, {len(pids)} of them, are not idle after "
                f"{_SETTLED_S_MAX:.0f} s."
            )
        time.sleep(_POLL_S)


def _wait_until_gone(pids: Collection[int]) -> None:
    deadline = time.monotonic() + _SETTLED_S_MAX
    while any((_PROC / str(pid)).exists() for pid in pids):
        if time.monotonic() > deadline:
            raise BenchFailure("The server has not noticed that its workers were killed.")
        time.sleep(_POLL_S)


def _parent(pid: int) -> int | None:
    fields = _stat_fields(_PROC / str(pid))
    return int(fields[1]) if fields else None


def _is(pid: int, mark: bytes) -> bool:
    try:
        return mark in (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return False


def _is_idle(pid: int) -> bool:
    try:
        threads = list((_PROC / str(pid) / "task").iterdir())
    except OSError:
        return False
    if len(threads) < _THREADS_READY:
        return False
    return all((_stat_fields(thread) or [""])[0] == _ASLEEP for thread in threads)


def _stat_fields(folder: Path) -> list[str]:
    """The fields after the name, from the state on; nothing for a process that has gone."""
    try:
        text = (folder / "stat").read_text()
    except OSError:
        return []
    return text.rpartition(")")[2].split()
