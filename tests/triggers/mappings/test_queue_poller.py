"""Queues, from messages to invocations and back."""

import asyncio
from pathlib import Path
from typing import Any

import pytest

from tests.triggers.mappings.world import MemoryQueue, World, message, until
from wasmfaas.errors import ServiceUnavailable, TooManyRequests
from wasmfaas.triggers.mappings.queue_poller import Scale

pytestmark = pytest.mark.anyio

REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}


def messages(count: int) -> list[Any]:
    return [message(number) for number in range(count)]


def failing(*ids: str) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": each} for each in ids]}


async def test_what_was_handled_is_deleted_once_it_is_in_the_ledger(world: World) -> None:
    queue = MemoryQueue(*messages(23))
    rows: list[int] = []
    acknowledge = queue.acknowledge

    async def watched(some: Any) -> None:
        rows.append(await world.ledger())
        await acknowledge(some)

    queue.acknowledge = watched  # type: ignore[method-assign]
    mapping = await world.map(queue)
    await until(lambda: len(queue.deleted) == 23)
    assert [len(batch) for batch in world.functions.batches] == [10, 10, 3]
    assert sorted(queue.deleted) == sorted(each for b in world.functions.batches for each in b)
    assert len(rows) == 3
    assert min(rows) >= 1
    assert await world.ledger() == 3
    assert len({context.request_id for context in world.functions.contexts}) == 3
    assert await world.result(mapping) == "OK"


async def test_what_failed_stays_in_the_queue(world: World) -> None:
    queue = MemoryQueue(*messages(3))
    world.functions.answer = lambda ids: "Unhandled"
    mapping = await world.map(queue)
    await until(lambda: queue.failed)
    assert queue.failed == [(["m0", "m1", "m2"], False)]
    assert queue.deleted == []
    assert await world.result(mapping) == "PROBLEM: Function call failed"


async def test_the_answer_says_what_failed(world: World) -> None:
    queue = MemoryQueue(*messages(3))
    world.functions.answer = lambda ids: failing("m1")
    await world.map(queue, **REPORTS)
    await until(lambda: queue.failed)
    assert queue.failed == [(["m1"], False)]
    await until(lambda: queue.deleted == ["m0", "m2"])


async def test_an_answer_that_lies_deletes_nothing(world: World) -> None:
    queue = MemoryQueue(*messages(3))
    world.functions.answer = lambda ids: failing("m1", "m9")
    await world.map(queue, **REPORTS)
    await until(lambda: queue.failed)
    assert queue.failed == [(["m0", "m1", "m2"], False)]
    assert queue.deleted == []


async def test_without_reports_an_answer_says_nothing(world: World) -> None:
    queue = MemoryQueue(*messages(3))
    world.functions.answer = lambda ids: failing("m1")
    await world.map(queue)
    await until(lambda: len(queue.deleted) == 3)


async def test_filtered_messages_are_deleted_and_not_handed_over(world: World) -> None:
    bodies = ['{"n": 1}', '{"n": 2}', "plain", '{"n": ', '["n"]']
    queue = MemoryQueue(*(message(at, body) for at, body in enumerate(bodies)))
    filters = [{"Pattern": '{"body": {"n": [1]}}'}, {"Pattern": '{"body": [{"prefix": "pl"}]}'}]
    await world.map(queue, FilterCriteria={"Filters": filters})
    await until(lambda: len(queue.deleted) == 5)
    assert world.functions.batches == [["m0", "m2"]]


async def test_a_batch_waits_for_its_size_or_its_window(world: World) -> None:
    queue = MemoryQueue(*messages(3))
    await world.map(queue, BatchSize=15, MaximumBatchingWindowInSeconds=300)
    await until(lambda: len(queue.hidden) == 3)
    assert world.functions.batches == []
    queue.send(*(message(number) for number in range(3, 17)))
    await until(lambda: world.functions.batches)
    assert [len(batch) for batch in world.functions.batches] == [15]


async def test_the_end_of_the_window_is_enough(world: World) -> None:
    queue = MemoryQueue(*messages(3))
    await world.map(queue, BatchSize=15, MaximumBatchingWindowInSeconds=1)
    await until(lambda: len(queue.deleted) == 3)
    assert world.functions.batches == [["m0", "m1", "m2"]]


async def test_an_event_is_not_larger_than_it_may_be(tmp_path: Path) -> None:
    async with World(tmp_path, event_bytes_max=1000) as world:
        small = [message(number, "x" * 300) for number in range(4)]
        queue = MemoryQueue(*small[:2], message(9, "x" * 1000), *small[2:])
        mapping = await world.map(queue)
        await until(lambda: len(queue.deleted) == 4 and queue.failed)
        assert world.functions.batches == [["m0", "m1"], ["m2", "m3"]]
        # The queue's own policy gives it up in time.
        assert queue.failed == [(["m9"], False)]
        assert queue.receives["m9"] == 1
        assert await world.result(mapping) in ("OK", None) or "m9" in str(
            await world.result(mapping)
        )


@pytest.mark.parametrize(
    "refusal", [TooManyRequests("Rate Exceeded.", reason="x"), ServiceUnavailable("later")]
)
async def test_a_batch_without_capacity_waits_and_is_no_attempt(
    world: World, refusal: Exception
) -> None:
    queue = MemoryQueue(*messages(2))
    refusals = [refusal, refusal]
    world.functions.answer = lambda ids: refusals.pop() if refusals else None
    mapping = await world.map(queue)
    await until(lambda: len(queue.deleted) == 2)
    assert queue.receives == {"m0": 1, "m1": 1}
    assert queue.failed == []
    assert await world.ledger() == 1
    assert await world.result(mapping) == "OK"


