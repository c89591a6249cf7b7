"""Figures of the last seconds."""

from wasmfaas.invoke.figures import WINDOW_S, Figures
from wasmfaas.models import Usage

MS = 1_000_000


class Clock:
    """Seconds, set by hand."""

    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def usage(function: str, *, error: str | None = None, init_us: int | None = None) -> Usage:
    return Usage(
        request_id="r", attempt=1, function_name=function, function_version="$LATEST",
        started_at_ms=0, fuel_counted=1000, fuel=1000, duration_us=1, billed_duration_ms=1,
        cpu_us=1, memory_bytes_peak=1, init_us=init_us, request_bytes=1, response_bytes=1,
        error_type=error,
    )  # fmt: skip


def test_calls_are_counted_and_ranked() -> None:
    clock = Clock()
    figures = Figures(clock)
    for number in range(100):
        figures.record(usage("f", init_us=1 if number == 0 else None), (number + 1) * MS)
    figures.record(usage("g", error="KeyError"), 5 * MS)
    figures.refuse("g")
    clock.now_s += 0.999
    found = figures.functions()
    assert found["f"] == {
        "calls": 100, "errors": 0, "cold": 1, "refused": 0, "calls_per_s": 10.001,
        "fuel_per_s": 10001, "p50_ms": 50.0, "p99_ms": 99.0,
    }  # fmt: skip
    assert (found["g"]["calls"], found["g"]["errors"], found["g"]["refused"]) == (1, 1, 1)


def test_what_is_over_is_forgotten() -> None:
    clock = Clock()
    figures = Figures(clock)
    figures.record(usage("f"), 90 * MS)
    clock.now_s += WINDOW_S / 2
    figures.record(usage("f"), 10 * MS)
    assert figures.functions()["f"]["calls"] == 2
    clock.now_s += WINDOW_S / 2
    found = figures.functions()["f"]
    assert (found["calls"], found["p99_ms"]) == (1, 10.0)
    clock.now_s += WINDOW_S / 2
    assert figures.functions() == {}


def test_a_function_may_only_have_been_refused() -> None:
    figures = Figures(Clock())
    figures.refuse("f")
    found = figures.functions()["f"]
    assert (found["calls"], found["refused"], found["p50_ms"]) == (0, 1, None)


def test_functions_that_were_called_once_do_not_pile_up() -> None:
    clock = Clock()
    figures = Figures(clock)
    for number in range(10_000):
        clock.now_s += 1
        figures.record(usage(f"f{number}"), MS)
    assert len(figures._traffic) < 200
