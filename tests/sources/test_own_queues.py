"""From a queue of our own to a function, by way of the poller and the database."""

from typing import Any

import pytest

from tests.triggers.mappings.world import QUEUE, World, until
from wasmfaas.sources.own_queues import OwnQueue
from wasmfaas.store.message_queues.messages import MessageAttribute, NewMessage
from wasmfaas.store.message_queues.queues import MessageQueues

pytestmark = pytest.mark.anyio
ARNS = QUEUE.removesuffix("q")


@pytest.fixture
def queues(world: World) -> MessageQueues:
    return MessageQueues(world.database, ARNS, queues_max=10, messages_max=1000)


async def left(queues: MessageQueues, name: str) -> tuple[int, int]:
    """Messages that are there, and those that are hidden."""
    _, counts = await queues.administration.described(name)
    return counts.visible, counts.in_flight


async def test_records_are_those_that_lambda_hands_over(world: World, queues: Any) -> None:
    await queues.administration.create("q", {}, {})
    attributes = {
        "name": MessageAttribute("String", "Alice"),
        "raw": MessageAttribute("Binary.png", b"\x00\xff"),
    }
    sent = await queues.send("q", NewMessage(body="hello", attributes=attributes))
    [message] = await OwnQueue(queues, "q").receive(10, 0, frozenset())
    record = dict(message.record)
    assert record.pop("receiptHandle") == message.receipt
    system = record.pop("attributes")
    assert set(system) == {
        "ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp",
    }  # fmt: skip
    assert system["ApproximateReceiveCount"] == "1"
    assert int(system["SentTimestamp"]) == message.sent_at_ms
    assert record == {
        "messageId": sent.message_id,
        "body": "hello",
        "messageAttributes": {
            "name": {
                "stringValue": "Alice", "stringListValues": [], "binaryListValues": [],
                "dataType": "String",
            },
            "raw": {
                "binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [],
                "dataType": "Binary.png",
            },
        },
        "md5OfBody": "5d41402abc4b2a76b9719d911017c592",
        "md5OfMessageAttributes": sent.md5_of_attributes,
        "eventSource": "aws:sqs",
        "eventSourceARN": QUEUE,
        "awsRegion": "us-east-1",
    }  # fmt: skip


async def test_queue_function_dead_letter(world: World, queues: Any) -> None:
    await queues.administration.create("dead", {}, {})
    policy = f'{{"deadLetterTargetArn": "{ARNS}dead", "maxReceiveCount": "2"}}'
    await queues.administration.create("q", {"RedrivePolicy": policy, "VisibilityTimeout": "1"}, {})
    sent = [await queues.send("q", NewMessage(body=f"{number}")) for number in range(3)]
    poison = sent[1].message_id

    def answer(ids: list[str]) -> Any:
        failed = [{"itemIdentifier": each} for each in ids if each == poison]
        return {"batchItemFailures": failed}

    world.functions.answer = answer
    await world.map(OwnQueue(queues, "q"), FunctionResponseTypes=["ReportBatchItemFailures"])

    async def is_dead() -> bool:
        return await left(queues, "dead") == (1, 0)

    await until(is_dead)
    assert await left(queues, "q") == (0, 0)
    assert [poison in batch for batch in world.functions.batches].count(True) == 2
    assert (await queues.receive("dead"))[0].id == poison


async def test_a_message_group_keeps_its_order(world: World, queues: Any) -> None:
    await queues.administration.create("q.fifo", {"FifoQueue": "true"}, {})
    for number in range(12):
        await queues.send(
            "q.fifo",
            NewMessage(body=f"{number}", group_id="g", deduplication_id=f"{number}"),
        )
    bodies: list[str] = []
    source = OwnQueue(queues, "q.fifo")
    receive = source.receive

    async def received(*arguments: Any) -> Any:
        found = await receive(*arguments)
        bodies.extend(each.record["body"] for each in found)
        return found

    source.receive = received  # type: ignore[method-assign]
    await world.map(source, BatchSize=5)
    await until(lambda: len(bodies) == 12 and len(world.functions.batches) >= 3)
    assert bodies == [str(number) for number in range(12)]
    assert world.functions.most_running == 1


async def test_a_queue_that_is_made_later(world: World, queues: Any) -> None:
    mapping = await world.map(OwnQueue(queues, "q"))

    async def is_told() -> bool:
        return "does not exist" in str(await world.result(mapping))

    await until(is_told)
    await queues.administration.create("q", {}, {})
    await queues.send("q", NewMessage(body="x"))
    await until(lambda: world.functions.batches)
    assert await world.result(mapping) == "OK"
