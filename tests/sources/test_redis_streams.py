"""Streams of a real Redis, by way of the client, the poller and the database."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from redis.asyncio import Redis

from tests.sources.redis_server import RedisServer
from tests.triggers.mappings.world import PREFIX, World, no_secrets, until
from wasmfaas.exposure import named_endpoints
from wasmfaas.models import Usage
from wasmfaas.sources.endpoints import TAG, Endpoints
from wasmfaas.sources.redis_streams import RedisStream, open_source
from wasmfaas.sources.registry import SourceFactories
from wasmfaas.sources.source import SourceFailed, SourceMapping
from wasmfaas.wiring.event_sources import optional_sources

pytestmark = pytest.mark.anyio

DESTINATION = "arn:aws:sqs:us-east-1:000000000000:discarded"


@pytest.fixture(scope="module")
def server() -> Iterator[RedisServer]:
    server = RedisServer()
    server.start()
    yield server
    server.close()


@pytest.fixture(autouse=True)
def empty(server: RedisServer) -> None:
    server.client.flushall()


@pytest.fixture
def endpoints(server: RedisServer) -> Endpoints:
    return Endpoints({"redis": server.url})


@pytest.fixture
async def redis_world(world: World, endpoints: Endpoints) -> World:
    settings = type(world.settings)(
        data_dir=world.settings.data_dir, event_source_endpoints=f"redis={endpoint(endpoints)}"
    )
    world.factories = SourceFactories(optional_sources(settings, no_secrets))
    return world


def endpoint(endpoints: Endpoints) -> str:
    found = endpoints.named("redis")
    assert found is not None
    return found.url


def arn(stream: str) -> str:
    return f"arn:aws:wasmfaas-redis:{PREFIX}:{stream}"


def mapping(stream: str, **configuration: Any) -> SourceMapping:
    given = {"StartingPosition": "TRIM_HORIZON"} | configuration
    return SourceMapping(uuid="u", arn=arn(stream), configuration=given)


def added(server: RedisServer, stream: str, *bodies: str) -> list[str]:
    return [str(server.client.xadd(stream, {"body": body})) for body in bodies]


def pending(server: RedisServer, stream: str) -> int:
    groups: Any = server.client.xinfo_groups(stream)
    return sum(group["pending"] for group in groups)


@pytest.fixture
async def source(endpoints: Endpoints) -> AsyncIterator[RedisStream]:
    source = await open_source(endpoints, mapping("s"))
    assert isinstance(source, RedisStream)
    yield source
    await source.close()


async def received(source: RedisStream, limit: int = 100) -> list[str]:
    return [message.id for message in await source.receive(limit, 0, frozenset())]


async def test_entries_come_in_order_and_poison_goes_to_the_destination(
    redis_world: World, server: RedisServer
) -> None:
    sent = added(server, "s", *(f"{number}" for number in range(20)))
    poison = sent[7]
    redis_world.functions.answer = lambda ids: "Unhandled" if poison in ids else None
    await redis_world.create(
        EventSourceArn=arn("s"), StartingPosition="TRIM_HORIZON", BatchSize=4,
        BisectBatchOnFunctionError=True, MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": DESTINATION}},
    )  # fmt: skip
    await until(lambda: len(redis_world.sent) == 1)
    [(destination, record)] = redis_world.sent
    assert destination == DESTINATION
    assert record["StreamBatchInfo"]["startSequenceNumber"] == poison
    assert record["StreamBatchInfo"]["shardId"] == "s"

    def handled() -> list[str]:
        batches = redis_world.functions.batches
        return [each for batch in batches if poison not in batch for each in batch]

    await until(lambda: len(handled()) == 19)
    assert handled() == [each for each in sent if each != poison]
    await until(lambda: pending(server, "s") == 0)


async def test_nothing_is_acknowledged_before_the_outcome_is_kept(
    redis_world: World, server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeping, kept = asyncio.Event(), asyncio.Event()
    record = redis_world.polling.record

    async def slow(uuid: str, usage: Usage | None, result: str) -> None:
        if usage is not None:
            keeping.set()
            await kept.wait()
        await record(uuid, usage, result)

    monkeypatch.setattr(redis_world.polling, "record", slow)
    added(server, "s", "a", "b")
    await redis_world.create(EventSourceArn=arn("s"), StartingPosition="TRIM_HORIZON")
    await asyncio.wait_for(keeping.wait(), 60)
    assert pending(server, "s") == 2
    assert await redis_world.ledger() == 0
    kept.set()
    await until(lambda: pending(server, "s") == 0)
    assert await redis_world.ledger() == 1


async def test_a_server_that_is_killed_and_comes_back(
    redis_world: World, server: RedisServer
) -> None:
    sent = added(server, "s", "a", "b", "c")
    created = await redis_world.create(
        EventSourceArn=arn("s"), StartingPosition="TRIM_HORIZON", BatchSize=2
    )
    redis_world.functions.gate = asyncio.Event()
    await until(lambda: redis_world.functions.running)
    server.kill()
    redis_world.functions.gate.set()

    async def is_told() -> bool:
        return "ConnectionError" in str(await redis_world.result(created))

    await until(is_told)
    server.start()
    more = added(server, "s", "d")
    await until(lambda: set(sent + more) == set().union(*redis_world.functions.batches))
    await until(lambda: pending(server, "s") == 0)

    async def is_well() -> bool:
        return await redis_world.result(created) == "OK"

    await until(is_well)
    # What had been handled was not handed over again.
    handled = [each for batch in redis_world.functions.batches for each in batch]
    assert handled == sent + more


async def test_a_server_of_ours_that_was_killed(server: RedisServer, endpoints: Endpoints) -> None:
    sent = added(server, "s", "a", "b", "c")
    first = await open_source(endpoints, mapping("s"))
    messages = await first.receive(2, 0, frozenset())
    await first.acknowledge(messages[:1])
    # It is never closed in order, nor is what it holds given back.
    second = await open_source(endpoints, mapping("s"))
    assert isinstance(second, RedisStream)
    assert await received(second) == sent[1:2]
    assert await received(second) == sent[2:]
    assert await received(second) == []
    await first.close()
    await second.close()


async def test_what_a_dead_consumer_left_behind_is_taken_over(
    server: RedisServer, endpoints: Endpoints
) -> None:
    sent = added(server, "s", *(f"{number}" for number in range(25)))
    server.client.xgroup_create("s", "wasmfaas-u", id="0")
    server.client.xreadgroup("wasmfaas-u", "other", {"s": ">"}, count=24)
    client = Redis.from_url(endpoint(endpoints))
    now = [0.0]
    source = RedisStream(client, mapping("s"), "redis", dead_after_s=0.05, clock=lambda: now[0])
    await asyncio.sleep(0.1)
    found = await received(source)
    assert found == sent[:24]
    assert await received(source) == sent[24:]
    await source.close()


async def test_where_to_begin(server: RedisServer, endpoints: Endpoints) -> None:
    old = [str(server.client.xadd("s", {"n": "0"}, id=f"{at}-0")) for at in (1000, 2000, 3000)]
    for uuid, position, expected in (
        ("first", {"StartingPosition": "TRIM_HORIZON"}, old),
        ("last", {"StartingPosition": "LATEST"}, []),
        ("at", {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 2.0}, old[1:]),
        ("zero", {"StartingPosition": "AT_TIMESTAMP", "StartingPositionTimestamp": 0}, old),
    ):
        named = SourceMapping(uuid=uuid, arn=arn("s"), configuration=position)
        source = await open_source(endpoints, named)
        assert isinstance(source, RedisStream)
        assert await received(source) == expected, uuid
        await source.close()
    # After a break, it goes on where it was, whatever the position.
    new = added(server, "s", "new")
    source = await open_source(
        endpoints,
        SourceMapping(uuid="last", arn=arn("s"), configuration={"StartingPosition": "LATEST"}),
    )
    assert isinstance(source, RedisStream)
    assert await received(source) == new
    await source.close()


async def test_entries_that_were_deleted_are_no_more_pending(
    server: RedisServer, endpoints: Endpoints, source: RedisStream
) -> None:
    sent = added(server, "s", "a", "b", "c")
    assert await received(source) == sent
    server.client.xdel("s", sent[1])
    again = await open_source(endpoints, mapping("s"))
    assert isinstance(again, RedisStream)
    assert await received(again) == [sent[0], sent[2]]
    assert pending(server, "s") == 2
    await again.close()


async def test_a_stream_that_is_deleted_begins_anew(
    server: RedisServer, source: RedisStream
) -> None:
    sent = added(server, "s", "a")
    [message] = await source.receive(10, 0, frozenset())
    assert message.id == sent[0]
    server.client.delete("s")
    sent = added(server, "s", "b")
    await until(lambda: received_is(source, sent))
    await source.acknowledge([message])


async def received_is(source: RedisStream, expected: list[str]) -> bool:
    return await received(source) == expected


async def test_the_record(server: RedisServer, source: RedisStream) -> None:
    fields: Any = {"text": "hällo", b"raw": b"\x00\xff", "json": json.dumps({"a": 1})}
    entry = server.client.xadd("s", fields)
    small = server.client.xadd("small", {"a": "b"}, id="5-1")
    [message] = await source.receive(10, 0, frozenset())
    assert message.record == {
        "messageId": entry,
        "eventSource": "wasmfaas:redis",
        "eventSourceARN": arn("s"),
        "awsRegion": "us-east-1",
        "stream": "s",
        "fields": {"text": "hällo", "json": '{"a": 1}'},
        "binaryFields": {"raw": base64.b64encode(b"\x00\xff").decode()},
    }
    assert message.partition == "s"
    assert message.sent_at_ms == int(str(entry).split("-")[0])
    assert small == "5-1"
    assert await source.receive(10, 0, frozenset(("s",))) == []


async def test_ids_that_are_no_times(server: RedisServer, endpoints: Endpoints) -> None:
    for entry in ("5-1", f"{2**64 - 1}-1"):
        server.client.xadd("s", {"a": "b"}, id=entry)
    source = await open_source(endpoints, mapping("s"))
    messages = await source.receive(10, 0, frozenset())
    assert [message.sent_at_ms for message in messages] == [None, None]
    await source.close()


async def test_what_is_wrong_is_told_without_passwords() -> None:
    locked = RedisServer(password="right")
    try:
        locked.start()
        url = f"unix://:wr0ng@{locked.socket}"
        source = await open_source(Endpoints(named_endpoints(f"redis={url}")), mapping("s"))
        with pytest.raises(SourceFailed, match=r"'s' at 'redis': .*password") as failed:
            await source.receive(1, 0, frozenset())
        assert "wr0ng" not in failed.value.message
        await source.close()
    finally:
        locked.close()


async def test_a_key_that_is_no_stream(server: RedisServer, source: RedisStream) -> None:
    server.client.set("s", "text")
    with pytest.raises(SourceFailed, match="WRONGTYPE"):
        await source.receive(1, 0, frozenset())


async def test_an_endpoint_by_another_name(endpoints: Endpoints) -> None:
    tagged = SourceMapping(uuid="u", arn=arn("s"), configuration={}, tags={TAG: "other"})
    with pytest.raises(SourceFailed, match=r"WASMFAAS_EVENT_SOURCE_ENDPOINTS=other=redis://"):
        await open_source(endpoints, tagged)
    both = Endpoints({"redis": "redis://nowhere.invalid", "other": endpoint(endpoints)})
    source = await open_source(both, tagged)
    assert await source.receive(1, 0, frozenset()) == []
    await source.close()
    with pytest.raises(SourceFailed, match=r"of nats://, but this source needs redis://"):
        await open_source(Endpoints({"other": "nats://host"}), tagged)
