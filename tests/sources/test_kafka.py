"""Topics of brokers that speak Kafka's protocol, by way of the client, the poller and the
database."""

import asyncio
import base64
import contextlib
import dataclasses
import json
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import KafkaError
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo

from tests.sources.kafka_server import KafkaServer
from tests.triggers.mappings.world import World, no_secrets, until
from wasmfaas.models import Usage
from wasmfaas.sources.endpoints import Endpoints
from wasmfaas.sources.kafka import KafkaTopic, open_source
from wasmfaas.sources.kafka_brokers import Brokers
from wasmfaas.sources.kafka_reader import Reader
from wasmfaas.sources.registry import SourceFactories
from wasmfaas.sources.source import Message, SourceFailed, SourceMapping
from wasmfaas.store.event_sources import EventSourceMapping
from wasmfaas.wiring.event_sources import optional_sources

pytestmark = pytest.mark.anyio

#: Kafka's number of the request.
OFFSET_COMMIT = 8
DESTINATION = "arn:aws:sqs:us-east-1:000000000000:discarded"


@pytest.fixture(scope="module")
def server() -> Iterator[KafkaServer]:
    server = KafkaServer()
    yield server
    server.close()


@pytest.fixture
async def kafka_world(world: World, server: KafkaServer) -> World:
    world.factories = factories(world, server)
    return world


def factories(world: World, server: KafkaServer) -> SourceFactories:
    endpoints = f"kafka=kafka://{server.address}"
    settings = dataclasses.replace(world.settings, event_source_endpoints=endpoints)
    return SourceFactories(optional_sources(settings, no_secrets))


async def mapped(
    world: World, server: KafkaServer, topic: str, **others: Any
) -> EventSourceMapping:
    """A mapping of *topic*, whose consumer group is called as the topic is."""
    return await world.create(**parameters(server, topic, **others))


def parameters(server: KafkaServer, topic: str, **others: Any) -> dict[str, Any]:
    return {
        "SelfManagedEventSource": {"Endpoints": {"KAFKA_BOOTSTRAP_SERVERS": [server.address]}},
        "SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": topic},
        "SourceAccessConfigurations": [],
        "StartingPosition": "TRIM_HORIZON",
        "Topics": [topic],
    } | others


async def opened(server: KafkaServer, topic: str, **others: Any) -> KafkaTopic:
    mapping = SourceMapping(
        uuid="u", arn="", configuration=parameters(server, topic, **others), function_name="f"
    )
    endpoints = Endpoints({"kafka": f"kafka://{server.address}"})
    source = await open_source(endpoints, mapping, no_secrets)
    assert isinstance(source, KafkaTopic)
    return source


@pytest.fixture
async def topic(server: KafkaServer) -> str:
    return server.topic()


@pytest.fixture
async def source(server: KafkaServer, topic: str) -> AsyncIterator[KafkaTopic]:
    source = await opened(server, topic)
    yield source
    await source.close()


async def received(source: KafkaTopic, count: int, *busy: str) -> list[Message]:
    """The next *count* messages."""
    found: list[Message] = []

    async def some() -> bool:
        found.extend(await source.receive(count - len(found), 1, frozenset(busy)))
        return len(found) == count

    await until(some)
    return found


def handled(world: World) -> list[str]:
    return [each for batch in world.functions.batches for each in batch]


