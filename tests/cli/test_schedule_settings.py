"""`[[schedule]]` in wasmfaas.toml."""

import json

import pytest

from wasmfaas.cli import project
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.schedule_settings import ScheduleSettings

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:f"
FIRST = '[[schedule]]\nname = "first"\nexpression = "rate(1 day)"\n\n'
WHOLE = """\
[[schedule]]
name = "nightly"
expression = "cron(30 2 * * ? *)"
timezone = "Europe/Berlin"
input = {full = true, names = ["ä"]}
enabled = false
flexible_window_minutes = 15
maximum_retry_attempts = 3
maximum_event_age_seconds = 3600
dead_letter = "failed"
"""


def read(text: str) -> tuple[ScheduleSettings, ...]:
    schedules = project.parse(text, "wasmfaas.toml").schedules
    assert schedules is not None
    return schedules


def test_everything_that_can_be_said_is_asked_for() -> None:
    (schedule,) = read(WHOLE)
    assert schedule.members(ARN, "role") == {
        "ScheduleExpression": "cron(30 2 * * ? *)",
        "ScheduleExpressionTimezone": "Europe/Berlin",
        "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15},
        "State": "DISABLED",
        "Target": {
            "Arn": ARN,
            "RoleArn": "role",
            "RetryPolicy": {"MaximumEventAgeInSeconds": 3600, "MaximumRetryAttempts": 3},
            "Input": json.dumps({"full": True, "names": ["ä"]}, ensure_ascii=False),
            "DeadLetterConfig": {"Arn": "arn:aws:sqs:eu-west-1:123456789012:failed"},
        },
    }


def test_what_is_not_said_is_as_eventbridge_has_it() -> None:
    (schedule,) = read(FIRST)
    members = schedule.members(ARN, "role")
    assert (members["State"], members["FlexibleTimeWindow"]) == ("ENABLED", {"Mode": "OFF"})
    assert members["ScheduleExpressionTimezone"] == "UTC"
    assert members["Target"]["RetryPolicy"] == {
        "MaximumEventAgeInSeconds": 86_400,
        "MaximumRetryAttempts": 185,
    }
    assert not {"Input", "DeadLetterConfig"} & set(members["Target"])


def test_a_file_without_schedules_says_that_there_are_none() -> None:
    assert read('name = "f"\n') == ()


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ('expression = "cron(0 25 * * ? *)"',
         "line 7: schedule.expression 'cron(0 25 * * ? *)' cannot be read. At character 8: the "
         "hours field has '25', but must be from 0 to 23. It takes 0-23, and , - * /."),
        ('expression = "every day"', "cannot be read. At character 1: expected rate(value unit)"),
        ('expression = 5', "line 7: schedule.expression is 5, but must be a string such as"),
        ('timezone = "Mars"', "line 8: schedule.timezone 'Mars' is no zone of the IANA time zone"),
        ('enabled = 1', "line 8: schedule.enabled is 1, but must be true or false"),
        ('flexible_window_minutes = 1441', "is 1441, but must be from 0 to 1440 minutes"),
        ('maximum_retry_attempts = true', "is True, but must be a whole number"),
        ('maximum_event_age_seconds = 59', "is 59, but must be from 60 to 86400 s"),
        ('input = "{"', "line 8: schedule.input is no JSON"),
        ('input = 2026-01-01', "schedule.input is no JSON"),
        ('dead_letter = "a b"', "is 'a b', but must be the name of a queue of this server"),
        ('name = "first"', "line 6: schedule.name 'first' is given twice"),
        ('name = "a b"', "is 'a b', but must be 1 to 64 letters, digits, -, _ and ."),
        ('when = "now"', "line 8: unknown key 'schedule.when'; known are name, expression"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused_with_its_line(line: str, told: str) -> None:
    key = line.partition(" ")[0]
    said = {"name": 'name = "second"', "expression": 'expression = "rate(1 hour)"'} | {key: line}
    with pytest.raises(Failure) as caught:
        read(f"{FIRST}[[schedule]]\n" + "\n".join(said.values()) + "\n")
    assert told in caught.value.message


@pytest.mark.parametrize("key", ["name", "expression"])
def test_what_is_missing_is_told_at_its_table(key: str) -> None:
    lines = [each for each in FIRST.splitlines() if not each.startswith(key)]
    with pytest.raises(Failure, match=f"line 5: schedule.{key} is missing"):
        read(FIRST.replace('"first"', '"other"') + "\n".join(lines))


def test_a_table_of_its_own_is_no_list_of_schedules() -> None:
    with pytest.raises(Failure, match=r"line 1: schedules are tables; write \[\[schedule\]\]"):
        read('[schedule]\nname = "a"\n')
