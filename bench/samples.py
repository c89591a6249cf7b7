"""Measured times and what is said of them."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.failures import NotMeasured

#: A 99th percentile of fewer samples than this is their greatest.
P99_SAMPLES_MIN = 100


def percentile(values: Sequence[float], share: float) -> float:
    """The least of *values* that at least *share* of them do not exceed (nearest rank).

    Raises ValueError where there are none.
    """
    if not values:
        raise ValueError("no samples")
    rank = math.ceil(share * len(values))
    return sorted(values)[max(rank, 1) - 1]


@dataclass(slots=True)
class Series:
    """Times of one measured thing, in milliseconds. Lives as long as a run."""

    #: For the tables: what was timed, in words.
    title: str
    values_ms: list[float] = field(default_factory=list)
    #: Calls that had to wait for a sandbox to start; None where there are no sandboxes.
    cold: int | None = None

    @property
    def count(self) -> int:
        return len(self.values_ms)

    @property
    def p50_ms(self) -> float | None:
        return self._percentile_ms(0.5)

    @property
    def p99_ms(self) -> float | None:
        return self._percentile_ms(0.99)

    @property
    def max_ms(self) -> float | None:
        return self._percentile_ms(1.0)

    def _percentile_ms(self, share: float) -> float | None:
        return percentile(self.values_ms, share) if self.values_ms else None


class Samples:
    """Every series of a run, by name, and why one is empty."""

    def __init__(self, titles: Mapping[str, str]) -> None:
        self.series = {name: Series(title) for name, title in titles.items()}
        self.missing: dict[str, str] = {}

    def add(self, name: str, *durations_ns: int, cold: bool | None = None) -> None:
        """Add to the series *name*; *cold* says whether the call waited for a sandbox."""
        series = self.series[name]
        series.values_ms += [duration / 1e6 for duration in durations_ns]
        if cold is not None:
            series.cold = (series.cold or 0) + cold

    @contextmanager
    def attempt(self, *names: str) -> Iterator[None]:
        """What raises NotMeasured inside goes on without the series *names*."""
        try:
            yield
        except NotMeasured as reason:
            self.missing.update(dict.fromkeys(names, str(reason)))