async def test_a_function_that_is_gone_and_comes_back(world: World) -> None:
    queue = MemoryQueue(*messages(2))
    world.functions.exists = False
    mapping = await world.map(queue)

    async def is_told() -> bool:
        return await world.result(mapping) == "PROBLEM: Function does not exist"

    await until(is_told)
    # What is being received when it is found out is received all the same.
    queue.send(message(7))
    await until(lambda: "m7" in queue.receives)
    queue.send(message(8))
    await asyncio.sleep(0.5)
    # Nothing more is received for nobody.
    assert "m8" not in queue.receives
    world.functions.exists = True
    await until(lambda: sorted(queue.deleted) == ["m0", "m1", "m7", "m8"])
    assert set(queue.receives.values()) == {1}
    assert await world.result(mapping) == "OK"


async def test_a_source_that_disappears_and_returns(world: World) -> None:
    queue = MemoryQueue()
    queue.broken = "the queue does not exist"
    mapping = await world.map(queue)

    async def is_told() -> bool:
        return await world.result(mapping) == "PROBLEM: the queue does not exist"

    await until(is_told)
    queue.broken = None
    queue.send(*messages(2))
    await until(lambda: len(queue.deleted) == 2)

    # And while what was handled is to be deleted.
    def breaking(ids: list[str]) -> None:
        queue.broken = "gone again"

    world.functions.answer = breaking
    queue.send(message(5))
    await until(lambda: queue.broken)
    queue.broken = None
    await until(lambda: "m5" in queue.deleted)
    assert world.functions.batches.count(["m5"]) == 1


async def test_a_source_that_raises_what_it_should_not_is_tried_again(world: World) -> None:
    queue = MemoryQueue(*messages(1))
    found, raised = queue._found, []

    def raising(limit: int, busy: Any) -> Any:
        if not raised:
            raised.append(True)
            raise ZeroDivisionError("somebody else's mistake")
        return found(limit, busy)

    queue._found = raising  # type: ignore[method-assign]
    await world.map(queue)
    await until(lambda: len(queue.deleted) == 1)


async def test_what_fails_at_the_end_as_it_should_not_is_tried_again(world: World) -> None:
    queue = MemoryQueue(*messages(1))
    acknowledge, raised = queue.acknowledge, []

    async def raising(some: Any) -> None:
        if not raised:
            raised.append(True)
            raise ZeroDivisionError("somebody else's mistake")
        await acknowledge(some)

    queue.acknowledge = raising  # type: ignore[method-assign]
    await world.map(queue)
    await until(lambda: queue.deleted == ["m0"])
    assert world.functions.batches == [["m0"]]


async def test_a_defect_of_ours_is_no_attempt(world: World) -> None:
    queue = MemoryQueue(*messages(1))
    defects: list[Exception] = [ZeroDivisionError("ours")]
    route = world.functions.invoke

    async def invoke(*arguments: Any) -> Any:
        if defects:
            raise defects.pop()
        return await route(*arguments)

    world.functions.invoke = invoke  # type: ignore[method-assign]
    await world.map(queue)
    await until(lambda: queue.deleted == ["m0"])
    assert queue.receives == {"m0": 1}


async def test_batches_run_at_once_up_to_the_bound(tmp_path: Path) -> None:
    async with World(tmp_path, event_source_concurrency_max=100) as world:
        world.functions.gate = asyncio.Event()
        queue = MemoryQueue(*messages(50))
        await world.map(queue, BatchSize=1, ScalingConfig={"MaximumConcurrency": 3})
        await until(lambda: world.functions.running == 3)
        world.functions.gate.set()
        await until(lambda: len(queue.deleted) == 50)
        assert world.functions.most_running == 3


async def test_what_runs_stays_in_hand(world: World) -> None:
    queue = MemoryQueue(*messages(2))
    queue.hold_s = 0.3
    world.functions.gate = asyncio.Event()
    await world.map(queue)
    await until(lambda: queue.extended >= 3)
    world.functions.gate.set()
    await until(lambda: len(queue.deleted) == 2)
    extended = queue.extended
    await asyncio.sleep(0.5)
    assert queue.extended == extended


async def test_a_server_that_stops_gives_back_what_it_has_not_tried(tmp_path: Path) -> None:
    queue = MemoryQueue(*messages(3))
    async with World(tmp_path) as world:
        await world.map(queue, BatchSize=15, MaximumBatchingWindowInSeconds=300)
        await until(lambda: len(queue.hidden) == 3)
    assert queue.failed == [(["m0", "m1", "m2"], True)]
    assert len(queue.visible) == 3
    assert queue.closed


def test_scale() -> None:
    now = [0.0]
    scale = Scale(1000, lambda: now[0])
    assert scale.limit == 5
    scale.backlog()
    assert scale.limit == 5
    for _ in range(60):
        now[0] += 1
        scale.backlog()
    assert scale.limit == 65
    now[0] += 5000
    scale.backlog()
    assert scale.limit == 1000
    for _ in range(20):
        scale.idle()
    assert scale.limit == 5
    for _ in range(20):
        scale.failed()
    assert scale.limit == 1
    for _ in range(20):
        scale.succeeded()
    assert scale.limit == 5
    assert Scale(2, lambda: 0.0).limit == 2
