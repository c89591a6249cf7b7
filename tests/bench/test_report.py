from dataclasses import replace

import pytest

from bench.machine import this_machine
from bench.report import Ratio, Report, Sheet, document, markdown, quotients, rounded, show
from bench.samples import Samples

RATIOS = (
    Ratio("call_vs_process", "C: call", "python -c", "call_ms", "process_ms"),
    Ratio("call_vs_nothing", "C: call", "wasmtime", "call_ms", "nothing_ms"),
)


def report() -> Report:
    samples = Samples({"call": "warm call", "nothing": "what is not there"})
    samples.add("call", *(1_234_567 for _ in range(100)), cold=False)
    times = {"call_ms": 1.234567, "process_ms": 20.0, "nothing_ms": None}
    return Report(
        benchmark="made-up",
        machine=this_machine(),
        method=["A sentence that is long enough to need a second line when it is printed out."],
        series=samples.series,
        groups={"C": ["call"], "Baselines": ["nothing"]},
        ratios=RATIOS,
        figures=times | quotients(RATIOS, times),
        why={"nothing_ms": "it is not there"},
    )


def test_a_ratio_that_lacks_a_side_is_null() -> None:
    figures = report().figures

    assert figures["call_vs_process"] == pytest.approx(1.234567 / 20)
    assert figures["call_vs_nothing"] is None


def test_the_document_ends_in_the_figures_to_four_digits() -> None:
    made = document(report())

    assert list(made)[-1] == "figures"
    assert made["figures"]["call_ms"] == 1.235
    assert made["measured"]["call"]["count"] == 100
    assert made["measured"]["nothing"]["p50_ms"] is None


def test_people_get_plain_tables_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    show(report())

    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "\x1b" not in printed
    assert "1.235" in printed
    assert "0.06173" in printed
    assert "nothing_ms was not measured: it is not there" in printed


@pytest.mark.parametrize(("value", "expected"), [(1234567.0, 1235000.0), (0.000123456, 0.0001235)])
def test_rounding_keeps_digits_not_decimals(value: float, expected: float) -> None:
    assert rounded(value) == expected


def test_sheets_are_tables_in_markdown_with_what_they_were_measured_on() -> None:
    sheet = Sheet("hello in", ["fuel", "served"], [("C", [12_345, "reset"]), ("D", [None, None])])
    lines = markdown(replace(report(), sheets=[sheet])).splitlines()

    assert lines[0] == "| hello in | fuel | served |"
    assert lines[2:4] == ["| C | 12,345 | reset |", "| D | - | - |"]
    assert "cores" in lines[-1]
