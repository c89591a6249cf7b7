"""`[[schedule]]` in wasmfaas.toml: when the function is invoked by itself."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.schedule_errors import InvalidExpression, InvalidSchedule
from wasmfaas.schedules.timing import Times

_NAME: Final = re.compile(r"[0-9a-zA-Z_.-]{1,64}", re.ASCII)
#: A queue of this server by its name, or any by its ARN.
_QUEUE: Final = re.compile(r"[0-9a-zA-Z_-]{1,80}(\.fifo)?|arn:aws[a-z-]*:sqs:\S{1,240}", re.ASCII)
_INPUT_BYTES_MAX: Final = 256 * 1024
_KINDS: Final[Mapping[str, tuple[type, str]]] = {
    "name": (str, "a string"),
    "expression": (str, 'a string such as "rate(5 minutes)"'),
    "timezone": (str, 'a string such as "Europe/Berlin"'),
    "input": (object, "JSON"),
    "enabled": (bool, "true or false"),
    "flexible_window_minutes": (int, "a whole number"),
    "maximum_retry_attempts": (int, "a whole number"),
    "maximum_event_age_seconds": (int, "a whole number"),
    "dead_letter": (str, "a string"),
}
KEYS: Final = tuple(_KINDS)
#: Least and greatest, as EventBridge Scheduler has them; a window of 0 is none.
_BOUNDS: Final = {
    "flexible_window_minutes": (0, 1440, " minutes"),
    "maximum_retry_attempts": (0, 185, ""),
    "maximum_event_age_seconds": (60, 86_400, " s"),
}


class WrongSchedule(ValueError):
    """A schedule cannot be meant so; *key* is what is wrong."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """One schedule of a function."""

    name: str
    expression: str
    timezone: str = "UTC"
    #: JSON text; None: the event that EventBridge Scheduler makes.
    input: str | None = None
    enabled: bool = True
    flexible_window_minutes: int = 0
    maximum_retry_attempts: int = 185
    maximum_event_age_seconds: int = 86_400
    #: The ARN of a queue, or the name of one of this server.
    dead_letter: str | None = None

    def members(self, function_arn: str, role: str) -> dict[str, Any]:
        """Those of EventBridge Scheduler's requests that say the same, but the name."""
        _, partition, _, region, account, *_ = function_arn.split(":")
        retry = {
            "MaximumEventAgeInSeconds": self.maximum_event_age_seconds,
            "MaximumRetryAttempts": self.maximum_retry_attempts,
        }
        target = {"Arn": function_arn, "RoleArn": role, "RetryPolicy": retry}
        if self.input is not None:
            target["Input"] = self.input
        if self.dead_letter is not None:
            queue = f"arn:{partition}:sqs:{region}:{account}:{self.dead_letter}"
            is_arn = self.dead_letter.startswith("arn:")
            target["DeadLetterConfig"] = {"Arn": self.dead_letter if is_arn else queue}
        return {**self._timing(), "State": self._state(), "Target": target}

    def _timing(self) -> dict[str, Any]:
        minutes = self.flexible_window_minutes
        window: dict[str, Any] = {"Mode": "OFF"}
        if minutes:
            window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": minutes}
        return {
            "ScheduleExpression": self.expression,
            "ScheduleExpressionTimezone": self.timezone,
            "FlexibleTimeWindow": window,
        }

    def _state(self) -> str:
        return "ENABLED" if self.enabled else "DISABLED"

    def check(self) -> None:
        """Raise WrongSchedule for a time that is none."""
        try:
            Times.of(self._timing(), self.name).recurrence(0).check()
        except InvalidExpression as error:
            shown = f"{self.expression[:80]!r} cannot be read"
            raise WrongSchedule("expression", f"{shown}. {error.message}") from None
        except InvalidSchedule:
            raise WrongSchedule(
                "timezone",
                f"{self.timezone[:50]!r} is no zone of the IANA time zone database, such as "
                "Europe/Berlin or UTC",
            ) from None


def read(table: Mapping[str, Any]) -> ScheduleSettings:
    """The schedule that a *table* of the file says. Raises WrongSchedule."""
    for key, value in table.items():
        kind, noun = _KINDS[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise WrongSchedule(key, f"is {value!r}, but must be {noun}")
    for key in ("name", "expression"):
        if key not in table:
            raise WrongSchedule(key, "is missing")
    for key, (least, greatest, unit) in _BOUNDS.items():
        if key in table and not least <= table[key] <= greatest:
            raise WrongSchedule(
                key, f"is {table[key]}, but must be from {least} to {greatest}{unit}"
            )
    if not _NAME.fullmatch(table["name"]):
        raise WrongSchedule(
            "name",
            f"is {table['name'][:80]!r}, but must be 1 to 64 letters, digits, -, _ and .",
        )
    if "dead_letter" in table and not _QUEUE.fullmatch(table["dead_letter"]):
        raise WrongSchedule(
            "dead_letter",
            f"is {table['dead_letter'][:80]!r}, but must be the name of a queue of this server, or "
            "the ARN of an SQS queue",
        )
    chosen = dict(table)
    if "input" in chosen:
        chosen["input"] = _json_text(chosen["input"])
    settings = ScheduleSettings(**chosen)
    settings.check()
    return settings


def _json_text(value: Any) -> str:
    """A string is JSON text already, as EventBridge's Input is; a table or a list becomes it."""
    try:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise WrongSchedule(
            "input", f"is no JSON ({error}); write a table, or a string of JSON text"
        ) from None
    size = len(text.encode())
    if size > _INPUT_BYTES_MAX:
        raise WrongSchedule(
            "input", f"has {size} bytes of JSON, but may have at most {_INPUT_BYTES_MAX}"
        )
    return text
