"""What functions did in the last seconds: how often, how fast, at what cost of fuel.

Kept in the server's memory only, and of functions that are called; what is billed is in the ledger.
"""

import math
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wasmfaas.invoke.worker import Worker
from wasmfaas.models import Usage

WINDOW_S = 10
#: Durations that percentiles are taken of, the latest ones.
_DURATIONS_MAX = 512
_SWEEP_MIN = 64


@dataclass(slots=True)
class _Second:
    """What happened within one second of the clock."""

    number: int
    calls: int = 0
    errors: int = 0
    cold: int = 0
    refused: int = 0
    fuel: int = 0


class _Traffic:
    """One function's last seconds. Lives until they are over."""

    def __init__(self) -> None:
        self._seconds: deque[_Second] = deque(maxlen=WINDOW_S)
        #: Second and nanoseconds of the latest calls.
        self._durations: deque[tuple[int, int]] = deque(maxlen=_DURATIONS_MAX)

    def second(self, number: int) -> _Second:
        if not self._seconds or self._seconds[-1].number != number:
            self._seconds.append(_Second(number))
        return self._seconds[-1]

    def record(self, number: int, usage: Usage, duration_ns: int) -> None:
        second = self.second(number)
        second.calls += 1
        second.errors += usage.error_type is not None
        second.cold += usage.init_us is not None
        second.fuel += usage.fuel
        self._durations.append((number, duration_ns))

    def is_over(self, now_s: float) -> bool:
        return self._seconds[-1].number <= int(now_s) - WINDOW_S

    def figures(self, now_s: float) -> dict[str, Any]:
        since = int(now_s) - WINDOW_S
        seconds = [second for second in self._seconds if second.number > since]
        elapsed_s = WINDOW_S - 1 + now_s % 1
        calls = sum(second.calls for second in seconds)
        durations = sorted(ns for number, ns in self._durations if number > since)
        return {
            "calls": calls,
            "errors": sum(second.errors for second in seconds),
            "cold": sum(second.cold for second in seconds),
            "refused": sum(second.refused for second in seconds),
            "calls_per_s": round(calls / elapsed_s, 3),
            "fuel_per_s": round(sum(second.fuel for second in seconds) / elapsed_s),
            "p50_ms": _percentile(durations, 0.50),
            "p99_ms": _percentile(durations, 0.99),
        }


class Figures:
    """The last seconds of every function that is called. Lives as long as the server.

    *clock* gives seconds that only ever grow.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._traffic: dict[str, _Traffic] = {}
        self._sweep_at = _SWEEP_MIN

    def record(self, usage: Usage, duration_ns: int) -> None:
        """Count an invocation that took its caller *duration_ns*, waiting for a worker included."""
        self._of(usage.function_name).record(int(self._clock()), usage, duration_ns)

    def refuse(self, name: str) -> None:
        """Count an invocation of *name* for which there was no room."""
        self._of(name).second(int(self._clock())).refused += 1

    def functions(self) -> dict[str, dict[str, Any]]:
        """Figures of the functions that were called in the last seconds, by name."""
        now_s = self._clock()
        self._sweep(now_s)
        return {name: traffic.figures(now_s) for name, traffic in self._traffic.items()}

    def nothing(self) -> dict[str, Any]:
        """Figures of a function that was not called."""
        return _Traffic().figures(self._clock())

    def _of(self, name: str) -> _Traffic:
        traffic = self._traffic.get(name)
        if traffic is None:
            if len(self._traffic) >= self._sweep_at:
                self._sweep(self._clock())
                self._sweep_at = max(_SWEEP_MIN, 2 * len(self._traffic))
            traffic = self._traffic[name] = _Traffic()
        return traffic

    def _sweep(self, now_s: float) -> None:
        over = [name for name, traffic in self._traffic.items() if traffic.is_over(now_s)]
        for name in over:
            del self._traffic[name]


def totals(
    workers: Collection[Worker], idle: int, waiting: int, waiting_bytes: int
) -> dict[str, int]:
    """Figures of all *workers* together, and of the invocations that wait for one."""
    return {
        "workers": len(workers),
        "idle": idle,
        "busy": len(workers) - idle,
        "ready": sum(len(worker.ready_keys) for worker in workers),
        "waiting": waiting,
        "waiting_bytes": waiting_bytes,
    }


def holdings(
    held: Iterable[tuple[str | None, Sequence[str]]], waiting: Mapping[str, int]
) -> dict[str, Counter[str]]:
    """Counts of each function that is in *held*, of each worker what it runs and what it has ready,
    or that waits."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for running, ready in held:
        if running is not None:
            found[running]["busy"] += 1
        for function in ready:
            found[function]["ready"] += 1
    for function, count in waiting.items():
        found[function]["waiting"] += count
    return dict(found)


def _percentile(ordered: Sequence[int], share: float) -> float | None:
    """In milliseconds, of nanoseconds; None of none."""
    if not ordered:
        return None
    return round(ordered[max(math.ceil(share * len(ordered)) - 1, 0)] / 1e6, 3)
