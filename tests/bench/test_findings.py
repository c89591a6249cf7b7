import pytest

from bench.failures import NotMeasured
from bench.findings import Findings


def test_a_quotient_that_lacks_a_side_has_that_sides_reason() -> None:
    findings = Findings()
    findings.add("ours", 3.0)
    findings.add("theirs", 2.0)
    findings.add("nothing", 0.0)
    findings.lacks("missing", "not installed")

    findings.quotient("good", "ours", "theirs")
    findings.quotient("lame", "ours", "missing")
    findings.quotient("wrong", "ours", "nothing")
    findings.quotient("unknown", "ours", "never heard of")

    assert findings.figures["good"] == pytest.approx(1.5)
    assert findings.why == {
        "missing": "not installed",
        "lame": "not installed",
        "wrong": "nothing is 0",
        "unknown": "there is no never heard of",
    }
    assert all(findings.figures[key] is None for key in findings.why)


def test_an_attempt_keeps_what_was_found_before_it_failed() -> None:
    findings = Findings()

    with findings.attempt("first", "second"):
        findings.add("first", 1.0)
        raise NotMeasured("no such kernel")

    assert findings.figures == {"first": 1.0, "second": None}
    assert findings.why == {"second": "no such kernel"}
