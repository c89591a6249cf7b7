"""The operators of event patterns: `{"prefix": …}` and the like, each read into a test."""

import ipaddress
import math
from collections.abc import Callable, Mapping
from typing import Any, Final

from wasmfaas.patterns.comparisons import (
    AnythingBut,
    Begins,
    Cidr,
    Comparison,
    Ends,
    Literal,
    Numeric,
    Texts,
    Wildcard,
    is_number,
)

#: What numbers of a `numeric` expression may be, as EventBridge documents it.
NUMBER_MAX: Final = 5.0e9
_IGNORE_CASE: Final = "equals-ignore-case"
_Path = tuple[str, ...]


class InvalidPattern(ValueError):
    """A pattern is none. `reason` says why; `path` are the keys that lead to where."""

    def __init__(self, reason: str, path: _Path) -> None:
        self.reason = reason
        self.path = path
        super().__init__(f"{reason}, {self.where}")

    @property
    def where(self) -> str:
        """For people: `at body.price`."""
        return "at " + ".".join(self.path) if self.path else "at the top"


def exists(operator: Mapping[str, Any], path: _Path) -> bool:
    """What `{"exists": …}` asks for. Raises InvalidPattern."""
    _only(operator, path)
    value = operator["exists"]
    if not isinstance(value, bool):
        raise InvalidPattern("exists match pattern must be either true or false.", path)
    return value


def comparison(operator: Mapping[str, Any], path: _Path) -> Comparison:
    """The test that *operator*, an object with one member, stands for. Raises InvalidPattern."""
    name = _only(operator, path)
    read = _READERS.get(name)
    if read is None:
        raise InvalidPattern(f"Unrecognized match type {name}", path)
    return read(operator[name], path)


def _only(operator: Mapping[str, Any], path: _Path) -> str:
    if not operator:
        raise InvalidPattern("Empty objects are not allowed", path)
    if len(operator) > 1:
        raise InvalidPattern("Only one key allowed in match expression", path)
    return next(iter(operator))


def _prefix(value: Any, path: _Path) -> Comparison:
    text, ignore_case = _text_or_case(value, "prefix", path)
    return Begins((text,), ignore_case)


def _suffix(value: Any, path: _Path) -> Comparison:
    text, ignore_case = _text_or_case(value, "suffix", path)
    return Ends((text,), ignore_case)


def _text_or_case(value: Any, name: str, path: _Path) -> tuple[str, bool]:
    """The text of a prefix or a suffix, and whether its case is ignored."""
    if isinstance(value, dict):
        if list(value) != [_IGNORE_CASE]:
            raise InvalidPattern(f"{name} may have {_IGNORE_CASE} in it, and nothing else", path)
        return _text(value[_IGNORE_CASE], _IGNORE_CASE, path).lower(), True
    return _text(value, name, path), False


def _text(value: Any, name: str, path: _Path) -> str:
    if not isinstance(value, str):
        raise InvalidPattern(f"{name} match pattern must be a string", path)
    return value


def _ignore_case(value: Any, path: _Path) -> Comparison:
    return Texts(frozenset((_text(value, _IGNORE_CASE, path).lower(),)), ignore_case=True)


def _cidr(value: Any, path: _Path) -> Comparison:
    text = _text(value, "cidr", path)
    if text.count("/") != 1:
        raise InvalidPattern("Malformed CIDR, one '/' required", path)
    try:
        return Cidr(ipaddress.ip_network(text, strict=False))
    except ValueError as error:
        raise InvalidPattern(f"Malformed CIDR: {error}", path) from None


def _wildcard(value: Any, path: _Path) -> Comparison:
    text = _text(value, "wildcard", path)
    parts, part, position = [], "", 0
    while position < len(text):
        character = text[position]
        following = text[position + 1 : position + 2]
        if character == "\\":
            if following not in ("*", "\\") or not following:
                raise InvalidPattern(f"Invalid escape character at pos {position}", path)
            part, position = part + following, position + 1
        elif character == "*":
            if following == "*":
                raise InvalidPattern(f"Consecutive wildcard characters at pos {position}", path)
            parts.append(part)
            part = ""
        else:
            part += character
        position += 1
    return Wildcard((*parts, part))


