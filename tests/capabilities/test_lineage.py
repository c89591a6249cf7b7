"""The lineage in trace headers."""

from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.capabilities.lineage import extended

ROOT = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"


def test_each_call_of_a_function_is_counted_and_the_rest_of_the_header_kept() -> None:
    trace, count = extended(ROOT, "a", "b")
    assert (trace.startswith(ROOT + ";Lineage="), count) == (True, 1)
    counts = []
    for _ in range(3):
        trace, count = extended(trace, "b", "a")
        trace, again = extended(trace, "a", "b")
        counts.append((count, again))
    assert counts == [(2, 2), (3, 3), (4, 4)]
    assert trace.startswith(ROOT)
    assert trace.count("Lineage=") == 1


def test_a_function_that_calls_itself_was_called_once_before() -> None:
    assert extended(None, "a", "a")[1] == 2
    assert extended("", "a", "a")[0].startswith("Lineage=")


def test_a_long_chain_stays_short_and_remembers_the_latest() -> None:
    trace: str = ROOT
    for number in range(100):
        trace, count = extended(trace, str(number), str(number + 1))
        assert (count, len(trace) < 512) == (1, True)
    assert extended(trace, "100", "99")[1] == 2


@given(st.text(max_size=80))
def test_any_header_can_be_extended(trace: str) -> None:
    extended(trace, "a", "b")
    extended(f"Lineage={trace}", "a", "b")
