"""A pattern that has been read: objects, alternatives and leaves, and how events are held against
them.

Keys of an object have all to match; of a leaf's tests, one. Where the event has an array, one of
its elements has to match: what a pattern asks of the members of an object, one element has to have
all of.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.patterns.comparisons import Comparison, Scalar

#: Comparisons that one event may cost; a comparison with a long string counts for several.
WORK_MAX: Final = 1_000_000
_CHARACTERS_SHIFT: Final = 8


class EventTooComplex(Exception):
    """An event asks for more comparisons than one may."""


class Match:
    """One event being matched. *path* leads from *event* to a place in it."""

    def __init__(self, event: Mapping[str, Any]) -> None:
        self._event = event
        self._work = 0

    def spend(self, amount: int) -> None:
        """Raises EventTooComplex once there was more of it than may be."""
        self._work += amount
        if self._work > WORK_MAX:
            raise EventTooComplex(
                f"Matching the event takes more than {WORK_MAX} comparisons: it has arrays that "
                "are too long for the pattern."
            )

    def scalars(self, value: Any) -> Iterator[Scalar]:
        """*value*, or the elements of an array, however deep; objects are left out."""
        waiting = [value]
        while waiting:
            each = waiting.pop()
            self.spend(1)
            if isinstance(each, list):
                waiting += each
            elif not isinstance(each, dict):
                yield each

    def objects(self, value: Any) -> list[Mapping[str, Any]]:
        """*value*, or the elements of an array, however deep, that are objects."""
        found: list[Mapping[str, Any]] = []
        waiting = [value]
        while waiting:
            each = waiting.pop()
            self.spend(1)
            if isinstance(each, list):
                waiting += each
            elif isinstance(each, dict):
                found.append(each)
        return found

    def exists(self, path: tuple[str, ...]) -> bool:
        """Whether there is a value, other than an object, at *path* anywhere in the event."""
        places: list[Any] = [self._event]
        for key in path:
            places = [place[key] for each in places for place in self.objects(each) if key in place]
        return any(True for each in places for _ in self.scalars(each))


@dataclass(frozen=True, slots=True)
class Leaf:
    """What one value may be: passes one of *tests*; or, with *absent*, is not there."""

    path: tuple[str, ...]
    tests: tuple[Comparison, ...]
    absent: bool = False
    present: bool = False

    def matches(self, match: Match, place: Mapping[str, Any]) -> bool:
        if self.absent and not match.exists(self.path):
            return True
        key = self.path[-1]
        return key in place and any(self._passes(match, each) for each in match.scalars(place[key]))

    def _passes(self, match: Match, value: Scalar) -> bool:
        if self.present:
            return True
        weight = 1 + (len(value) >> _CHARACTERS_SHIFT if isinstance(value, str) else 0)
        match.spend(weight * len(self.tests))
        return any(test.passes(value) for test in self.tests)


@dataclass(frozen=True, slots=True)
class Node:
    """An object: all of its *leaves* and *children* have to match, and one of each of its
    *alternatives*."""

    leaves: tuple[Leaf, ...]
    children: tuple[tuple[str, "Node"], ...]
    alternatives: tuple[tuple["Node", ...], ...]

    def matches(self, match: Match, place: Mapping[str, Any]) -> bool:
        match.spend(1)
        return (
            all(leaf.matches(match, place) for leaf in self.leaves)
            and all(self._child_matches(match, place, *child) for child in self.children)
            and all(
                any(node.matches(match, place) for node in nodes) for nodes in self.alternatives
            )
        )

    def _child_matches(
        self, match: Match, place: Mapping[str, Any], key: str, child: "Node"
    ) -> bool:
        # Where there is no object, what has to be absent is.
        objects = match.objects(place[key]) if key in place else []
        return any(child.matches(match, each) for each in objects or [{}])
