import pytest

from bench.failures import NotMeasured
from bench.samples import Samples, percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.5, 50.0), (0.99, 99.0), (1.0, 100.0), (0.001, 1.0)]
)
def test_a_percentile_is_one_of_the_samples(share: float, expected: float) -> None:
    values = [float(number) for number in range(100, 0, -1)]

    assert percentile(values, share) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    with pytest.raises(ValueError, match="no samples"):
        percentile([], 0.5)


def test_samples_are_kept_in_milliseconds_with_those_that_were_cold() -> None:
    samples = Samples({"call": "a call", "other": "another"})

    samples.add("call", 2_000_000, cold=True)
    samples.add("call", 1_000_000, cold=False)
    samples.add("other", 5_000, 6_000)

    call, other = samples.series["call"], samples.series["other"]
    assert (call.count, call.cold, call.p50_ms, call.max_ms) == (2, 1, 1.0, 2.0)
    assert (other.count, other.cold, other.values_ms) == (2, None, [0.005, 0.006])


def test_what_cannot_be_measured_leaves_its_reason() -> None:
    samples = Samples({"call": "a call", "other": "another"})

    with samples.attempt("call"):
        raise NotMeasured("no such kernel")

    assert samples.missing == {"call": "no such kernel"}
    assert samples.series["call"].p50_ms is None
