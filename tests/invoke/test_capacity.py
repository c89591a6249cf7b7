"""How many workers there may be while invocations wait for others."""

import pytest

from wasmfaas.errors import TooManyRequests
from wasmfaas.invoke.capacity import Capacity


def test_who_waits_makes_room_for_one_more() -> None:
    capacity = Capacity(1, 2)
    assert capacity.workers_max == 1
    with capacity.waiting(), capacity.waiting():
        assert capacity.workers_max == 3
        with (
            pytest.raises(TooManyRequests, match=r"2 invocations wait .* most 2 may"),
            capacity.waiting(),
        ):
            raise AssertionError("there is no room")
        assert capacity.workers_max == 3
    assert capacity.workers_max == 1


def test_workers_beyond_go_when_nobody_has_waited_for_a_while() -> None:
    capacity = Capacity(1, 2)
    with capacity.waiting(), capacity.waiting():
        pass
    assert not capacity.is_surplus(3)
    capacity.settle()
    assert capacity.is_surplus(3)
    assert not capacity.is_surplus(2)
    for _ in range(3):
        capacity.settle()
    assert capacity.is_surplus(2)
    assert not capacity.is_surplus(1)
