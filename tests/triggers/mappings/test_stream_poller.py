"""Streams: order, retries, and what becomes of what cannot be handled."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.triggers.mappings.world import STREAM, MemoryStream, World, arn, message, until
from wasmfaas.errors import TooManyRequests
from wasmfaas.triggers.mappings import stream_poller

pytestmark = pytest.mark.anyio

REPORTS = {"FunctionResponseTypes": ["ReportBatchItemFailures"]}
TOPIC = "arn:aws:sns:us-east-1:000000000000:failures"
TOLD = {"DestinationConfig": {"OnFailure": {"Destination": TOPIC}}}


@pytest.fixture(autouse=True)
def short_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_poller, "_RETRY_S_MIN", 0.001)


def numbered(first: int, last: int, partition: str = "p") -> list[Any]:
    return [message(number, partition=partition) for number in range(first, last)]


def ids(*numbers: int) -> list[str]:
    return [f"m{number}" for number in numbers]


async def test_order_is_kept(world: World) -> None:
    stream = MemoryStream(*numbered(0, 25))
    mapping = await world.map(stream, BatchSize=10)
    await until(lambda: len(stream.acknowledged) == 25)
    assert stream.acknowledged == ids(*range(25))
    assert [each for batch in world.functions.batches for each in batch] == ids(*range(25))
    assert world.functions.most_running == 1
    assert await world.result(mapping) == "OK"
    assert await world.ledger() == len(world.functions.batches)


async def test_a_batch_that_fails_is_tried_again_and_holds_up_its_partition(world: World) -> None:
    stream = MemoryStream(*numbered(0, 4, "p"), *numbered(4, 6, "q"))
    tries: list[list[str]] = []

    def answer(batch: list[str]) -> Any:
        tries.append(batch)
        return "Unhandled" if batch == ids(0, 1) and len(tries) < 6 else None

    world.functions.answer = answer
    await world.map(stream, BatchSize=2)
    await until(lambda: len(stream.acknowledged) == 6)
    of_p = [each for each in stream.acknowledged if each in ids(0, 1, 2, 3)]
    assert of_p == ids(0, 1, 2, 3)
    assert tries.count(ids(0, 1)) > 1
    # The other partition did not wait.
    assert stream.acknowledged[:2] == ids(4, 5)


async def test_attempts_end_and_the_destination_is_told_before_the_source(world: World) -> None:
    stream = MemoryStream(*numbered(0, 3))
    world.functions.answer = lambda batch: "Unhandled" if "m0" in batch else None
    told: list[int] = []
    acknowledge = stream.acknowledge

    async def watched(some: Any) -> None:
        told.append(len(world.sent))
        await acknowledge(some)

    stream.acknowledge = watched  # type: ignore[method-assign]
    await world.map(stream, BatchSize=2, MaximumRetryAttempts=2, **TOLD)
    await until(lambda: len(stream.acknowledged) == 3)
    assert world.functions.batches == [ids(0, 1)] * 3 + [ids(2)]
    assert told[0] == 1
    [(destination, record)] = world.sent
    assert destination == TOPIC
    assert record["version"] == "1.0"
    assert record["requestContext"] == {
        "requestId": world.functions.contexts[2].request_id,
        "functionArn": arn("f", "$LATEST"),
        "condition": "RetryAttemptsExhausted",
        "approximateInvokeCount": 3,
    }
    assert record["responseContext"] == {
        "statusCode": 200, "executedVersion": "7", "functionError": "Unhandled",
    }  # fmt: skip
    info = record["StreamBatchInfo"]
    assert (info["startSequenceNumber"], info["endSequenceNumber"]) == ("m0", "m1")
    assert (info["batchSize"], info["streamArn"], info["shardId"]) == (2, STREAM, "p")


async def test_a_poisonous_message_is_found_by_halves(world: World) -> None:
    stream = MemoryStream(*numbered(0, 8))
    world.functions.answer = lambda batch: "Unhandled" if "m5" in batch else None
    await world.map(
        stream, BatchSize=8, MaximumRetryAttempts=1, BisectBatchOnFunctionError=True, **TOLD
    )
    await until(lambda: len(stream.acknowledged) == 8)
    assert stream.acknowledged == ids(*range(8))
    assert world.functions.batches == [
        ids(*range(8)), ids(0, 1, 2, 3), ids(4, 5, 6, 7), ids(4, 5), ids(4), ids(5), ids(5),
        ids(6, 7),
    ]  # fmt: skip
    [(_, record)] = world.sent
    assert record["StreamBatchInfo"]["startSequenceNumber"] == "m5"
    assert record["StreamBatchInfo"]["batchSize"] == 1


async def test_the_lowest_that_failed_is_the_checkpoint(world: World) -> None:
    stream = MemoryStream(*numbered(0, 5))
    answers = [["m3", "m2"], ["m2"], ["m4"], []]

    def answer(batch: list[str]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": each} for each in answers.pop(0)]}

    world.functions.answer = answer
    await world.map(stream, **REPORTS)
    await until(lambda: len(stream.acknowledged) == 5)
    assert world.functions.batches == [ids(*range(5)), ids(2, 3, 4), ids(2, 3, 4), ids(4)]


async def test_what_is_too_old_is_not_tried(world: World) -> None:
    now = int(time.time() * 1000)
    stream = MemoryStream(
        message(0, partition="p", sent_at_ms=now - 100_000),
        message(1, partition="p", sent_at_ms=now),
    )
    await world.map(stream, MaximumRecordAgeInSeconds=60, **TOLD)
    await until(lambda: stream.acknowledged == ids(0, 1))
    assert world.functions.batches == [ids(1)]
    [(_, record)] = world.sent
    assert record["requestContext"]["condition"] == "RecordAgeExceeded"


async def test_what_is_too_large_is_given_up(tmp_path: Path) -> None:
    async with World(tmp_path, event_bytes_max=1000) as world:
        large = message(1, "x" * 1000, partition="p")
        stream = MemoryStream(*numbered(0, 1), large, *numbered(2, 3))
        mapping = await world.map(stream, **TOLD)
        await until(lambda: stream.acknowledged == ids(0, 1, 2))
        assert world.functions.batches == [ids(0), ids(2)]
        [(_, record)] = world.sent
        assert record["requestContext"]["condition"] == "RecordTooLarge"
        assert await world.result(mapping) == "OK"


async def test_what_is_filtered_out_counts_as_handled(world: World) -> None:
    stream = MemoryStream(*numbered(0, 6))
    pattern = '{"body": ["body-1", "body-4"]}'
    await world.map(stream, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    await until(lambda: stream.acknowledged == ids(*range(6)))
    assert world.functions.batches == [ids(1, 4)]


async def test_what_is_filtered_out_does_not_pile_up_in_a_window(tmp_path: Path) -> None:
    async with World(tmp_path, event_bytes_max=1000) as world:
        stream = MemoryStream(*numbered(0, 60))
        filters = {"Filters": [{"Pattern": '{"body": ["another"]}'}]}
        await world.map(
            stream, BatchSize=100, MaximumBatchingWindowInSeconds=300, FilterCriteria=filters
        )
        await until(lambda: len(stream.acknowledged) >= 30)
        assert world.functions.batches == []


async def test_a_batch_has_as_many_as_pass_the_filter(world: World) -> None:
    stream = MemoryStream(*numbered(0, 20))
    filters = {"Filters": [{"Pattern": json.dumps({"body": [f"body-{n}" for n in (3, 7, 15)]})}]}
    await world.map(stream, BatchSize=3, MaximumBatchingWindowInSeconds=300, FilterCriteria=filters)
    await until(lambda: len(stream.acknowledged) >= 16)
    assert world.functions.batches == [ids(3, 7, 15)]


async def test_a_defect_loses_nothing_and_lets_nothing_pass(world: World) -> None:
    stream = MemoryStream(*numbered(0, 4))
    event, raised = stream.event, []

    def breaking(records: Any) -> Any:
        if len(raised) < 2:
            raised.append(True)
            raise ZeroDivisionError("somebody else's mistake")
        return event(records)

    stream.event = breaking  # type: ignore[method-assign]
    mapping = await world.map(stream, BatchSize=2)
    await until(lambda: len(stream.acknowledged) == 4)
    assert stream.acknowledged == ids(0, 1, 2, 3)
    assert world.functions.batches == [ids(0, 1), ids(2, 3)]
    assert await world.result(mapping) == "OK"


async def test_no_capacity_is_no_attempt(world: World) -> None:
    stream = MemoryStream(*numbered(0, 2))
    refusals: list[Any] = [TooManyRequests("Rate Exceeded.", reason="x")]
    world.functions.answer = lambda batch: refusals.pop() if refusals else None
    await world.map(stream, MaximumRetryAttempts=0, **TOLD)
    await until(lambda: stream.acknowledged == ids(0, 1))
    assert world.sent == []


async def test_a_batch_waits_for_its_window(world: World) -> None:
    stream = MemoryStream(*numbered(0, 3))
    await world.map(stream, BatchSize=5, MaximumBatchingWindowInSeconds=300)
    await until(lambda: len(stream.given) == 3)
    assert world.functions.batches == []
    stream.messages += numbered(3, 7)
    stream.more.set()
    await until(lambda: world.functions.batches)
    assert world.functions.batches == [ids(0, 1, 2, 3, 4)]
    # What came beyond the batch waits for others.
    await until(lambda: len(stream.given) == 7)
    await until(lambda: stream.acknowledged)
    assert stream.acknowledged == ids(0, 1, 2, 3, 4)


async def test_a_server_that_stops_gives_back_what_is_not_handled(tmp_path: Path) -> None:
    stream = MemoryStream(*numbered(0, 3))
    async with World(tmp_path) as world:
        world.functions.answer = lambda batch: "Unhandled"
        await world.map(stream)
        await until(lambda: world.functions.batches)
    assert stream.acknowledged == []
    assert stream.failed == [(ids(0, 1, 2), True)]
    assert stream.closed


async def test_partitions_run_at_once_up_to_the_bound(tmp_path: Path) -> None:
    async with World(tmp_path, event_source_concurrency_max=2) as world:
        world.functions.gate = asyncio.Event()
        stream = MemoryStream(*(message(n, partition=f"p{n}") for n in range(6)))
        await world.map(stream)
        await until(lambda: world.functions.running == 2)
        world.functions.gate.set()
        await until(lambda: len(stream.acknowledged) == 6)
        assert world.functions.most_running == 2
