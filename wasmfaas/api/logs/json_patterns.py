"""Filter patterns for messages that are JSON: `{ $.status >= 500 && $.user.name = "A*" }`.

pattern    := "{" any "}"
any        := all ("||" all)*
all        := one ("&&" one)*
one        := "(" any ")" | selector comparison
comparison := ("=" | "!=") (number | text) | ("<" | "<=" | ">" | ">=") number
            | "IS" ("NULL" | "TRUE" | "FALSE") | "NOT" "EXISTS"
"""

import json
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from wasmfaas.log_errors import InvalidParameter

Test = Callable[[Any], bool]
_DEPTH_MAX: Final = 20
#: Longer messages are not parsed for a comparison.
_MESSAGE_CHARACTERS_MAX: Final = 1024 * 1024

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<selector> \$(?:\.[A-Za-z0-9_@-]+|\['[^']+'\]|\[(?:\d{1,6}|\*)\])* )
      | (?P<text> "(?:[^"\\]|\\.)*" )
      | (?P<sign> && | \|\| | != | <= | >= | [=<>(){}] )
      | (?P<word> [^\s"=<>!(){}&|]+ )
    )""",
    re.VERBOSE,
)
_STEP = re.compile(r"\.([A-Za-z0-9_@-]+)|\['([^']+)'\]|\[(\d+|\*)\]")
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_ORDER: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip


def compiled(pattern: str) -> Callable[[str], bool]:
    """Whether a message is JSON that meets *pattern*. Raises InvalidParameter."""
    test = _Parser(pattern).pattern()

    def matches(message: str) -> bool:
        if len(message) > _MESSAGE_CHARACTERS_MAX or not message.lstrip().startswith(("{", "[")):
            return False
        try:
            document = json.loads(message)
        except (ValueError, RecursionError):
            return False
        return test(document)

    return matches


class _Parser:
    """Lives for one pattern, which has at most 1,024 characters."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern
        self._tokens: list[tuple[str, str]] = []
        at = 0
        while pattern[at:].strip():
            match = _TOKEN.match(pattern, at)
            if match is None or match.lastgroup is None:
                raise self._wrong(pattern[at:].strip())
            self._tokens.append((match.lastgroup, match[match.lastgroup]))
            at = match.end()
        self._tokens.reverse()
        self._depth = 0

    def pattern(self) -> Test:
        self._expect("{")
        test = self._any()
        self._expect("}")
        if self._tokens:
            raise self._wrong(self._tokens[-1][1])
        return test

    def _any(self) -> Test:
        tests = [self._all()]
        while self._takes("||"):
            tests.append(self._all())
        return lambda document: any(test(document) for test in tests)

    def _all(self) -> Test:
        tests = [self._one()]
        while self._takes("&&"):
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._takes("("):
            self._depth += 1
            if self._depth > _DEPTH_MAX:
                raise self._wrong("(")
            test = self._any()
            self._expect(")")
            self._depth -= 1
            return test
        kind, selector = self._next()
        if kind != "selector":
            raise self._wrong(selector)
        path = [
            (name or quoted, index)
            for name, quoted, index in _STEP.findall(selector.removeprefix("$"))
        ]
        holds = self._comparison()
        if holds is None:
            return lambda document: not any(True for _ in _selected(document, path))
        return lambda document: any(holds(value) for value in _selected(document, path))

    def _comparison(self) -> Test | None:
        """What is asked of a selected value; None asks that there is none."""
        kind, sign = self._next()
        if kind == "word" and sign.upper() == "IS":
            wanted = self._next()[1].upper()
            if wanted not in ("NULL", "TRUE", "FALSE"):
                raise self._wrong(wanted)
            constant = json.loads(wanted.lower())
            return lambda value: value is constant
        if kind == "word" and sign.upper() == "NOT":
            if self._next()[1].upper() != "EXISTS":
                raise self._wrong(sign)
            return None
        if kind != "sign" or sign not in ("=", "!=", *_ORDER):
            raise self._wrong(sign)
        return self._against(sign, *self._next())

    def _against(self, sign: str, kind: str, text: str) -> Test:
        if kind not in ("word", "text"):
            raise self._wrong(text)
        is_number = kind == "word" and _NUMBER.fullmatch(text) is not None
        if sign in _ORDER:
            if not is_number:
                raise self._wrong(text)
            number, compare = float(text), _ORDER[sign]
            return lambda value: _is_number(value) and compare(value, number)
        equal = _equals_number(float(text)) if is_number else _equals_text(_unquoted(text))
        return equal if sign == "=" else lambda value: not equal(value)

    def _next(self) -> tuple[str, str]:
        if not self._tokens:
            raise self._wrong("the end")
        return self._tokens.pop()

    def _takes(self, sign: str) -> bool:
        if self._tokens and self._tokens[-1] == ("sign", sign):
            self._tokens.pop()
            return True
        return False

    def _expect(self, sign: str) -> None:
        found = self._next()
        if found != ("sign", sign):
            raise self._wrong(found[1])

    def _wrong(self, where: str) -> InvalidParameter:
        return InvalidParameter(f"Invalid filter pattern: '{self._text[:100]}' at '{where[:50]}'")


def _selected(value: Any, path: list[tuple[str, str]]) -> Iterator[Any]:
    """The values that *path*, of names and indexes, leads to."""
    if not path:
        yield value
        return
    (name, index), rest = path[0], path[1:]
    if name:
        if isinstance(value, dict) and name in value:
            yield from _selected(value[name], rest)
    elif isinstance(value, list):
        if index == "*":
            for item in value:
                yield from _selected(item, rest)
        elif int(index) < len(value):
            yield from _selected(value[int(index)], rest)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _equals_number(number: float) -> Test:
    return lambda value: bool(_is_number(value) and value == number)


def _equals_text(wanted: str) -> Test:
    """An asterisk stands for any characters."""
    first, *others = wanted.split("*")
    if not others:
        return lambda value: bool(value == wanted)
    *middle, last = others

    def matches(value: Any) -> bool:
        if not (isinstance(value, str) and value.startswith(first)):
            return False
        at = len(first)
        for part in middle:
            found = value.find(part, at)
            if found < 0:
                return False
            at = found + len(part)
        return value.endswith(last) and len(value) - len(last) >= at

    return matches


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