def _numeric(value: Any, path: _Path) -> Comparison:
    if not isinstance(value, list):
        raise InvalidPattern("Value of numeric must be an array.", path)
    if not value or not isinstance(value[0], str):
        raise InvalidPattern("Invalid member in numeric match: it begins with an operator", path)
    sign, *rest = value
    number = _number(rest, sign, path)
    if sign == "=":
        _no_more(rest[1:], path)
        return Numeric(number, number, True, True)
    if sign in ("<", "<="):
        _no_more(rest[1:], path)
        return Numeric(high=number, with_high=sign == "<=")
    if sign not in (">", ">="):
        raise InvalidPattern(f"Unrecognized numeric range operator: {sign}", path)
    if len(rest) == 1:
        return Numeric(number, with_low=sign == ">=")
    top, *rest = rest[1:]
    if top not in ("<", "<="):
        raise InvalidPattern(f"Bad numeric range operator: {top}", path)
    high = _number(rest, top, path)
    _no_more(rest[1:], path)
    if number >= high:
        raise InvalidPattern("Bottom must be less than top", path)
    return Numeric(number, high, sign == ">=", top == "<=")


def _number(values: list[Any], sign: str, path: _Path) -> float:
    value = values[0] if values else None
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise InvalidPattern(f"Value of {sign} must be numeric", path)
    if not math.isfinite(value) or abs(value) > NUMBER_MAX:
        raise InvalidPattern(
            f"Value must be between -{NUMBER_MAX:.1e} and {NUMBER_MAX:.1e}, inclusive", path
        )
    return value


def _no_more(values: list[Any], path: _Path) -> None:
    if values:
        raise InvalidPattern("Too many elements in numeric expression", path)


def _anything_but(value: Any, path: _Path) -> Comparison:
    if isinstance(value, dict):
        return AnythingBut(_negated(value, path))
    values = value if isinstance(value, list) else [value]
    if not values:
        raise InvalidPattern("Empty arrays are not allowed", path)
    if all(isinstance(each, str) for each in values):
        return AnythingBut((Texts(frozenset(values)),))
    if all(is_number(each) for each in values):
        return AnythingBut(tuple(Literal(each) for each in values))
    if isinstance(value, list):
        raise InvalidPattern(
            "Inside anything but list, either all values are number or string, mixed type is not "
            "supported", path
        )  # fmt: skip
    raise InvalidPattern(
        "Value of anything-but must be an array or single string/number value.", path
    )


def _negated(operator: Mapping[str, Any], path: _Path) -> tuple[Comparison, ...]:
    name = _only(operator, path)
    values = operator[name] if isinstance(operator[name], list) else [operator[name]]
    if name not in (_IGNORE_CASE, "prefix", "suffix", "wildcard"):
        raise InvalidPattern(f"Unsupported anything-but pattern: {name}", path)
    if not values:
        raise InvalidPattern("Empty arrays are not allowed", path)
    for each in values:
        if not each or not isinstance(each, str):
            raise InvalidPattern(f"{name} in anything-but must be a string that is not empty", path)
    return tuple(_READERS[name](each, path) for each in values)


_READERS: Final[Mapping[str, Callable[[Any, _Path], Comparison]]] = {
    "anything-but": _anything_but,
    "cidr": _cidr,
    _IGNORE_CASE: _ignore_case,
    "numeric": _numeric,
    "prefix": _prefix,
    "suffix": _suffix,
    "wildcard": _wildcard,
}
#: Words that are operators, and no fields of what `$or` lists.
NAMES: Final = frozenset((*_READERS, "exists"))
