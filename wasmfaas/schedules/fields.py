"""The six fields of AWS's cron expressions."""

import calendar
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from wasmfaas.schedule_errors import InvalidExpression

_NUMBER = re.compile(r"[0-9]{1,4}", re.ASCII)
_MONTHS: Final = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if number}
_DAYS: Final = {
    name: number
    for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), start=1)
}


@dataclass(frozen=True, slots=True)
class Kind:
    """What a field may hold."""

    name: str
    least: int
    greatest: int
    #: Shown to people.
    accepted: str
    names: Mapping[str, int] = field(default_factory=dict)
    #: Whether a range may go over the end: FRI-MON.
    turns: bool = True

    def values(self, first: int, last: int, step: int = 1) -> list[int]:
        """Each *step*th value from *first* to *last*."""
        if first <= last:
            return list(range(first, last + 1, step))
        size = self.greatest - self.least + 1
        return [
            self.least + (value - self.least) % size
            for value in range(first, last + size + 1, step)
        ]


MINUTES: Final = Kind("minutes", 0, 59, "0-59, and , - * /")
HOURS: Final = Kind("hours", 0, 23, "0-23, and , - * /")
DAYS_OF_MONTH: Final = Kind("day of month", 1, 31, "1-31, L, L-3, 15W, LW, and , - * ? /")
MONTHS: Final = Kind("month", 1, 12, "1-12 or JAN-DEC, and , - * /", _MONTHS)
DAYS_OF_WEEK: Final = Kind(
    "day of week", 1, 7, "1-7 or SUN-SAT (1 is Sunday), L, 6L, 3#2, and , - * ? /", _DAYS
)
YEARS: Final = Kind("year", 1970, 2199, "1970-2199, and , - * /", turns=False)


@dataclass(frozen=True, slots=True)
class Text:
    """A part of an expression and where it stands, counted from 1."""

    text: str
    position: int

    def split(self, separator: str) -> list["Text"]:
        """The parts between *separator*s, in their places."""
        parts, position = [], self.position
        for part in self.text.split(separator):
            parts.append(Text(part, position))
            position += len(part) + len(separator)
        return parts

    def cut(self, begin: int, end: int | None = None) -> "Text":
        """A part of it, in its place."""
        return Text(self.text[begin:end], self.position + begin)

    def refused(self, kind: Kind, problem: str) -> InvalidExpression:
        """The error for what stands here."""
        return InvalidExpression(
            f"the {kind.name} field has {self.text[:40]!a}, {problem}. It takes {kind.accepted}.",
            self.position,
        )


@dataclass(frozen=True, slots=True)
class MonthDays:
    """The days of month that a field names."""

    days: frozenset[int] = frozenset()
    #: Days before the last one: 0 for `L`, 3 for `L-3`.
    before_last: frozenset[int] = frozenset()
    #: The weekday that is nearest to a day; 0 stands for the last day, as `LW` has it.
    near: frozenset[int] = frozenset()

    def of(self, year: int, month: int) -> set[int]:
        """Those that a month has."""
        first_weekday, length = calendar.monthrange(year, month)
        found = {day for day in self.days if day <= length}
        found |= {length - before for before in self.before_last if before < length}
        for wanted in self.near:
            day = wanted or length
            if day <= length:
                found.add(_nearest(day, (first_weekday + day - 1) % 7, length))
        return found


@dataclass(frozen=True, slots=True)
class WeekDays:
    """The days of week that a field names; 1 is Sunday."""

    days: frozenset[int] = frozenset()
    #: The last such day of the month.
    last: frozenset[int] = frozenset()
    #: The nth such day of the month.
    nth: frozenset[tuple[int, int]] = frozenset()

    def of(self, year: int, month: int) -> set[int]:
        """The days of month that they are in a month."""
        first_weekday, length = calendar.monthrange(year, month)
        # Python's Monday is 0, AWS's Sunday is 1.
        firsts = {day: 1 + (day - 2 - first_weekday) % 7 for day in range(1, 8)}
        found = {each for day in self.days for each in range(firsts[day], length + 1, 7)}
        found |= {max(range(firsts[day], length + 1, 7)) for day in self.last}
        found |= {firsts[day] + 7 * (count - 1) for day, count in self.nth}
        return {day for day in found if day <= length}