async def test_partitions_keep_their_order_and_poison_goes_to_the_destination(
    kafka_world: World, server: KafkaServer
) -> None:
    topic = server.topic(2)
    for partition in (0, 1):
        server.send(topic, *(f"{number}" for number in range(12)), partition=partition)
    poison = f"{topic}-1@7"
    kafka_world.functions.answer = lambda ids: "Unhandled" if poison in ids else None
    await mapped(
        kafka_world, server, topic, BatchSize=4, BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": DESTINATION}},
    )  # fmt: skip
    await until(lambda: len(kafka_world.sent) == 1)
    [(destination, record)] = kafka_world.sent
    assert destination == DESTINATION
    information = record["KafkaBatchInfo"]
    assert information["bootstrapServers"] == server.address
    assert information["recordsInfo"][f"{topic}-1"]["firstRecordOffset"] == "7"
    assert record["requestContext"]["condition"] == "RetryAttemptsExhausted"
    for partition in (0, 1):
        await until(lambda partition=partition: server.committed(topic, topic, partition) == 12)
        name = f"{topic}-{partition}"
        batches = [batch for batch in kafka_world.functions.batches if poison not in batch]
        got = [each for batch in batches for each in batch if each.startswith(name)]
        assert got == [f"{name}@{n}" for n in range(12) if f"{name}@{n}" != poison]
    assert all(len(batch) <= 4 for batch in kafka_world.functions.batches)


