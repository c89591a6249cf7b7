"""What one value of an event is held against. Values are JSON's scalars; each test says whether one
passes."""

import ipaddress
from dataclasses import dataclass
from typing import Final, Protocol

Scalar = str | int | float | bool | None
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

#: Characters beyond which a string cannot be an address.
_ADDRESS_CHARACTERS_MAX: Final = 64


class Comparison(Protocol):
    """One way of matching."""

    def passes(self, value: Scalar) -> bool: ...


def is_number(value: object) -> bool:
    """Whether *value* is a JSON number, which `true` and `false` are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


@dataclass(frozen=True, slots=True)
class Literal:
    """`null`, `true`, `false` or a number; numbers by value, so that 3 is 3.0."""

    wanted: Scalar

    def passes(self, value: Scalar) -> bool:
        if is_number(self.wanted):
            return is_number(value) and value == self.wanted
        return value is self.wanted


@dataclass(frozen=True, slots=True)
class Texts:
    """One of some strings, whole."""

    wanted: frozenset[str]
    ignore_case: bool = False

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and _folded(value, self.ignore_case) in self.wanted


@dataclass(frozen=True, slots=True)
class Begins:
    """A string that begins with one of some others."""

    wanted: tuple[str, ...]
    ignore_case: bool = False

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and _folded(value, self.ignore_case).startswith(self.wanted)


@dataclass(frozen=True, slots=True)
class Ends:
    """A string that ends with one of some others."""

    wanted: tuple[str, ...]
    ignore_case: bool = False

    def passes(self, value: Scalar) -> bool:
        return isinstance(value, str) and _folded(value, self.ignore_case).endswith(self.wanted)


@dataclass(frozen=True, slots=True)
class Numeric:
    """A number in a range; a bound that is None is none."""

    low: float | None = None
    high: float | None = None
    with_low: bool = False
    with_high: bool = False

    def passes(self, value: Scalar) -> bool:
        if not isinstance(value, int | float) or isinstance(value, bool):
            return False
        if self.low is not None and (value < self.low or (value == self.low and not self.with_low)):
            return False
        if self.high is None:
            return True
        return value < self.high or (value == self.high and self.with_high)


@dataclass(frozen=True, slots=True)
class Cidr:
    """An address in a network."""

    network: Network

    def passes(self, value: Scalar) -> bool:
        if not isinstance(value, str) or len(value) > _ADDRESS_CHARACTERS_MAX:
            return False
        try:
            return ipaddress.ip_address(value) in self.network
        except ValueError:
            return False


@dataclass(frozen=True, slots=True)
class Wildcard:
    """A string made of *parts*, with anything or nothing between each and the next.

    Parts are looked for from the left, each once: where the leftmost place of one leaves no room
    for the rest, no place does. So the time is that of a few searches, whatever the pattern.
    """

    parts: tuple[str, ...]

    def passes(self, value: Scalar) -> bool:
        if not isinstance(value, str):
            return False
        if len(self.parts) == 1:
            return value == self.parts[0]
        first, *middle, last = self.parts
        end = len(value) - len(last)
        position = len(first)
        if end < position or not (value.startswith(first) and value.endswith(last)):
            return False
        for part in middle:
            found = value.find(part, position, end)
            if found < 0:
                return False
            position = found + len(part)
        return True


@dataclass(frozen=True, slots=True)
class AnythingBut:
    """Any value, of any type, that passes none of *tests*."""

    tests: tuple[Comparison, ...]

    def passes(self, value: Scalar) -> bool:
        return not any(test.passes(value) for test in self.tests)


def _folded(text: str, ignore_case: bool) -> str:
    return text.lower() if ignore_case else text
