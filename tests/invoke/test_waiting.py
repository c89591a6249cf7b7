"""Who waits for a worker, and whose turn it is."""

import asyncio

import pytest

from wasmfaas.errors import TooManyRequests
from wasmfaas.invoke.waiting import Waiting

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_functions_take_turns_and_each_keeps_its_order() -> None:
    waiting = Waiting(10, 1000)
    waiters = {
        name: waiting.enter(name[0], 1) for name in ("a1", "a2", "a3", "b1", "a4", "c1", "b2")
    }
    names = {waiter: name for name, waiter in waiters.items()}
    served = []
    while (waiter := waiting.next()) is not None:
        served.append(names[waiter])
    assert served == ["a1", "b1", "c1", "a2", "b2", "a3", "a4"]
    assert (len(waiting), waiting.bytes) == (0, 0)


async def test_number_and_bytes_are_bounded() -> None:
    waiting = Waiting(2, 100)
    first = waiting.enter("f", 60)
    with pytest.raises(TooManyRequests, match="60 bytes of events wait"):
        waiting.enter("g", 41)
    waiting.enter("g", 40)
    with pytest.raises(TooManyRequests, match="2 invocations wait"):
        waiting.enter("f", 0)
    waiting.leave(first)
    waiting.leave(first)
    assert (len(waiting), waiting.bytes) == (1, 40)
    waiting.enter("f", 60)


async def test_who_has_left_or_was_cancelled_is_not_served() -> None:
    waiting = Waiting(10, 100)
    left, cancelled, there = (waiting.enter("f", 1) for _ in range(3))
    waiting.leave(left)
    cancelled.lease.cancel()
    assert waiting.next() is there
    assert waiting.next() is None


async def test_start_ups_ahead_come_last_and_once_per_function() -> None:
    waiting = Waiting(1, 100)
    former = waiting.enter_ahead("f")
    later = waiting.enter_ahead("f")
    other = waiting.enter_ahead("g")
    invocation = waiting.enter("h", 100)
    assert (len(waiting), waiting.bytes) == (1, 100), "they do not count"
    with pytest.raises(TooManyRequests, match="a later deployment of f"):
        await asyncio.wait_for(former.lease, 1)
    waiting.leave(former)
    waiting.leave(other)
    assert [waiting.next(), waiting.next(), waiting.next()] == [invocation, later, None]
