"""What is fired, when, and what it sends."""

import dataclasses
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from tests.triggers.scheduling import FUNCTION, HOUR_MS, Scheduling, ms
from wasmfaas.api.schedule_timers import never, timer
from wasmfaas.schedule_errors import ScheduleNotFound
from wasmfaas.store.database import Database
from wasmfaas.store.events import NewEvent
from wasmfaas.store.outbox_tables import OUTBOX
from wasmfaas.store.schedules import SCHEDULE, Schedule
from wasmfaas.triggers.schedule_events import EventMaker, moment

pytestmark = pytest.mark.anyio

NOON = "2027-01-01T12:00:00+00:00"
RULE_ARN = "arn:aws:events:us-east-1:000000000000:rule/r"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def made(any_database: Database) -> AsyncIterator[Scheduling]:
    scheduling = Scheduling(any_database, NOON)
    yield scheduling
    await scheduling.queue.close()
    scheduling.close()


def at(hour: int, minute: int = 0, second: int = 0) -> str:
    return f"2027-01-01T{hour:02}:{minute:02}:{second:02}+00:00"


async def stored(made: Scheduling) -> Schedule:
    return await made.schedules.get(SCHEDULE, "default", "s")


async def test_a_schedule_fires_at_its_times_and_once(made: Scheduling) -> None:
    await made.schedule("cron(0/30 * * * ? *)")
    assert await made.at(at(12, 29, 59)) == []
    assert await made.at(at(12, 30)) == ["2027-01-01T12:30:00Z"]
    assert await made.at(at(12, 30)) == []
    assert await made.at(at(13, 0, 5)) == ["2027-01-01T13:00:00Z"]
    assert await made.rows() == [ms(at(12, 30)), ms(at(13))]
    schedule = await stored(made)
    assert (schedule.last_at_ms, schedule.fired, schedule.skipped) == (ms(at(13)), 2, 0)


async def test_a_rate_begins_at_once_and_that_of_a_rule_a_turn_later(made: Scheduling) -> None:
    await made.schedule("rate(5 minutes)")
    await made.rule("rate(5 minutes)")
    assert await made.at(at(12, 0, 1)) == ["2027-01-01T12:00:00Z"]
    assert await made.at(at(12, 5)) == ["2027-01-01T12:05:00Z"] * 2


async def test_the_event_of_a_schedule(made: Scheduling) -> None:
    policy = {"MaximumRetryAttempts": 1, "MaximumEventAgeInSeconds": 600}
    letters = {"Arn": "arn:aws:sqs:us-east-1:000000000000:q"}
    target = {"Arn": f"{FUNCTION}:live", "RetryPolicy": policy, "DeadLetterConfig": letters}
    await made.schedule("rate(1 hour)", Target=target)
    await made.at(NOON)
    (event,) = await made.events()
    assert (event["function_name"], event["qualifier"]) == ("f", "live")
    assert (event["retries_max"], event["age_s_max"]) == (1, 600)
    assert event["dead_letter"] == letters["Arn"]
    assert json.loads(event["payload"]) == {
        "version": "0",
        "id": event["id"],
        "detail-type": "Scheduled Event",
        "source": "aws.scheduler",
        "account": "000000000000",
        "time": "2027-01-01T12:00:00Z",
        "region": "us-east-1",
        "resources": ["arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"],
        "detail": "{}",
    }


async def test_an_input_has_its_context_filled_in(made: Scheduling) -> None:
    names = ("schedule-arn", "scheduled-time", "execution-id", "attempt-number")
    text = json.dumps({name: f"<aws.scheduler.{name}>" for name in names} | {"time": "ü<x>"})
    await made.schedule("rate(1 hour)", Target={"Input": text})
    assert await made.at(at(12, 0, 7)) == ["ü<x>"]
    (event,) = await made.events()
    assert json.loads(event["payload"]) == {
        "schedule-arn": "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s",
        "scheduled-time": "2027-01-01T12:00:00Z",
        "execution-id": event["id"],
        "attempt-number": "1",
        "time": "ü<x>",
    }


async def test_the_event_of_a_rule_goes_to_all_its_targets(made: Scheduling) -> None:
    other = f"{FUNCTION[:-1]}g"
    await made.rule("rate(1 hour)", {"Id": "1", "Arn": FUNCTION}, {"Id": "2", "Arn": other})
    await made.at(at(13))
    events = await made.events()
    assert sorted(event["function_name"] for event in events) == ["f", "g"]
    said = [json.loads(event["payload"]) for event in events]
    assert said[0] == said[1]
    assert said[0] | {"id": ""} == {
        "version": "0",
        "id": "",
        "detail-type": "Scheduled Event",
        "source": "aws.events",
        "account": "000000000000",
        "time": "2027-01-01T13:00:00Z",
        "region": "us-east-1",
        "resources": [RULE_ARN],
        "detail": {},
    }


