"""What the members of a schedule or of a rule say of time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from wasmfaas.schedules.expressions import Expression, parse
from wasmfaas.schedules.occurrences import Recurrence, spread_ms, zone_of

_MINUTE_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When something is due. Times are Unix milliseconds; None where it is due no more."""

    #: What rates count from.
    anchor_ms: int
    #: The next occurrence, and when it is due: later, where it is spread over a window.
    next_at_ms: int | None = None
    due_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What has become due since somebody looked. Times are Unix milliseconds."""

    #: The newest occurrence, and when it was due.
    newest_at_ms: int
    due_at_ms: int
    #: Those before it.
    older: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of one schedule or rule. Lifetime: one look at it."""

    expression: Expression
    zone: ZoneInfo
    start_ms: int | None = None
    end_ms: int | None = None
    window_ms: int = 0
    #: What tells it from others: occurrences are spread by it.
    identity: str

    @classmethod
    def of(cls, configuration: Mapping[str, Any], identity: str) -> Self:
        """From the members of a request. Raises InvalidExpression and InvalidSchedule."""
        window = configuration.get("FlexibleTimeWindow", {})
        minutes = window.get("MaximumWindowInMinutes", 0) if window.get("Mode") != "OFF" else 0
        return cls(
            expression=parse(configuration["ScheduleExpression"]),
            zone=zone_of(configuration.get("ScheduleExpressionTimezone", "UTC")),
            start_ms=_milliseconds(configuration.get("StartDate")),
            end_ms=_milliseconds(configuration.get("EndDate")),
            window_ms=minutes * _MINUTE_MS,
            identity=identity,
        )

    def after(self, anchor_ms: int, moment_ms: int) -> Timing:
        """What follows *moment_ms*."""
        recurrence = self.recurrence(anchor_ms)
        following = recurrence.following(moment_ms)
        if following is None:
            return Timing(anchor_ms=anchor_ms)
        due = self._due(recurrence, following)
        return Timing(anchor_ms=anchor_ms, next_at_ms=following, due_at_ms=due)

    def missed(self, timing: Timing, now_ms: int) -> Missed:
        """What has become due up to *now_ms*, of the occurrence that *timing* has and those behind
        it; it must be due itself."""
        recurrence = self.recurrence(timing.anchor_ms)
        first = timing.next_at_ms or 0
        newest, older = recurrence.newest(first, now_ms)
        due = self._due(recurrence, newest)
        if due > now_ms and older:
            # Its window is open, but it is not its turn yet.
            newest, older = recurrence.newest(first, newest - 1)
            due = self._due(recurrence, newest)
        return Missed(newest_at_ms=newest, due_at_ms=due, older=older)

    def recurrence(self, anchor_ms: int) -> Recurrence:
        """Its occurrences."""
        return Recurrence(self.expression, self.zone, anchor_ms, self.start_ms, self.end_ms)

    def _due(self, recurrence: Recurrence, occurrence_ms: int) -> int:
        """When an occurrence is due. A window ends where the next one begins."""
        window = self.window_ms
        if window:
            following = recurrence.following(occurrence_ms)
            if following is not None:
                window = min(window, following - occurrence_ms)
        return occurrence_ms + spread_ms(self.identity, occurrence_ms, window)


def _milliseconds(seconds: float | None) -> int | None:
    return None if seconds is None else int(seconds * 1000)
