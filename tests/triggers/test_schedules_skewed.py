"""Five servers on one database whose clocks disagree by up to two hours, while daylight saving
begins and ends."""

import asyncio
import json
import multiprocessing
from datetime import timedelta

import pytest

from tests.triggers.scheduling import HOUR_MS, Scheduling, ms
from wasmfaas.schedules.timing import Times
from wasmfaas.store.schedules import SCHEDULE

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["tests.triggers.scheduling"])
SKEWS_MS = (-HOUR_MS, -HOUR_MS // 2, 0, 7_000, HOUR_MS)
STEP_MS = 10 * 60 * 1000
#: One that is due in the hours that are left out and doubled, and a rate.
EXPRESSIONS = {"cron": "cron(0/30 * * * ? *)", "rate": "rate(40 minutes)"}


def serve(url: str, begin: str, hours: int, skew_ms: int) -> None:
    """Look once every ten minutes, by a clock that is wrong."""

    async def steps() -> None:
        server = Scheduling(url, begin)
        # So that even the clock that is ahead does not begin in the middle.
        for true_ms in range(ms(begin) - HOUR_MS, ms(begin) + (hours + 1) * HOUR_MS, STEP_MS):
            server.now_ms = true_ms + skew_ms
            await server.runner.step()
        await server.queue.close()
        server.close()

    asyncio.run(steps())


@pytest.mark.parametrize(
    "begin", ["2027-03-27T22:00:00+00:00", "2027-10-30T22:00:00+00:00"], ids=["spring", "autumn"]
)
def test_each_occurrence_is_one_row_and_one_event(database_url: str, begin: str) -> None:
    hours = 6
    made = Scheduling(database_url, begin)
    zone = {"ScheduleExpressionTimezone": "Europe/Berlin"}
    for name, expression in EXPRESSIONS.items():
        asyncio.run(
            made.schedule(expression, name, **zone, EndDate=ms(begin) / 1000 + hours * 3600)
        )
    servers = [
        _CONTEXT.Process(target=serve, args=(database_url, begin, hours, skew)) for skew in SKEWS_MS
    ]
    for server in servers:
        server.start()
    for server in servers:
        server.join(500)
    assert [server.exitcode for server in servers] == [0] * len(servers)
    fired = []
    for name in EXPRESSIONS:
        schedule = asyncio.run(made.schedules.get(SCHEDULE, "default", name))
        times = Times.of(schedule.configuration, "")
        recurrence = times.recurrence(schedule.anchor_ms)
        after, expected = ms(begin) - (name == "rate"), []
        while (following := recurrence.following(after)) is not None:
            after = following
            expected.append(following)
        assert (schedule.skipped, schedule.fired) == (0, len(expected))
        fired += expected
    assert asyncio.run(made.rows()) == sorted(fired)
    payloads = [json.loads(row["payload"]) for row in asyncio.run(made.events())]
    assert sorted(ms(each["time"]) for each in payloads) == sorted(fired)
    assert timedelta(milliseconds=max(fired) - min(fired)) > timedelta(hours=5)
    made.close()