async def test_a_function_that_does_not_let_the_rule_in_is_not_invoked(made: Scheduling) -> None:
    await made.rule("rate(1 hour)")
    made.policies.closed.add("f")
    await made.at(at(13))
    (event,) = await made.events()
    assert (event["state"], event["condition"]) == ("dead", "AccessDenied")
    assert RULE_ARN in event["error"]
    assert await made.rows() == [ms(at(13))]


async def test_what_is_not_let_in_is_told_to_its_queue(made: Scheduling) -> None:
    letters = {"Arn": "arn:aws:sqs:us-east-1:000000000000:q"}
    await made.rule("rate(1 hour)", {"Id": "1", "Arn": FUNCTION, "DeadLetterConfig": letters})
    made.policies.closed.add("f")
    await made.at(at(13))
    rows = await made.database.run(lambda connection: connection.execute(select(OUTBOX)).all())
    assert [row.destination for row in rows] == [letters["Arn"]]
    assert json.loads(rows[0].attributes)["ERROR_CODE"] == "NO_PERMISSIONS"
    (event,) = await made.events()
    assert (event["sent_to"], rows[0].body) == (letters["Arn"], event["payload"])


async def test_of_what_was_missed_the_newest_is_made_up_for(made: Scheduling) -> None:
    await made.schedule("cron(0 * * * ? *)")
    assert await made.at("2027-01-02T09:15:00+00:00") == ["2027-01-02T09:00:00Z"]
    schedule = await stored(made)
    assert (schedule.fired, schedule.skipped) == (1, 20)
    assert await made.at("2027-01-02T10:00:00+00:00") == ["2027-01-02T10:00:00Z"]


async def test_what_is_too_old_is_skipped(made: Scheduling) -> None:
    policy = {"MaximumEventAgeInSeconds": 600}
    await made.schedule("cron(0 * * * ? *)", Target={"RetryPolicy": policy})
    assert await made.at(at(15, 10, 1)) == []
    schedule = await stored(made)
    assert (schedule.fired, schedule.skipped) == (0, 3)
    assert await made.at(at(16, 10)) == ["2027-01-01T16:00:00Z"]


async def test_a_window_spreads_what_is_due(made: Scheduling) -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    for number in range(8):
        await made.schedule("cron(0 * * * ? *)", f"s{number}", FlexibleTimeWindow=window)
    fired = [len(await made.at(at(13, minute))) for minute in range(16)]
    assert sum(fired) == 8
    assert fired[0] < 8
    assert await made.rows() == [ms(at(13))] * 8