async def test_nothing_is_committed_before_the_outcome_is_kept(
    kafka_world: World, server: KafkaServer, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping, kept = asyncio.Event(), asyncio.Event()
    record = kafka_world.polling.record

    async def slow(uuid: str, usage: Usage | None, result: str) -> None:
        if usage is not None:
            keeping.set()
            await kept.wait()
        await record(uuid, usage, result)

    monkeypatch.setattr(kafka_world.polling, "record", slow)
    server.send(topic, "a", "b")
    await mapped(kafka_world, server, topic)
    await asyncio.wait_for(keeping.wait(), 120)
    assert server.committed(topic, topic) < 0
    assert await kafka_world.ledger() == 0
    kept.set()
    await until(lambda: server.committed(topic, topic) == 2)
    assert await kafka_world.ledger() >= 1


async def test_a_broker_that_disappears_and_comes_back(
    kafka_world: World, server: KafkaServer, topic: str
) -> None:
    server.send(topic, "a", "b", "c")
    kafka_world.functions.gate = asyncio.Event()
    created = await mapped(kafka_world, server, topic, BatchSize=3)
    await until(lambda: kafka_world.functions.running)
    server.down()
    try:
        kafka_world.functions.gate.set()

        async def is_told() -> bool:
            return f"The Kafka topic '{topic}' at" in str(await kafka_world.result(created))

        await until(is_told)
    finally:
        server.up()
    server.send(topic, "d")
    await until(lambda: server.committed(topic, topic) == 4)

    async def is_well() -> bool:
        return await kafka_world.result(created) == "OK"

    await until(is_well)
    # What had been handled was not handed over again.
    assert handled(kafka_world) == [f"{topic}-0@{number}" for number in range(4)]


async def test_batch_responses(kafka_world: World, server: KafkaServer, topic: str) -> None:
    """All before the first that failed is done with; a response that lies fails the batch."""
    name = f"{topic}-0"

    def reported(*offsets: Any) -> list[dict[str, Any]]:
        return [{"itemIdentifier": {"partition": name, "offset": each}} for each in offsets]

    answers = iter(({"batchItemFailures": reported(99)}, {"batchItemFailures": reported(3, 2)}))
    kafka_world.functions.answer = lambda ids: next(answers, None)
    server.send(topic, "a", "b", "c", "d")
    await mapped(
        kafka_world, server, topic, BatchSize=4, FunctionResponseTypes=["ReportBatchItemFailures"],
        MaximumBatchingWindowInSeconds=60,
    )  # fmt: skip
    await until(lambda: server.committed(topic, topic) == 4)
    ids = [f"{name}@{number}" for number in range(4)]
    assert kafka_world.functions.batches == [ids, ids, ids[2:]]


async def test_filters_see_the_decoded_value(
    kafka_world: World, server: KafkaServer, topic: str
) -> None:
    values = ['{"price": 5}', "text", b"\xff", '{"price": 20}', None]
    server.send(topic, *values)
    pattern = json.dumps({"value": {"price": [{"numeric": [">", 10]}]}})
    await mapped(kafka_world, server, topic, FilterCriteria={"Filters": [{"Pattern": pattern}]})
    await until(lambda: server.committed(topic, topic) == 5)
    assert handled(kafka_world) == [f"{topic}-0@3"]


async def test_what_is_too_large_is_told_of_and_passed(
    tmp_path: Path, server: KafkaServer, topic: str
) -> None:
    server.send(topic, "a", "x" * 700_000, "b")
    async with World(tmp_path, event_bytes_max=500_000) as world:
        world.factories = factories(world, server)
        await mapped(
            world, server, topic, DestinationConfig={"OnFailure": {"Destination": DESTINATION}}
        )
        await until(lambda: server.committed(topic, topic) == 3)
        assert handled(world) == [f"{topic}-0@0", f"{topic}-0@2"]
        [(_, record)] = world.sent
        assert record["requestContext"]["condition"] == "RecordTooLarge"


async def test_the_event(server: KafkaServer, topic: str, source: KafkaTopic) -> None:
    server.send(
        topic, b"\x00\xff", key=b"k", timestamp=1_545_084_650_987,
        headers=[("headerKey", b"he\xff"), ("empty", None)],
    )  # fmt: skip
    server.send(topic, None)
    first, second = await received(source, 2)
    assert source.event([first.record]) == {
        "eventSource": "SelfManagedKafka",
        "bootstrapServers": server.address,
        "records": {
            f"{topic}-0": [
                {
                    "topic": topic,
                    "partition": 0,
                    "offset": 0,
                    "timestamp": 1545084650987,
                    "timestampType": "CREATE_TIME",
                    "key": base64.b64encode(b"k").decode(),
                    "value": base64.b64encode(b"\x00\xff").decode(),
                    "headers": [{"headerKey": [104, 101, -1]}, {"empty": []}],
                }
            ]
        },
    }
    assert first.sent_at_ms == 1545084650987
    assert "key" not in second.record
    assert "value" not in second.record


async def test_where_to_begin(server: KafkaServer, topic: str) -> None:
    server.send(topic, "old")
    latest = {"StartingPosition": "LATEST"}
    source = await opened(server, topic, **latest)
    assert await source.receive(10, 0, frozenset()) == []
    await source.close()
    server.send(topic, "new")
    # After a break, it goes on where it was, although nothing was acknowledged.
    source = await opened(server, topic, **latest)
    [message] = await received(source, 1)
    assert message.receipt == (0, 1)
    await source.close()
    # These brokers know no times: as if all were older.
    other = {"SelfManagedKafkaEventSourceConfig": {"ConsumerGroupId": "other"}}
    source = await opened(
        server, topic, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1.0, **other
    )
    assert await source.receive(10, 0, frozenset()) == []
    assert server.committed("other", topic) == 2
    await source.close()


async def test_a_server_of_ours_that_was_killed(
    server: KafkaServer, topic: str, source: KafkaTopic
) -> None:
    server.send(topic, "a", "b", "c")
    messages = await received(source, 2)
    await source.acknowledge(messages[:1])
    # It is never closed in order, nor is what it holds given back.
    second = await opened(server, topic)
    assert [message.receipt for message in await received(second, 2)] == [(0, 1), (0, 2)]
    await second.close()


async def test_partitions_that_are_busy_wait(server: KafkaServer) -> None:
    topic = server.topic(2)
    source = await opened(server, topic)
    # More than is held of a partition that nobody takes from.
    server.send(topic, *["x" * 300_000] * 8, partition=0)
    server.send(topic, "a", "b", partition=1)
    found = await received(source, 2, f"{topic}-0")
    assert [message.receipt for message in found] == [(1, 0), (1, 1)]
    found = await received(source, 8)
    assert [message.receipt for message in found] == [(0, number) for number in range(8)]
    await source.close()


async def test_a_topic_that_is_missing_and_then_made(server: KafkaServer) -> None:
    source = await opened(server, "later")
    with pytest.raises(SourceFailed, match=r"'later' at .*Unknown topic or partition"):
        await source.receive(1, 0, frozenset())
    server.make("later")
    server.send("later", "a")
    assert [message.receipt for message in await received(source, 1)] == [(0, 0)]
    await source.close()


async def test_new_partitions_are_read_from_their_beginning(server: KafkaServer) -> None:
    topic, now = server.topic(), [0.0]
    mapping = SourceMapping(
        uuid="u", arn="", configuration=parameters(server, topic, StartingPosition="LATEST")
    )
    endpoints = Endpoints({"kafka": f"kafka://{server.address}"})
    brokers = await Brokers.of(endpoints, mapping, no_secrets)
    source = KafkaTopic(brokers, mapping, clock=lambda: now[0])
    server.send(topic, "before")
    assert await source.receive(1, 0, frozenset()) == []
    server.delete(topic)
    server.make(topic, 2)
    server.send(topic, "a", partition=1)
    now[0] += 3600

    async def is_read() -> bool:
        with contextlib.suppress(SourceFailed):  # of what is no more
            found = await source.receive(9, 0, frozenset())
            return any(each.partition == f"{topic}-1" for each in found)
        return False

    await until(is_read)
    await source.close()


async def test_what_is_gone_is_passed(server: KafkaServer, topic: str, source: KafkaTopic) -> None:
    server.send(topic, "a", "b", "c", "d")
    await source.acknowledge(await received(source, 1))
    server.forget(topic, 2)
    second = await opened(server, topic)
    assert [message.receipt for message in await received(second, 2)] == [(0, 2), (0, 3)]
    await second.close()


async def test_a_group_that_has_members(
    server: KafkaServer, topic: str, source: KafkaTopic
) -> None:
    server.send(topic, "a")
    messages = await received(source, 1)
    server.refuse(OFFSET_COMMIT, KafkaError.UNKNOWN_MEMBER_ID)
    with pytest.raises(SourceFailed, match=rf"the consumer group '{topic}' has members"):
        await source.acknowledge(messages)
    await source.acknowledge(messages)
    assert server.committed(topic, topic) == 1


async def test_messages_that_are_larger_than_what_is_received(
    server: KafkaServer, topic: str
) -> None:
    server.send(topic, "x" * 300_000)
    configuration = {"bootstrap.servers": server.address, "group.id": topic, "log_level": 0}
    reader = Reader(configuration, topic, "It", response_bytes_max=100_000)
    try:
        assert reader.partitions() == {0}
        reader.assign({0: 0})
        told: list[str] = []

        async def is_told() -> bool:
            try:
                reader.read(1, 0.1, frozenset())
            except SourceFailed as error:
                told.append(error.message)
            return bool(told)

        await until(is_told)
        assert "larger than 100000 bytes, the most" in told[0]
    finally:
        reader.close()


async def test_times_that_are_none(server: KafkaServer, topic: str, source: KafkaTopic) -> None:
    server.send(topic, "a", timestamp=2**60)
    [message] = await received(source, 1)
    assert message.record["timestamp"] == 2**60
    assert message.sent_at_ms is None


async def test_a_moment_to_begin_at(
    server: KafkaServer, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The brokers of these tests know no times: the answer is made up."""
    asked: list[Any] = []

    def listed(client: Any, offsets: Any, **others: Any) -> dict[Any, Future[Any]]:
        asked.extend(offsets.values())
        answer: Future[Any] = Future()
        answer.set_result(ListOffsetsResultInfo(1, 0, 0))
        return dict.fromkeys(offsets, answer)

    monkeypatch.setattr(AdminClient, "list_offsets", listed)
    server.send(topic, "a", "b")
    source = await opened(
        server, topic, StartingPosition="AT_TIMESTAMP", StartingPositionTimestamp=1_700_000_000.5
    )
    assert [message.receipt for message in await received(source, 1)] == [(0, 1)]
    assert [spec._value for spec in asked] == [1_700_000_000_500]
    await source.close()
