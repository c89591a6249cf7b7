"""The figures of a run, and why one is missing."""

from collections.abc import Iterator
from contextlib import contextmanager

from bench.failures import NotMeasured


class Findings:
    """Figures by key, each a number or a reason. Lives as long as a run."""

    def __init__(self) -> None:
        self.figures: dict[str, float | None] = {}
        self.why: dict[str, str] = {}

    def add(self, key: str, value: float) -> None:
        self.figures[key] = value

    def lacks(self, key: str, reason: str) -> None:
        """There is no figure *key*, for *reason*."""
        self.figures[key] = None
        self.why[key] = reason

    def quotient(self, key: str, above: str, below: str) -> None:
        """The figure *key* is *above* divided by *below*, where there are both."""
        for side in (above, below):
            if self.figures.get(side) is None:
                self.lacks(key, self.why.get(side) or f"there is no {side}")
                return
        numerator, denominator = self.figures[above], self.figures[below]
        assert numerator is not None
        if not denominator:
            self.lacks(key, f"{below} is 0")
            return
        self.add(key, numerator / denominator)

    @contextmanager
    def attempt(self, *keys: str) -> Iterator[None]:
        """What raises NotMeasured inside goes on without those of *keys* that are not there yet."""
        try:
            yield
        except NotMeasured as reason:
            for key in keys:
                if key not in self.figures:
                    self.lacks(key, str(reason))
