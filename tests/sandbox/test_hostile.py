"""Hostile guests: each ends as it must, and the worker's next invocation is none the worse."""

import json

import pytest

from tests.sandbox.conftest import Pool, answer
from tests.sandbox.hostile import HOSTILE, TIMEOUT, Expectation
from tests.sandbox.stateful import STATEFUL
from wasmfaas.invoke.job import WorkerDied
from wasmfaas.invoke.target import Target
from wasmfaas.models import Isolation


@pytest.fixture(scope="module")
def innocent(pool: Pool) -> Target:
    """A function that has nothing to do with any of it."""
    return pool.function("def lambda_handler(event, context):\n    return event\n")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_guest_harms_nobody(pool: Pool, innocent: Target, name: str) -> None:
    module, expected = HOSTILE[name]
    timeout_ms = 1000 if expected.error_type == TIMEOUT else 30_000
    target = pool.target(
        pool.compiled(module), kind=expected.kind, timeout_ms=timeout_ms, fuel_max=expected.fuel_max
    )
    for _ in range(2):
        _check(pool, target, expected)
        assert answer(pool.invoke(innocent, {"still": "well"})) == {"still": "well"}


def _check(pool: Pool, target: Target, expected: Expectation) -> None:
    death = None
    try:
        reply = pool.invoke(target, {"any": "event"})
    except WorkerDied as died:
        death = died
    if death is not None:
        assert death.killed, "nobody but us ends a worker"
        assert expected.error_type == "Sandbox.Timedout"
        return
    assert reply.error_type == expected.error_type, reply.payload
    payload = json.loads(reply.payload)
    if expected.error_type is None:
        assert payload == expected.answer
    else:
        assert payload["errorType"] == expected.error_type
        assert expected.message in payload["errorMessage"]
    assert len(reply.log) <= target.spec.log_bytes_max


@pytest.mark.parametrize("isolation", [Isolation.PRISTINE, Isolation.FRESH])
@pytest.mark.parametrize("name", STATEFUL)
def test_nothing_carries_over(pool: Pool, name: str, isolation: Isolation) -> None:
    target = pool.target(pool.compiled(STATEFUL[name]), isolation=isolation)
    for _ in range(3):
        assert answer(pool.invoke(target)) == 0
