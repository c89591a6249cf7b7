"""Reads event patterns, and says what is wrong with those that are none.

Messages are those of AWS's event-ruler where it has one, with the place in the pattern.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.patterns import operators
from wasmfaas.patterns.comparisons import Comparison, Literal, Texts
from wasmfaas.patterns.operators import InvalidPattern
from wasmfaas.patterns.tree import Leaf, Match, Node

__all__ = ["InvalidPattern", "Pattern", "parse"]

CHARACTERS_MAX: Final = 4096
DEPTH_MAX: Final = 30
#: Ways through the alternatives of one pattern.
COMBINATIONS_MAX: Final = 1000
_OR: Final = "$or"


@dataclass(frozen=True, slots=True)
class Pattern:
    """An event pattern."""

    root: Node

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether *event*, a JSON object, has what the pattern asks for.

        Raises EventTooComplex for one with arrays too long to be looked through.
        """
        return self.root.matches(Match(event), event)


def parse(text: str) -> Pattern:
    """The pattern that *text*, JSON, is. Raises InvalidPattern, which says what is wrong where."""
    if len(text) > CHARACTERS_MAX:
        raise InvalidPattern(
            f"The pattern has {len(text)} characters, but may have at most {CHARACTERS_MAX}", ()
        )
    try:
        pattern = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise InvalidPattern(_TOO_DEEP, ()) from None
    except ValueError as error:
        raise InvalidPattern(f"Invalid JSON: {error}", ()) from None
    if not isinstance(pattern, dict):
        raise InvalidPattern("Filter is not an object", ())
    root = _node(pattern, ())
    if _combinations(root) > COMBINATIONS_MAX:
        raise InvalidPattern(
            f"The alternatives ({_OR}) can be combined in more than {COMBINATIONS_MAX} ways", ()
        )
    return Pattern(root)


_TOO_DEEP: Final = f"The pattern is nested deeper than {DEPTH_MAX} levels"


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _node(pattern: Mapping[str, Any], path: tuple[str, ...], depth: int = 0) -> Node:
    if depth > DEPTH_MAX:
        raise InvalidPattern(_TOO_DEEP, path)
    if not pattern:
        raise InvalidPattern("Empty objects are not allowed", path)
    leaves: list[Leaf] = []
    children: list[tuple[str, Node]] = []
    alternatives: list[tuple[Node, ...]] = []
    for key, value in pattern.items():
        place = (*path, key)
        if key == _OR and _is_alternatives(value):
            alternatives.append(tuple(_node(each, path, depth + 1) for each in value))
        elif isinstance(value, dict):
            children.append((key, _node(value, place, depth + 1)))
        elif isinstance(value, list):
            leaves.append(_leaf(value, place))
        else:
            raise InvalidPattern(f'"{key}" must be an object or an array', place)
    return Node(tuple(leaves), tuple(children), tuple(alternatives))


def _is_alternatives(value: Any) -> bool:
    """Whether the value of `$or` is what makes it more than the name of a field: two objects or
    more, none of which is an operator."""
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(each, dict) and each for each in value)
        and not any(operators.NAMES & each.keys() for each in value)
    )


def _leaf(values: Sequence[Any], path: tuple[str, ...]) -> Leaf:
    if not values:
        raise InvalidPattern("Empty arrays are not allowed", path)
    texts: set[str] = set()
    tests: list[Comparison] = []
    absent = present = False
    for value in values:
        if isinstance(value, str):
            texts.add(value)
        elif isinstance(value, dict):
            if "exists" in value:
                exists = operators.exists(value, path)
                absent, present = absent or not exists, present or exists
            else:
                tests.append(operators.comparison(value, path))
        elif isinstance(value, list):
            raise InvalidPattern("Match value must be String, number, true, false, or null", path)
        else:
            tests.append(Literal(value))
    if texts:
        tests.insert(0, Texts(frozenset(texts)))
    return Leaf(path, tuple(tests), absent, present)


def _combinations(node: Node) -> int:
    total = 1
    for _, child in node.children:
        total *= _combinations(child)
    for nodes in node.alternatives:
        total *= sum(_combinations(each) for each in nodes)
    return total
