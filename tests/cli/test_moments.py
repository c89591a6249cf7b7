from datetime import UTC, datetime, timedelta

import pytest

from wasmfaas.cli import moments

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "ago"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("24h", timedelta(days=1)),
        ("7D", timedelta(days=7)),
        (" 2w ", timedelta(weeks=2)),
        ("0s", timedelta()),
    ],
)
def test_ages_count_back_from_now(text: str, ago: timedelta) -> None:
    assert moments.parse(text, NOW) == NOW - ago


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC)),
        ("2026-11-01T12:30", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
        ("2026-11-01T12:30:00+02:00", datetime(2026, 11, 1, 10, 30, tzinfo=UTC)),
        ("2026-11-01T12:30:00Z", datetime(2026, 11, 1, 12, 30, tzinfo=UTC)),
    ],
)
def test_dates_are_utc_unless_they_say_otherwise(text: str, moment: datetime) -> None:
    assert moments.parse(text, NOW) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "24", "h", "-1h", "1.5h", "2026-13-01", "1y"])
def test_anything_else_is_refused_with_the_forms_that_work(text: str) -> None:
    with pytest.raises(ValueError, match="give an age such as"):
        moments.parse(text, NOW)


def test_an_age_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="before the first year"):
        moments.parse("999999999w", NOW)


def test_unix_ms_keeps_milliseconds_exact() -> None:
    assert moments.unix_ms(datetime(2026, 11, 1, 0, 0, 0, 1999, tzinfo=UTC)) == 1793491200001
