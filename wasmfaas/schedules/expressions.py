"""Schedule expressions as EventBridge and its Scheduler have them: `rate(5 minutes)`,
`cron(0 9 ? * MON-FRI *)`, `at(2027-01-31T09:00:00)`."""

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from wasmfaas.schedule_errors import InvalidExpression
from wasmfaas.schedules import fields
from wasmfaas.schedules.fields import MonthDays, Text, WeekDays

CHARACTERS_MAX: Final = 256
_UNITS_S: Final = {"minute": 60, "hour": 3600, "day": 86_400}
#: A rate longer than a century is a mistake.
_RATE_S_MAX: Final = 100 * 366 * 86_400
_AT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)", re.ASCII)
_AT_FORM: Final = "at(yyyy-mm-ddThh:mm:ss), without a zone"
_CRON_FORM: Final = "cron(minutes hours day-of-month month day-of-week year)"
_RATE_FORM: Final = "rate(value unit) with a unit of minutes, hours or days"
_FORMS: Final = f"{_RATE_FORM}, {_CRON_FORM} or {_AT_FORM}"


@dataclass(frozen=True, slots=True)
class Rate:
    """Regular intervals."""

    seconds: int


@dataclass(frozen=True, slots=True)
class At:
    """One time, by the clock of a time zone."""

    local: datetime


@dataclass(frozen=True, slots=True)
class Cron:
    """Times by the clock of a time zone. Of the kinds of days, one is None."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    month_days: MonthDays | None
    months: tuple[int, ...]
    week_days: WeekDays | None
    years: tuple[int, ...]

    def days(self, year: int, month: int) -> list[int]:
        """The days of a month, in order, that it names."""
        named = self.month_days or self.week_days
        return [] if named is None else sorted(named.of(year, month))


Expression = Rate | At | Cron


def parse(text: str) -> Expression:
    """Raises InvalidExpression, which says where and what is accepted."""
    if len(text) > CHARACTERS_MAX:
        raise InvalidExpression(
            f"the expression has {len(text)} characters, but at most {CHARACTERS_MAX} are "
            "accepted.",
            CHARACTERS_MAX + 1,
        )
    kind, parenthesis, rest = text.partition("(")
    readers: Mapping[str, Callable[[Text], Expression]]
    readers = {"rate": _rate, "cron": _cron, "at": _at}
    if kind not in readers or not parenthesis:
        raise InvalidExpression(f"expected {_FORMS}.", 1)
    if not rest.endswith(")"):
        raise InvalidExpression("the closing parenthesis is missing.", len(text) + 1)
    return readers[kind](Text(rest[:-1], len(kind) + 2))


def _rate(inside: Text) -> Rate:
    parts = inside.split(" ")
    if len(parts) != 2:
        raise InvalidExpression(f"expected {_RATE_FORM}.", inside.position)
    value, unit = parts
    if not re.fullmatch("[0-9]{1,9}", value.text) or int(value.text) == 0:
        raise InvalidExpression(
            f"the value {value.text[:40]!a} is not a positive whole number.", value.position
        )
    seconds = _UNITS_S.get(unit.text.removesuffix("s"))
    if seconds is None or unit.text.endswith("ss"):
        raise InvalidExpression(
            f"the unit {unit.text[:40]!a} is none of minute, minutes, hour, hours, day, days.",
            unit.position,
        )
    if int(value.text) * seconds > _RATE_S_MAX:
        raise InvalidExpression("the rate is longer than a hundred years.", value.position)
    return Rate(int(value.text) * seconds)


def is_well_numbered(text: str) -> bool:
    """Whether a rate's unit is in the singular for 1 and in the plural otherwise: rules of
    EventBridge insist on it, its Scheduler does not."""
    match = re.fullmatch(r"rate\(([0-9]+) [a-z]+?(s?)\)", text)
    return match is None or (int(match[1]) == 1) == (match[2] == "")


def _at(inside: Text) -> At:
    match = _AT.fullmatch(inside.text)
    if match is None:
        raise InvalidExpression(f"expected {_AT_FORM}.", inside.position)
    year, month, day, hour, minute, second = map(int, match.groups())
    for number, least, greatest, name, start in (
        (year, 1970, 2199, "year", 0),
        (month, 1, 12, "month", 5),
        (hour, 0, 23, "hour", 11),
        (minute, 0, 59, "minute", 14),
        (second, 0, 59, "second", 17),
    ):
        if not least <= number <= greatest:
            raise InvalidExpression(
                f"the {name} is {number}, but must be from {least} to {greatest}.",
                inside.position + start,
            )
    length = calendar.monthrange(year, month)[1]
    if not 1 <= day <= length:
        raise InvalidExpression(
            f"there is no day {day} in {calendar.month_name[month]} {year}, which has {length} "
            "days.",
            inside.position + 8,
        )
    return At(datetime(year, month, day, hour, minute, second))


def _cron(inside: Text) -> Cron:
    places = [
        Text(found[0], inside.position + found.start())
        for found in re.finditer(r"[^ \t]+", inside.text)
    ]
    if len(places) != 6:
        position = places[6].position if len(places) > 6 else inside.position + len(inside.text)
        raise InvalidExpression(
            f"expected six fields, {_CRON_FORM}, but there are {len(places)}.", position
        )
    minutes, hours, month_days, months, week_days, years = places
    if (month_days.text == "?") == (week_days.text == "?"):
        has = "both" if month_days.text == "?" else "neither"
        raise InvalidExpression(
            f"of day of month and day of week, one has to be ?, but {has} is.", month_days.position
        )
    cron = Cron(
        tuple(sorted(fields.numbers(fields.MINUTES, minutes))),
        tuple(sorted(fields.numbers(fields.HOURS, hours))),
        None if month_days.text == "?" else fields.month_days(month_days),
        tuple(sorted(fields.numbers(fields.MONTHS, months))),
        None if week_days.text == "?" else fields.week_days(week_days),
        tuple(sorted(fields.numbers(fields.YEARS, years))),
    )
    if not any(cron.days(year, month) for year in cron.years for month in cron.months):
        place = week_days if cron.month_days is None else month_days
        raise InvalidExpression(
            f"there is no day {place.text[:40]} in the months {months.text[:40]} of the years "
            f"{years.text[:40]}: this would never happen.",
            place.position,
        )
    return cron
