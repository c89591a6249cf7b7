"""The times at which a schedule is due.

By the clock of a time zone, some times do not exist, as when daylight saving begins: they are left
out. Some exist twice, as when it ends: the first counts. Rates pay no heed to clocks: a day is 24
hours. So EventBridge Scheduler describes it.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from wasmfaas.schedule_errors import InvalidExpression, InvalidSchedule
from wasmfaas.schedules.expressions import At, Cron, Expression, Rate

#: Folders of some systems' time zone data that are no names of zones.
_NO_ZONES: Final = ("posix", "right", "localtime", "posixrules", "Factory")
_DAY: Final = timedelta(days=1)


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its IANA name. Raises InvalidSchedule."""
    try:
        if name.partition("/")[0] in _NO_ZONES:
            raise ValueError(name)
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise InvalidSchedule(
            f"Invalid Schedule Expression Timezone {name[:50]}. It takes the name of a zone of the "
            "IANA time zone database, such as Europe/Berlin or UTC."
        ) from None


@dataclass(frozen=True, slots=True)
class Recurrence:
    """When something is due. Times are Unix milliseconds. Lifetime: one look at a schedule."""

    expression: Expression
    zone: ZoneInfo
    #: What rates count from; it is their first time.
    anchor_ms: int
    #: Bounds of recurring ones, both included.
    start_ms: int | None = None
    end_ms: int | None = None

    def following(self, after_ms: int) -> int | None:
        """The first time after *after_ms*."""
        expression = self.expression
        if isinstance(expression, At):
            found = self._at(expression)
            return found if found > after_ms else None
        if self.start_ms is not None:
            after_ms = max(after_ms, self.start_ms - 1)
        if isinstance(expression, Rate):
            turns = (after_ms - self.anchor_ms) // (expression.seconds * 1000) + 1
            found = self.anchor_ms + max(0, turns) * expression.seconds * 1000
        else:
            following = self._cron_after(expression, after_ms)
            if following is None:
                return None
            found = following
        return None if self.end_ms is not None and found > self.end_ms else found

    def newest(self, first_ms: int, until_ms: int) -> tuple[int, int]:
        """The last time that is not after *until_ms*, and how many there are before it, from
        *first_ms*, which is one of them, on."""
        expression = self.expression
        if self.end_ms is not None:
            until_ms = min(until_ms, self.end_ms)
        if isinstance(expression, At) or until_ms <= first_ms:
            return first_ms, 0
        if isinstance(expression, Rate):
            turns = (until_ms - first_ms) // (expression.seconds * 1000)
            return first_ms + turns * expression.seconds * 1000, turns
        days = list(self._days(expression, self._local(first_ms).date(), until_ms))
        for number in reversed(range(len(days))):
            found = [each for each in self._instants(expression, days[number]) if each <= until_ms]
            if found:
                before = self._count(expression, days[:number], first_ms)
                return found[-1], before + sum(first_ms <= each for each in found[:-1])
        return first_ms, 0

    def check(self) -> None:
        """Raise InvalidExpression for a single time that does not exist by the zone's clock."""
        expression = self.expression
        if isinstance(expression, At) and self._instant(expression.local) is None:
            raise InvalidExpression(
                f"{expression.local.isoformat()} does not exist in {self.zone.key}: clocks are put "
                "forward over it.",
                4,
            )

    def _at(self, expression: At) -> int:
        return _milliseconds(expression.local.replace(tzinfo=self.zone))

    def _cron_after(self, expression: Cron, after_ms: int) -> int | None:
        local = self._local(after_ms)
        for day in self._days(expression, local.date()):
            # Where a time exists twice the first counts, so what is behind on the clock is past.
            since = local.time() if day == local.date() else time.min
            for instant in self._instants(expression, day, since):
                if instant > after_ms:
                    return instant
        return None

    def _local(self, moment_ms: int) -> datetime:
        moment = datetime.fromtimestamp(moment_ms // 1000, UTC)
        return moment.astimezone(self.zone)

    def _days(self, expression: Cron, first: date, until_ms: int | None = None) -> Iterator[date]:
        """The days that are named, from *first* on."""
        last = date.max if until_ms is None else self._local(until_ms).date() + _DAY
        for year in expression.years:
            if not first.year <= year <= last.year:
                continue
            for month in expression.months:
                if (year, month) < (first.year, first.month):
                    continue
                for number in expression.days(year, month):
                    day = date(year, month, number)
                    if first <= day <= last:
                        yield day

    def _instants(self, expression: Cron, day: date, since: time = time.min) -> Iterator[int]:
        """The times of a day that exist, in order, from *since* by the clock on."""
        for hour in expression.hours:
            if hour < since.hour:
                continue
            for minute in expression.minutes:
                instant = self._instant(datetime.combine(day, time(hour, minute)))
                if instant is not None:
                    yield instant

    def _instant(self, local: datetime) -> int | None:
        """The first moment at which the zone's clock shows *local*."""
        moment = local.replace(tzinfo=self.zone).astimezone(UTC)
        exists = moment.astimezone(self.zone).replace(tzinfo=None) == local
        return _milliseconds(moment) if exists else None

    def _count(self, expression: Cron, days: list[date], first_ms: int) -> int:
        """How many times there are on *days*, from *first_ms* on."""
        whole = len(expression.hours) * len(expression.minutes)
        begins = self._local(first_ms).date()
        count = 0
        for day in days:
            if day > begins and self._is_plain(day):
                count += whole
            else:
                count += sum(each >= first_ms for each in self._instants(expression, day))
        return count

    def _is_plain(self, day: date) -> bool:
        """Whether clocks are not changed on a day."""
        midnight = datetime.combine(day, time.min, self.zone)
        return midnight.utcoffset() == (midnight + _DAY).utcoffset()


def spread_ms(identity: str, occurrence_ms: int, window_ms: int) -> int:
    """How far inside its window an occurrence is: the same for whoever asks, and as good as random
    from one to the next."""
    if window_ms <= 0:
        return 0
    digest = hashlib.blake2b(f"{identity}/{occurrence_ms}".encode(), digest_size=8).digest()
    return int.from_bytes(digest) % window_ms


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1000