def _nearest(day: int, weekday: int, length: int) -> int:
    """The weekday that is nearest to *day*, within its month."""
    if weekday == calendar.SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == calendar.SUNDAY:
        return day + 1 if day < length else day - 2
    return day


def numbers(kind: Kind, text: Text) -> frozenset[int]:
    """The values of a field without letters of its own."""
    return frozenset(value for part in text.split(",") for value in _element(kind, part))


def month_days(text: Text) -> MonthDays:
    """The field of the days of month, but `?`."""
    days: set[int] = set()
    before_last: set[int] = set()
    near: set[int] = set()
    for part in text.split(","):
        upper = part.text.upper()
        if upper == "LW":
            near.add(0)
        elif upper == "L":
            before_last.add(0)
        elif upper.startswith("L-"):
            before = part.cut(2)
            before_last.add(_bounded(before, DAYS_OF_MONTH, _number(before, DAYS_OF_MONTH), 30))
        elif upper.endswith("W") and len(upper) > 1:
            near.add(_value(DAYS_OF_MONTH, part.cut(0, -1)))
        else:
            days.update(_element(DAYS_OF_MONTH, part))
    return MonthDays(frozenset(days), frozenset(before_last), frozenset(near))


def week_days(text: Text) -> WeekDays:
    """The field of the days of week, but `?`."""
    days: set[int] = set()
    last: set[int] = set()
    nth: set[tuple[int, int]] = set()
    parts = text.split(",")
    for part in parts:
        upper = part.text.upper()
        if "#" in upper:
            if len(parts) > 1:
                raise part.refused(DAYS_OF_WEEK, "but with # there may be no other day")
            day, _, count = upper.partition("#")
            place = part.cut(len(day) + 1)
            nth.add((_value(DAYS_OF_WEEK, part.cut(0, len(day))), _nth(count, place)))
        elif upper == "L":
            days.add(DAYS_OF_WEEK.greatest)
        elif upper.endswith("L"):
            last.add(_value(DAYS_OF_WEEK, part.cut(0, -1)))
        else:
            days.update(_element(DAYS_OF_WEEK, part))
    return WeekDays(frozenset(days), frozenset(last), frozenset(nth))


def _nth(count: str, place: Text) -> int:
    if count not in ("1", "2", "3", "4", "5"):
        raise place.refused(DAYS_OF_WEEK, "but what follows # must be from 1 to 5")
    return int(count)


def _element(kind: Kind, part: Text) -> Iterable[int]:
    """One element of a list: `*`, a value, a range, each with or without a step."""
    base, slash, _ = part.text.partition("/")
    step = 1
    if slash:
        place = part.cut(len(base) + 1)
        step = _number(place, kind)
        if not 1 <= step <= kind.greatest:
            raise place.refused(kind, f"but a step must be from 1 to {kind.greatest}")
    place = part.cut(0, len(base))
    if base == "*":
        return kind.values(kind.least, kind.greatest, step)
    begin, dash, _ = base.partition("-")
    first = _value(kind, place.cut(0, len(begin)))
    if not dash:
        return kind.values(first, kind.greatest if slash else first, step)
    last = _value(kind, place.cut(len(begin) + 1))
    if last < first and not kind.turns:
        raise place.refused(kind, "which ends before it begins")
    return kind.values(first, last, step)


def _value(kind: Kind, place: Text) -> int:
    named = kind.names.get(place.text.upper())
    if named is not None:
        return named
    return _bounded(place, kind, _number(place, kind), kind.greatest, kind.least)


def _number(place: Text, kind: Kind) -> int:
    if not place.text:
        raise place.refused(kind, "where a value is missing")
    if not _NUMBER.fullmatch(place.text):
        raise place.refused(kind, "which is not understood")
    return int(place.text)


def _bounded(place: Text, kind: Kind, number: int, greatest: int, least: int = 0) -> int:
    if not least <= number <= greatest:
        raise place.refused(kind, f"but must be from {least} to {greatest}")
    return number
