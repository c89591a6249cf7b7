from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from wasmfaas.cli import figures

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0 B"), (1023, "1023 B"), (1024, "1 KB"), (1536, "1.5 KB"), (52_428_800, "50 MB")],
)
def test_sizes(value: int, shown: str) -> None:
    assert figures.size(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"),
        (999, "999"),
        (1000, "1k"),
        (12_345, "12.3k"),
        (999_400, "999k"),
        (999_600, "1M"),
        (12_345_678, "12.3M"),
        (10**13, "10T"),
    ],
)
def test_counts_round_up_into_the_next_unit(value: int, shown: str) -> None:
    assert figures.count(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0.421, "0.42 ms"), (38.4, "38 ms"), (1204, "1.20 s"), (200_400, "3 min 20 s")],
)
def test_durations(value: float, shown: str) -> None:
    assert figures.milliseconds(value) == shown


@pytest.mark.parametrize(
    ("ago", "shown"),
    [
        (timedelta(seconds=-3), "now"),
        (timedelta(seconds=90), "90 s ago"),
        (timedelta(minutes=90), "90 min ago"),
        (timedelta(hours=30), "30 h ago"),
        (timedelta(days=9), "9 d ago"),
        (timedelta(days=22), "2026-11-01"),
    ],
)
def test_ages_become_dates_when_they_are_long(ago: timedelta, shown: str) -> None:
    assert figures.age(NOW - ago, NOW) == shown


def test_lambda_times_are_read() -> None:
    moment = figures.lambda_time("2026-11-23T04:00:00.250+0000")
    assert moment == datetime(2026, 11, 23, 4, 0, 0, 250_000, tzinfo=UTC)


def test_stamps_are_utc_to_the_millisecond() -> None:
    assert figures.stamp(1_793_491_200_001) == "2026-11-01T00:00:00.001Z"


def test_control_characters_are_shown_not_obeyed() -> None:
    text = "a\x1b[2Jb\rc\x00d\x9be\tf\n"
    assert figures.visible(text) == "a\\x1b[2Jb\\x0dc\\x00d\\x9be\tf\n"


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("0", "0.000000"),
        ("0.0000004", "<0.000001"),
        ("0.0000126", "0.000013"),
        ("1234.5", "1234.500000"),
    ],
)
def test_small_amounts_are_not_nothing(amount: str, shown: str) -> None:
    assert figures.money(Decimal(amount)) == shown
