"""Which sandboxes the invocations of a function go to, by qualifier."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from wasmfaas.invoke.target import Target


@dataclass(frozen=True, slots=True)
class Split:
    """The target of a qualifier or, of a weighted alias, two. Lives until its function changes."""

    target: Target
    #: Gets the share `weight` (from 0 to 1) of the invocations.
    additional: Target | None = None
    weight: float = 0.0

    def pick(self, draw: Callable[[], float]) -> Target:
        """The target of one invocation. *draw* gives numbers from 0 up to, but not, 1."""
        if self.additional is None or draw() >= self.weight:
            return self.target
        return self.additional

    def __iter__(self) -> Iterator[Target]:
        yield self.target
        if self.additional is not None:
            yield self.additional


class Routes:
    """Remembers where the invocations of functions go, until they change. Lives as long as the
    server. *draw* gives evenly distributed numbers from 0 up to, but not, 1."""

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._splits: dict[str, dict[str | None, Split]] = {}
        #: Counts changes of a function, so that what was read before one is not kept after it.
        self._changes: dict[str, int] = {}

    def get(self, name: str, qualifier: str | None = None) -> Target | None:
        """The target of one invocation, if it is known."""
        splits = self._splits.get(name)
        split = None if splits is None else splits.get(qualifier)
        return None if split is None else split.pick(self._draw)

    def pick(self, split: Split) -> Target:
        """The target of one invocation that goes to *split*."""
        return split.pick(self._draw)

    def changes(self, name: str) -> int:
        """How often *name* has changed; for `keep`."""
        return self._changes.get(name, 0)

    def keep(self, name: str, qualifier: str | None, split: Split, changes: int) -> None:
        """Remember *split*, which was looked up after that many *changes*, unless it is old."""
        if self._changes.get(name, 0) == changes:
            self._splits.setdefault(name, {})[qualifier] = split

    def forget(self, name: str) -> None:
        """Forget all that is known of *name*, which has changed."""
        self._changes[name] = self._changes.get(name, 0) + 1
        self._splits.pop(name, None)
