"""What can be read, and what is said about what cannot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.schedule_errors import InvalidExpression
from wasmfaas.schedules.expressions import At, Cron, Rate, is_well_numbered, parse


def refusal(text: str) -> InvalidExpression:
    with pytest.raises(InvalidExpression) as caught:
        parse(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("rate(1 minute)", 60),
        ("rate(1 minutes)", 60),
        ("rate(5 minutes)", 300),
        ("rate(2 hours)", 7200),
        ("rate(30 days)", 2_592_000),
    ],
)
def test_rates(text: str, seconds: int) -> None:
    assert parse(text) == Rate(seconds)


def test_numbers_and_units_agree_or_not() -> None:
    agreeing = ["rate(1 day)", "rate(2 days)", "rate(01 hour)", "cron(0 0 * * ? *)"]
    assert [text for text in agreeing if not is_well_numbered(text)] == []
    others = ["rate(1 days)", "rate(2 day)", "rate(11 minute)"]
    assert [text for text in others if is_well_numbered(text)] == []


@pytest.mark.parametrize(
    ("text", "position", "said"),
    [
        ("", 1, "expected rate(value unit)"),
        ("every 5 minutes", 1, "cron(minutes hours day-of-month month day-of-week year)"),
        (" rate(10 minutes)", 1, "expected rate"),
        ("CRON(0 0 * * ? *)", 1, "expected rate"),
        ("rate(5 minutes", 15, "closing parenthesis"),
        ("rate()", 6, "a unit of minutes, hours or days"),
        ("rate(10)", 6, "expected rate"),
        ("rate( 10 minutes )", 6, "expected rate"),
        ("rate(foo minutes)", 6, "'foo' is not a positive whole number"),
        ("rate(-10 minutes)", 6, "'-10' is not a positive whole number"),
        ("rate(0 minutes)", 6, "'0' is not a positive whole number"),
        ("rate(٣ minutes)", 6, "not a positive whole number"),
        ("rate(10 seconds)", 9, "'seconds' is none of minute"),
        ("rate(10 minutess)", 9, "'minutess' is none of"),
        ("rate(999999999 days)", 6, "longer than a hundred years"),
        ("at(2021-12-31)", 4, "at(yyyy-mm-ddThh:mm:ss)"),
        ("at(2021-12-31T23:59:59Z)", 4, "without a zone"),
        ("at(1969-12-31T23:59:59)", 4, "the year is 1969, but must be from 1970 to 2199"),
        ("at(2027-13-31T23:59:59)", 9, "the month is 13, but must be from 1 to 12"),
        ("at(2027-02-29T00:00:00)", 12, "no day 29 in February 2027, which has 28 days"),
        ("at(2027-02-00T00:00:00)", 12, "no day 0"),
        ("at(2027-02-01T24:00:00)", 15, "the hour is 24, but must be from 0 to 23"),
        ("at(2027-02-01T00:00:60)", 21, "the second is 60"),
        ("cron()", 6, "expected six fields"),
        ("cron(0 0 * * ?)", 15, "but there are 5"),
        ("cron(0 0 * * ? * *)", 18, "but there are 7"),
        ("cron(0 1 * * * *)", 10, "one has to be ?, but neither is"),
        ("cron(0 1 ? * ? *)", 10, "one has to be ?, but both is"),
        ("cron(71 8 1 * ? *)", 6, "has '71', but must be from 0 to 59. It takes 0-59, and , - * /"),
        ("cron(0 dummy ? * MON-FRI *)", 8, "the hours field has 'dummy', which is not understood"),
        ("cron(0 0 1,,3 * ? *)", 12, "the day of month field has '', where a value is missing"),
        ("cron(0 0 1-32 * ? *)", 12, "has '32', but must be from 1 to 31"),
        ("cron(0 0 32W * ? *)", 10, "has '32', but must be from 1 to 31"),
        ("cron(0 0 L-31 * ? *)", 12, "has '31', but must be from 0 to 30"),
        ("cron(0 0 1 JANUARY ? *)", 12, "the month field has 'JANUARY', which is not understood"),
        ("cron(0 0 1 0 ? *)", 12, "must be from 1 to 12"),
        ("cron(0/0 0 1 * ? *)", 8, "a step must be from 1 to 59"),
        ("cron(*/90 * * * ? *)", 8, "a step must be from 1 to 59"),
        ("cron(0 0 ? * 8 *)", 14, "must be from 1 to 7"),
        ("cron(0 0 ? * 3#6 *)", 16, "what follows # must be from 1 to 5"),
        ("cron(0 0 ? * 3#1,6#3 *)", 14, "with # there may be no other day"),
        ("cron(0 0 1 * ? 1969)", 16, "must be from 1970 to 2199"),
        ("cron(0 0 1 * ? 2030-2027)", 16, "which ends before it begins"),
        ("cron(0 0 31 2 ? *)", 10, "no day 31 in the months 2 of the years *"),
        ("cron(0 0 30,31 FEB ? *)", 10, "this would never happen"),
        ("cron(0 0 31 4,6,9,11 ? *)", 10, "this would never happen"),
        ("cron(0 0 29 2 ? 2027)", 10, "this would never happen"),
        ("cron(0 0 ? 2 2#5 2027)", 14, "this would never happen"),
        ("cron(" + "0" * 300 + ")", 257, "at most 256 are accepted"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(text: str, position: int, said: str) -> None:
    error = refusal(text)
    assert error.position == position
    assert said in error.message
    assert error.message.startswith(f"At character {position}: ")


def test_times_are_those_of_a_clock() -> None:
    found = parse("at(2028-02-29T23:59:59)")
    assert isinstance(found, At)
    assert found.local.isoformat() == "2028-02-29T23:59:59"


def test_fields_of_cron() -> None:
    cron = parse("cron(0/20 8-10,20 ? JAN-mar MON-FRI 2027,2030-2032)")
    assert isinstance(cron, Cron)
    assert cron.minutes == (0, 20, 40)
    assert cron.hours == (8, 9, 10, 20)
    assert cron.months == (1, 2, 3)
    assert cron.years == (2027, 2030, 2031, 2032)


@pytest.mark.parametrize(
    ("fields", "year", "month", "days"),
    [
        ("L * ?", 2028, 2, [29]),
        ("L-3 * ?", 2027, 2, [25]),
        ("L-30 * ?", 2027, 2, []),
        ("1,L * ?", 2027, 4, [1, 30]),
        ("LW * ?", 2027, 1, [29]),
        ("1W * ?", 2027, 5, [3]),
        ("15W * ?", 2027, 8, [16]),
        ("31W * ?", 2027, 1, [29]),
        ("31W * ?", 2027, 2, []),
        ("1/10 * ?", 2027, 2, [1, 11, 21]),
        ("? * L", 2027, 1, [2, 9, 16, 23, 30]),
        ("? * 6L", 2027, 1, [29]),
        ("? * FRIL", 2027, 1, [29]),
        ("? * 2#1", 2027, 2, [1]),
        ("? * SUN#5", 2027, 2, []),
        ("? * SAT-SUN", 2027, 2, [6, 7, 13, 14, 20, 21, 27, 28]),
        ("? * 1/3", 2027, 2, [3, 6, 7, 10, 13, 14, 17, 20, 21, 24, 27, 28]),
    ],
)
def test_days_of_a_month(fields: str, year: int, month: int, days: list[int]) -> None:
    cron = parse(f"cron(0 0 {fields} *)")
    assert isinstance(cron, Cron)
    assert cron.days(year, month) == days


@given(st.one_of(st.text(max_size=60), st.text("cronate()*?/,-LW# 0123456789MONJAT:", max_size=60)))
def test_any_text_is_read_or_refused(text: str) -> None:
    for each in (text, f"cron({text})", f"rate({text})", f"at({text})"):
        position = 1
        try:
            parse(each)
        except InvalidExpression as error:
            position = error.position
        assert 1 <= position <= len(each) + 1
