"""Who waits for a worker, and whose turn it is."""

import dataclasses

import pytest

from tests.invoke.test_worker import SPEC
from wasmfaas.errors import TooManyRequests, WasmfaasError
from wasmfaas.invoke.job import Job
from wasmfaas.invoke.target import Target
from wasmfaas.invoke.waiting import Waiting


class Recorded(Job):
    """A job that remembers why it was refused."""

    def __init__(self, function: str, event_bytes: int = 0) -> None:
        target = Target(dataclasses.replace(SPEC, function_name=function))
        super().__init__(target, {}, event_bytes)
        self.error: WasmfaasError | None = None

    def refused(self, error: WasmfaasError) -> None:
        self.error = error


def entered(waiting: Waiting, function: str, event_bytes: int = 0) -> Job:
    job = Recorded(function, event_bytes)
    waiting.enter(job)
    return job


def test_functions_take_turns_and_each_keeps_its_order() -> None:
    waiting = Waiting(10, 1000)
    jobs = {name: entered(waiting, name[0], 1) for name in ("a1", "a2", "a3", "b1", "a4", "c1")}
    names = {job: name for name, job in jobs.items()}
    served = []
    while (job := waiting.next()) is not None:
        served.append(names[job])
    assert served == ["a1", "b1", "c1", "a2", "a3", "a4"]
    assert (len(waiting), waiting.bytes) == (0, 0)


def test_number_and_bytes_are_bounded() -> None:
    waiting = Waiting(2, 100)
    first = entered(waiting, "f", 60)
    with pytest.raises(TooManyRequests, match="60 bytes of events wait"):
        entered(waiting, "g", 41)
    entered(waiting, "g", 40)
    with pytest.raises(TooManyRequests, match="2 invocations wait"):
        entered(waiting, "f", 0)
    waiting.leave(first)
    waiting.leave(first)
    assert (len(waiting), waiting.bytes) == (1, 40)
    entered(waiting, "f", 60)


def test_who_has_left_is_not_served() -> None:
    waiting = Waiting(10, 100)
    left, there = entered(waiting, "f", 1), entered(waiting, "f", 1)
    waiting.leave(left)
    assert waiting.next() is there
    assert waiting.next() is None


def test_start_ups_ahead_come_last_and_once_per_function() -> None:
    waiting = Waiting(1, 100)
    former, later, other = Recorded("f"), Recorded("f"), Recorded("g")
    for job in (former, later, other):
        waiting.enter_ahead(job)
    invocation = entered(waiting, "h", 100)
    assert (len(waiting), waiting.bytes) == (1, 100), "they do not count"
    assert former.error is not None
    assert "a later deployment of f" in former.error.message
    waiting.leave(former)
    waiting.leave(other)
    assert [waiting.next(), waiting.next(), waiting.next()] == [invocation, later, None]


def test_whom_others_wait_for_goes_first_and_counts() -> None:
    waiting = Waiting(3, 100)
    entered(waiting, "a", 10)
    nested = Recorded("b", 20)
    nested.goes_first = True
    waiting.enter(nested)
    withdrawn = Recorded("b", 30)
    withdrawn.goes_first = True
    waiting.enter(withdrawn)
    assert (len(waiting), waiting.bytes, waiting.by_function()) == (3, 60, {"a": 1, "b": 2})
    with pytest.raises(TooManyRequests):
        entered(waiting, "c")
    assert waiting.leave(withdrawn)
    assert not waiting.leave(withdrawn)
    assert waiting.next() is nested
    assert (len(waiting), waiting.bytes, waiting.by_function()) == (1, 10, {"a": 1})
