"""How long a failure waits."""

import asyncio

import pytest

from wasmfaas.auth import throttle
from wasmfaas.auth.throttle import Throttle
from wasmfaas.errors import MissingAuthentication, TooManyRequests


class Clock:
    """A time that passes when somebody waits for it, or is made to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.throttle = Throttle(lambda: self.now, self._sleep)

    async def _sleep(self, seconds: float) -> None:
        self.now += seconds

    def waited(self, address: str = "10.0.0.1", key_id: str | None = None) -> float:
        """For how long one more failure waits."""
        before = self.now
        asyncio.run(self.throttle.failed(address, key_id, MissingAuthentication()))
        return self.now - before


def test_the_first_failures_are_answered_at_once_and_later_ones_ever_later() -> None:
    clock = Clock()
    assert [clock.waited() for _ in range(throttle.FREE_FAILURES)] == [0] * throttle.FREE_FAILURES
    waits = [clock.waited() for _ in range(8)]
    assert waits == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 2, 2, 2])


def test_failures_are_forgotten() -> None:
    clock = Clock()
    while not clock.waited():
        pass
    clock.now += throttle.FORGOTTEN_AFTER_S + 1
    assert clock.waited() == 0


def test_a_key_is_guarded_against_many_addresses() -> None:
    clock = Clock()
    waits = [clock.waited(f"10.0.0.{number}", "WFAK") for number in range(7)]
    assert waits == pytest.approx([0, 0, 0, 0, 0, 0.1, 0.2])
    assert clock.waited("10.0.1.1", "OTHER") == 0


def test_a_network_of_ipv6_is_one_address() -> None:
    clock = Clock()
    waits = [clock.waited(f"2001:db8::{number:x}") for number in range(6)]
    assert waits[-1] > 0
    assert clock.waited("2001:db8:0:1::1") == 0
    assert clock.waited("fe80::1%eth0") == clock.waited("not:an:address") == 0


def test_what_is_remembered_is_bounded() -> None:
    clock = Clock()
    while not clock.waited():
        pass

    async def fill() -> None:
        for number in range(throttle.REMEMBERED_MAX):
            await clock.throttle.failed(f"host{number}", None, MissingAuthentication())

    asyncio.run(fill())
    assert clock.waited() == 0


def test_answers_that_wait_are_bounded() -> None:
    async def guess() -> list[BaseException | None]:
        forever = asyncio.Event()

        async def wait(_: float) -> None:
            await forever.wait()

        slow = Throttle(lambda: 0.0, wait)
        failures = [
            asyncio.ensure_future(slow.failed("a", None, MissingAuthentication()))
            for _ in range(throttle.FREE_FAILURES + throttle.WAITING_MAX + 1)
        ]
        await asyncio.sleep(0)
        forever.set()
        return await asyncio.gather(*failures, return_exceptions=True)

    outcomes = asyncio.run(guess())
    assert isinstance(outcomes.pop(), TooManyRequests)
    assert not any(outcomes)