async def test_windows_do_not_overlap(made: Scheduling) -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 1440}
    await made.schedule("cron(0 * * * ? *)", FlexibleTimeWindow=window)
    fired = [
        scheduled
        for minute in range(60, 300)
        for scheduled in await made.at(at(12 + minute // 60, minute % 60))
    ]
    assert fired == [f"2027-01-01T{hour}:00:00Z" for hour in (13, 14, 15, 16)][: len(fired)]
    assert len(fired) >= 3
    assert (await stored(made)).skipped == 0


async def test_a_schedule_ends(made: Scheduling) -> None:
    bounds = {"StartDate": ms(at(13)) / 1000, "EndDate": ms(at(14)) / 1000}
    await made.schedule("cron(0 * * * ? *)", **bounds)
    fired = [each for hour in range(12, 20) for each in await made.at(at(hour))]
    assert fired == ["2027-01-01T13:00:00Z", "2027-01-01T14:00:00Z"]
    assert (await stored(made)).next_at_ms is None


@pytest.mark.parametrize("action", ["NONE", "DELETE"])
async def test_what_is_done_after_the_last_time(made: Scheduling, action: str) -> None:
    await made.schedule("at(2027-01-01T13:00:00)", ActionAfterCompletion=action)
    assert await made.at(at(13)) == ["2027-01-01T13:00:00Z"]
    if action == "DELETE":
        with pytest.raises(ScheduleNotFound):
            await stored(made)
    else:
        assert (await stored(made)).due_at_ms is None


async def test_a_time_that_is_past_when_it_is_given_never_comes(made: Scheduling) -> None:
    await made.schedule("at(2026-01-01T13:00:00)")
    assert await made.at(at(14)) == []


async def change(made: Scheduling, expression: str, **members: Any) -> None:
    draft = made.draft(expression, **members)
    await made.schedules.update(draft, timer(draft, SCHEDULE, at_once=True) or never)


async def test_what_is_disabled_is_not_fired(made: Scheduling) -> None:
    await made.schedule("cron(0 * * * ? *)", State="DISABLED")
    assert await made.at(at(13)) == []
    await change(made, "cron(0 * * * ? *)")
    assert await made.at(at(13, 30)) == []
    assert await made.at(at(14)) == ["2027-01-01T14:00:00Z"]
    await change(made, "cron(0 * * * ? *)", State="DISABLED")
    assert await made.at(at(15)) == []


async def test_a_change_that_is_not_of_time_moves_nothing(made: Scheduling) -> None:
    await made.schedule("rate(1 hour)")
    assert await made.at(NOON) == ["2027-01-01T12:00:00Z"]
    made.now_ms = ms(at(13, 30))
    await change(made, "rate(1 hour)", Description="other")
    assert await made.at(at(13, 30)) == ["2027-01-01T13:00:00Z"]


async def test_another_expression_counts_from_its_change(made: Scheduling) -> None:
    await made.schedule("rate(1 hour)")
    await made.at(NOON)
    made.now_ms = ms(at(12, 20))
    await change(made, "rate(30 minutes)")
    assert await made.at(at(12, 20)) == ["2027-01-01T12:20:00Z"]
    assert await made.at(at(12, 50)) == ["2027-01-01T12:50:00Z"]


async def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    made = Scheduling(tmp_path / "database", NOON, events_max=1)
    await made.schedule("cron(0 * * * ? *)")
    assert await made.at(at(13)) == ["2027-01-01T13:00:00Z"]
    assert await made.at(at(14)) == []
    made.queue.note(-1)
    assert await made.at(at(14, 5)) == ["2027-01-01T14:00:00Z"]
    made.close()


async def test_what_cannot_be_fired_does_not_keep_others_waiting(made: Scheduling) -> None:
    broken = made.draft("cron(0 * * * ? *)", "a")
    configuration = {**broken.configuration, "ScheduleExpressionTimezone": "Europe/Atlantis"}
    good = timer(broken, SCHEDULE, at_once=True) or never
    await made.schedules.create(broken, good, None)
    await made.schedule("cron(0 * * * ? *)")
    object.__setattr__(broken, "configuration", configuration)
    await made.schedules.update(broken, good)
    assert await made.at(at(13)) == ["2027-01-01T13:00:00Z"]
    assert (await made.schedules.get(SCHEDULE, "default", "a")).due_at_ms == ms(at(13, 1))


async def test_what_cannot_be_stored_does_not_keep_others_waiting(
    made: Scheduling, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        await made.schedule("cron(0 * * * ? *)", name)
    of_schedule = made.maker.of_schedule

    def twice(self: EventMaker, schedule: Schedule, scheduled_at_ms: int) -> NewEvent | None:
        event = of_schedule(schedule, scheduled_at_ms)
        return event and dataclasses.replace(event, id="1" if schedule.name != "c" else "2")

    monkeypatch.setattr(EventMaker, "of_schedule", twice)
    # Of two events with one id, the first is stored.
    assert len(await made.at(at(13))) == 2
    shown = [await made.schedules.get(SCHEDULE, "default", name) for name in ("a", "b", "c")]
    assert sorted(schedule.fired for schedule in shown) == [0, 1, 1]


async def test_a_clock_that_goes_back_fires_nothing_twice(made: Scheduling) -> None:
    await made.schedule("cron(0 * * * ? *)")
    assert await made.at(at(15)) == ["2027-01-01T15:00:00Z"]
    made.now_ms = ms(at(12))
    await change(made, "cron(0 * * * ? *)", State="DISABLED")
    await change(made, "cron(0 * * * ? *)")
    fired = [each for hour in range(12, 18) for each in await made.at(at(hour))]
    assert fired == [f"2027-01-01T{hour}:00:00Z" for hour in (13, 14, 16, 17)]


async def test_old_occurrences_are_forgotten(made: Scheduling) -> None:
    schedule = await made.schedule("cron(0 * * * ? *)")
    await made.at(at(13))
    made.now_ms += 7 * 24 * HOUR_MS - 1
    assert await made.occurrences.prune() == 0
    made.now_ms += 1
    assert len(await made.occurrences.of(schedule.id, 9)) == 1
    assert await made.occurrences.prune() == 1
    assert await made.rows() == []


def test_moments() -> None:
    assert moment(1_700_000_000_999) == "2023-11-14T22:13:20Z"
