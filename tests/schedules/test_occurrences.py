"""Next times, against another implementation, and where clocks are changed."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from croniter import croniter
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmfaas.schedule_errors import InvalidExpression, InvalidSchedule
from wasmfaas.schedules.expressions import parse
from wasmfaas.schedules.occurrences import Recurrence, spread_ms, zone_of

BERLIN = "Europe/Berlin"
HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


def recurrence(text: str, zone: str = "UTC", **bounds: int) -> Recurrence:
    return Recurrence(parse(text), zone_of(zone), **({"anchor_ms": 0} | bounds))


def times(found: Recurrence, after: str, count: int) -> list[str]:
    """The next times, by the zone's clock."""
    moments, moment = [], ms(after)
    for _ in range(count):
        following = found.following(moment)
        if following is None:
            break
        moment = following
        moments.append(datetime.fromtimestamp(moment / 1000, found.zone).isoformat())
    return moments


def lists(values: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(values, min_size=1, max_size=3, unique=True).map(",".join)


def plain(least: int, greatest: int) -> st.SearchStrategy[str]:
    """Elements that both implementations read alike."""
    number = st.integers(least, greatest)
    # croniter takes 1-1 for all there are.
    spans = st.tuples(number, number).map(sorted).filter(lambda span: span[0] < span[1])
    steps = st.integers(1, max(1, (greatest - least) // 2))
    return st.one_of(
        st.just("*"),
        lists(
            st.one_of(
                number.map(str),
                spans.map(lambda span: f"{span[0]}-{span[1]}"),
                st.tuples(spans, steps).map(lambda each: f"{each[0][0]}-{each[0][1]}/{each[1]}"),
            )
        ),
        steps.map(lambda step: f"*/{step}"),
    )


#: The day fields of AWS and those of croniter that mean the same.
DAYS = st.one_of(
    plain(1, 28).map(lambda text: ((text, "?"), (text, "*"))),
    st.just((("L", "?"), ("L", "*"))),
    st.integers(1, 28).map(lambda day: ((f"{day}W", "?"), (f"{day}W", "*"))),
    lists(st.integers(1, 7).map(str)).map(
        lambda text: (("?", text), ("*", ",".join(str(int(day) - 1) for day in text.split(","))))
    ),
    st.integers(1, 7).map(lambda day: (("?", f"{day}L"), ("*", f"L{day - 1}"))),
    st.tuples(st.integers(1, 7), st.integers(1, 4)).map(
        lambda each: (("?", f"{each[0]}#{each[1]}"), ("*", f"{each[0] - 1}#{each[1]}"))
    ),
)


@settings(max_examples=150, deadline=None)
@given(
    minutes=plain(0, 59),
    hours=plain(0, 23),
    days=DAYS,
    months=plain(1, 12),
    start=st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1)),
)
def test_croniter_finds_the_same(
    minutes: str,
    hours: str,
    days: tuple[tuple[str, str], tuple[str, str]],
    months: str,
    start: datetime,
) -> None:
    (month_day, week_day), (their_month_day, their_week_day) = days
    ours = recurrence(f"cron({minutes} {hours} {month_day} {months} {week_day} *)")
    theirs = croniter(f"{minutes} {hours} {their_month_day} {months} {their_week_day}", start)
    moment = ms(start.replace(tzinfo=UTC).isoformat())
    for _ in range(4):
        expected = theirs.get_next(datetime).replace(tzinfo=UTC)
        following = ours.following(moment)
        assert following is not None
        assert datetime.fromtimestamp(following / 1000, UTC) == expected
        moment = following


def test_a_time_that_does_not_exist_is_left_out() -> None:
    nightly = recurrence("cron(30 2 * * ? *)", BERLIN)
    assert times(nightly, "2027-03-26T12:00:00+00:00", 3) == [
        "2027-03-27T02:30:00+01:00",
        "2027-03-29T02:30:00+02:00",
        "2027-03-30T02:30:00+02:00",
    ]


def test_a_time_that_exists_twice_is_due_once() -> None:
    nightly = recurrence("cron(30 2 * * ? *)", BERLIN)
    assert times(nightly, "2027-10-30T12:00:00+00:00", 2) == [
        "2027-10-31T02:30:00+02:00",
        "2027-11-01T02:30:00+01:00",
    ]


def test_times_between_those_of_a_doubled_hour() -> None:
    half_hourly = recurrence("cron(0/30 * * * ? *)", BERLIN)
    for after in ("2027-10-31T00:30:00+00:00", "2027-10-31T00:45:00+00:00"):
        assert times(half_hourly, after, 1) == ["2027-10-31T03:00:00+01:00"]
    within_the_second = "2027-10-31T01:15:00+00:00"
    assert times(half_hourly, within_the_second, 1) == ["2027-10-31T03:00:00+01:00"]


def test_a_day_of_a_rate_is_24_hours() -> None:
    daily = recurrence("rate(1 day)", BERLIN, anchor_ms=ms("2027-03-27T02:30:00+01:00"))
    assert times(daily, "2027-03-27T02:00:00+01:00", 3) == [
        "2027-03-27T02:30:00+01:00",
        "2027-03-28T03:30:00+02:00",
        "2027-03-29T03:30:00+02:00",
    ]


def test_a_day_that_a_country_left_out() -> None:
    daily = recurrence("cron(0 12 * * ? *)", "Pacific/Apia")
    assert times(daily, "2011-12-29T23:00:00+00:00", 1) == ["2011-12-31T12:00:00+14:00"]


def test_one_time() -> None:
    once = recurrence("at(2027-10-31T02:30:00)", BERLIN)
    assert times(once, "2027-01-01T00:00:00+00:00", 5) == ["2027-10-31T02:30:00+02:00"]
    with pytest.raises(InvalidExpression, match=r"2027-03-28T02:30:00 does not exist in Europe"):
        recurrence("at(2027-03-28T02:30:00)", BERLIN).check()


def test_bounds() -> None:
    start, end = ms("2027-01-01T10:00:00+00:00"), ms("2027-01-01T12:00:00+00:00")
    hourly = recurrence("cron(0 * * * ? *)", start_ms=start, end_ms=end)
    assert times(hourly, "2026-01-01T00:00:00+00:00", 9) == [
        f"2027-01-01T{hour}:00:00+00:00" for hour in (10, 11, 12)
    ]
    rate = recurrence("rate(1 hour)", anchor_ms=start, start_ms=start, end_ms=end)
    assert times(rate, "2026-01-01T00:00:00+00:00", 9) == times(
        hourly, "2026-01-01T00:00:00+00:00", 9
    )
    ignored = recurrence("at(2030-01-01T00:00:00)", start_ms=start, end_ms=end)
    assert len(times(ignored, "2026-01-01T00:00:00+00:00", 2)) == 1


def test_years_that_are_past() -> None:
    assert recurrence("cron(0 0 1 1 ? 2020)").following(ms("2026-01-01T00:00:00+00:00")) is None


@settings(max_examples=60, deadline=None)
@given(
    text=st.sampled_from(
        [
            "cron(0/10 * * * ? *)",
            "cron(15,45 1-3 * * ? *)",
            "cron(30 2 L * ? *)",
            "cron(0 0 ? * MON-FRI *)",
            "rate(7 minutes)",
            "rate(5 hours)",
        ]
    ),
    zone=st.sampled_from(["UTC", BERLIN, "America/New_York", "Australia/Lord_Howe"]),
    start=st.sampled_from(["2027-03-12", "2027-03-27", "2027-04-03", "2027-10-30", "2027-11-06"]),
    hours=st.integers(0, 24 * 70),
)
def test_the_newest_and_how_many_were_before(text: str, zone: str, start: str, hours: int) -> None:
    """Found by arithmetic, and the slow way."""
    found = recurrence(text, zone)
    first = found.following(ms(f"{start}T00:00:00+00:00"))
    assert first is not None
    until = first + hours * HOUR_MS + 90_000
    slow = [first]
    while (following := found.following(slow[-1])) is not None and following <= until:
        slow.append(following)
    assert found.newest(first, until) == (slow[-1], len(slow) - 1)
    assert all(one < other for one, other in pairwise(slow))


def test_the_newest_of_years_is_found_at_once() -> None:
    every_minute = recurrence("cron(* * * * ? *)")
    first, until = ms("2020-01-01T00:00:00+00:00"), ms("2030-01-01T00:00:30+00:00")
    newest, before = every_minute.newest(first, until)
    assert newest == until - 30_000
    assert before == timedelta(milliseconds=newest - first) / timedelta(minutes=1)


@pytest.mark.parametrize(
    "name", ["", "Europe/Atlantis", "../etc/passwd", "/etc/passwd", "posix/UTC", "Europe", "a\0b"]
)
def test_zones_that_are_none(name: str) -> None:
    with pytest.raises(InvalidSchedule, match="IANA time zone database"):
        zone_of(name)


def test_a_spread_is_in_its_window_and_the_same_for_all() -> None:
    window = 15 * 60_000
    found = [spread_ms("id", number * 60_000, window) for number in range(200)]
    assert found == [spread_ms("id", number * 60_000, window) for number in range(200)]
    assert all(0 <= each < window for each in found)
    assert max(found) - min(found) > window / 2
    assert spread_ms("id", 0, 0) == 0
