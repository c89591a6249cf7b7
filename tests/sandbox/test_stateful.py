"""The modules that prove isolation do notice when there is none."""

import json

import pytest

from tests.sandbox.conftest import Pool
from tests.sandbox.stateful import STATEFUL
from wasmfaas.models import Isolation


@pytest.mark.parametrize("name", sorted(STATEFUL.keys() - {"file-in-tmp"}))
def test_under_reuse_something_carries_over(pool: Pool, name: str) -> None:
    target = pool.target(pool.compiled(STATEFUL[name]), isolation=Isolation.REUSE)
    first, second = (pool.invoke(target) for _ in range(2))
    assert (first.error_type, json.loads(first.payload)) == (None, 0)
    assert (second.error_type, json.loads(second.payload)) != (None, 0)


def test_files_do_not_carry_over_even_under_reuse(pool: Pool) -> None:
    target = pool.target(pool.compiled(STATEFUL["file-in-tmp"]), isolation=Isolation.REUSE)
    assert [json.loads(pool.invoke(target).payload) for _ in range(3)] == [0, 0, 0]
