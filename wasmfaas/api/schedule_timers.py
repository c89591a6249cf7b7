"""When a schedule or a rule that a request makes or changes is due."""

from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.schedules.expressions import Rate
from wasmfaas.schedules.timing import Times, Timing
from wasmfaas.store.schedules import Draft, Schedule, Timer

#: Members that a change of begins the count of a rate anew.
_OF_TIME: Final = (
    "ScheduleExpression", "ScheduleExpressionTimezone", "StartDate", "EndDate",
    "FlexibleTimeWindow",
)  # fmt: skip


def timer(draft: Draft, family: str, *, at_once: bool) -> Timer | None:
    """What says when *draft* is due; None where it has no schedule expression.

    With *at_once* a rate is due when it is made, and then again and again, as those of EventBridge
    Scheduler are; without, a turn later, as those of rules are. Raises InvalidExpression and
    InvalidSchedule.
    """
    configuration = draft.configuration
    if configuration.get("ScheduleExpression") is None:
        return None
    times = Times.of(configuration, draft.identity(family))
    times.recurrence(0).check()

    def timing(now_ms: int, known: Schedule | None) -> Timing:
        same = known is not None and _says_the_same(known.configuration, configuration)
        if known is not None and same and (known.state == draft.state or draft.state == "DISABLED"):
            # What is due already stays so.
            due = known.timing if draft.state != "DISABLED" else None
            return due or Timing(anchor_ms=known.anchor_ms)
        anchor_ms = known.anchor_ms if known is not None and same else _anchor(times, now_ms)
        if draft.state == "DISABLED":
            return Timing(anchor_ms=anchor_ms)
        begins = at_once and not same and isinstance(times.expression, Rate)
        return times.after(anchor_ms, min(anchor_ms, now_ms) - 1 if begins else now_ms)

    return timing


def never(now_ms: int, known: Schedule | None) -> Timing:
    """For what is not due by itself."""
    return Timing(anchor_ms=now_ms)


def _anchor(times: Times, now_ms: int) -> int:
    # Whole seconds, as events tell no less.
    return now_ms // 1000 * 1000 if times.start_ms is None else times.start_ms


def _says_the_same(known: Mapping[str, Any], configuration: Mapping[str, Any]) -> bool:
    return all(known.get(name) == configuration.get(name) for name in _OF_TIME)
