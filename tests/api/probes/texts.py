"""Texts of a wanted length that match a regular expression, and texts that do not."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, cast

# The public parser of patterns is deprecated; this one is what `re` itself uses.
from re import _constants as codes  # type: ignore[attr-defined] # isort: skip
from re import _parser as parser  # type: ignore[attr-defined] # isort: skip

#: Tried in this order, so that names look like names.
_CHARACTERS = "a0A-/:.$_ ,é\n"
_CATEGORIES = {codes.CATEGORY_DIGIT: "0", codes.CATEGORY_WORD: "a", codes.CATEGORY_SPACE: " "}
_UNLIKELY = ("!", " ", "?é", "\n", "$", "a b", ".")


def matching(expression: re.Pattern[str], length: int) -> str | None:
    """A text of *length* characters that all of *expression* matches; None if none is found."""
    tree = parser.parse(expression.pattern, expression.flags)
    shortest, _ = _of_sequence(tree, 0)
    text, _ = _of_sequence(tree, max(0, length - len(shortest)))
    return text if len(text) == length and expression.fullmatch(text) else None


def shortest(expression: re.Pattern[str]) -> str:
    """About the shortest text that *expression* matches."""
    text, _ = _of_sequence(parser.parse(expression.pattern, expression.flags), 0)
    return text


def mismatching(expression: re.Pattern[str], least: int, most: int) -> Iterator[str]:
    """Texts of *least* to *most* characters that *expression* does not match."""
    for unlikely in _UNLIKELY:
        text = (unlikely * least)[:least] if len(unlikely) < least else unlikely
        if least <= len(text) <= most and not expression.fullmatch(text):
            yield text


def _of_sequence(nodes: Sequence[Any], extra: int) -> tuple[str, int]:
    """A text for *nodes*, the shortest and up to *extra* characters, and how many are left over.

    From right to left: what ARNs end with is what has no fixed length.
    """
    parts: list[str] = []
    for code, argument in reversed(list(nodes)):
        text, extra = _of_node(code, argument, extra)
        parts.append(text)
    return "".join(reversed(parts)), extra


def _of_node(code: Any, argument: Any, extra: int) -> tuple[str, int]:
    if code is codes.LITERAL:
        return chr(argument), extra
    if code in (codes.IN, codes.NOT_LITERAL, codes.ANY):
        return _character(code, argument), extra
    if code is codes.SUBPATTERN:
        return _of_sequence(argument[-1], extra)
    if code is codes.BRANCH:
        return _branched(argument[1], extra)
    if code in (codes.MAX_REPEAT, codes.MIN_REPEAT):
        return _repeated(*argument, extra)
    return "", extra  # anchors and assertions, which `matching` checks at the end


def _branched(branches: Sequence[Any], extra: int) -> tuple[str, int]:
    """Of the branch that uses most of *extra*, which is beyond the shortest one."""
    lengths = [len(_of_sequence(branch, 0)[0]) for branch in branches]
    found = []
    for branch, length in zip(branches, lengths, strict=True):
        left = extra - (length - min(lengths))
        if left >= 0:
            found.append(_of_sequence(branch, left))
    return min(found, key=lambda each: (each[1], len(each[0])))


def _repeated(least: int, most: int, nodes: Sequence[Any], extra: int) -> tuple[str, int]:
    text, _ = _of_sequence(nodes, 0)
    count = int(least)
    if text:
        more = min(extra // len(text), int(most) - count)
        count, extra = count + more, extra - more * len(text)
    if count and extra:
        last, extra = _of_sequence(nodes, extra)
        return text * (count - 1) + last, extra
    return text * count, extra


def _character(code: Any, argument: Any) -> str:
    if code is codes.ANY:
        return "a"
    if code is codes.NOT_LITERAL:
        return next(each for each in _CHARACTERS if ord(each) != argument)
    negated = argument[0][0] is codes.NEGATE
    if negated:
        return next(each for each in _CHARACTERS if not _in_class(argument[1:], each))
    for each in _CHARACTERS:
        if _in_class(argument, each):
            return each
    code, first = argument[0]
    return _CATEGORIES[first] if code is codes.CATEGORY else chr(cast("Any", first)[0])


def _in_class(items: Sequence[Any], character: str) -> bool:
    for code, argument in items:
        if code is codes.LITERAL and ord(character) == argument:
            return True
        if code is codes.RANGE and argument[0] <= ord(character) <= argument[1]:
            return True
        if code is codes.CATEGORY and _in_category(argument, character):
            return True
    return False


def _in_category(category: Any, character: str) -> bool:
    tests = {
        codes.CATEGORY_DIGIT: character.isdigit(),
        codes.CATEGORY_WORD: character.isalnum() or character == "_",
        codes.CATEGORY_SPACE: character.isspace(),
        codes.CATEGORY_NOT_SPACE: not character.isspace(),
    }
    return tests[category]
