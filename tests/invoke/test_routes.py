"""Where the invocations of a qualifier go: by weight, and as long as nothing has changed."""

import random
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.invoke.test_worker import SPEC
from wasmfaas.invoke.routes import Routes, Split
from wasmfaas.invoke.target import Target

FIRST, SECOND = (Target(replace(SPEC, key=key)) for key in ("1", "2"))
DRAWS = 10_000


@pytest.mark.parametrize("weight", [0.01, 0.1, 0.5, 0.9])
def test_a_weight_is_a_share_of_the_invocations(weight: float) -> None:
    split, draw = Split(FIRST, SECOND, weight), random.Random(0).random
    picked = Counter(split.pick(draw).name for _ in range(DRAWS))
    # Five standard deviations; the seed makes it the same every time.
    slack = 5 * (DRAWS * weight * (1 - weight)) ** 0.5
    assert abs(picked[SECOND.name] - DRAWS * weight) < slack
    assert picked.total() == DRAWS


@given(
    weight=st.floats(0, 1),
    drawn=st.floats(0, 1, exclude_max=True),
)
def test_a_draw_below_the_weight_goes_to_the_additional_version(
    weight: float, drawn: float
) -> None:
    expected = SECOND if drawn < weight else FIRST
    assert Split(FIRST, SECOND, weight).pick(lambda: drawn) is expected
    assert Split(FIRST, SECOND, 0.0).pick(lambda: drawn) is FIRST
    assert Split(FIRST, SECOND, 1.0).pick(lambda: drawn) is SECOND


def test_one_target_needs_no_draw() -> None:
    def never() -> float:
        raise AssertionError("drawn")

    assert Split(FIRST).pick(never) is FIRST
    assert list(Split(FIRST)) == [FIRST]
    assert list(Split(FIRST, SECOND, 0.5)) == [FIRST, SECOND]


def test_what_changed_while_it_was_looked_up_is_not_kept() -> None:
    routes = Routes(random.random)
    changes = routes.changes("f")
    routes.forget("f")
    routes.keep("f", "prod", Split(FIRST), changes)
    assert routes.get("f", "prod") is None
    routes.keep("f", "prod", Split(FIRST), routes.changes("f"))
    routes.keep("f", None, Split(SECOND), routes.changes("f"))
    assert routes.get("f", "prod") is FIRST
    assert routes.get("f") is SECOND
    assert (routes.get("f", "1"), routes.get("g", "prod")) == (None, None)
    routes.forget("f")
    assert (routes.get("f"), routes.get("f", "prod")) == (None, None)
