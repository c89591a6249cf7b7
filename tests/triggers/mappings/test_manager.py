"""Mappings from their creation to their deletion: states, changes, and one server for each."""

import asyncio
from pathlib import Path

import pytest

from tests.triggers.mappings.world import MemoryQueue, MemoryStream, World, message, until
from wasmfaas.errors import ResourceNotFound
from wasmfaas.store.event_sources import EventSourceMapping
from wasmfaas.store.polling import LEASE_MS, Polling

pytestmark = pytest.mark.anyio


async def state(world: World, mapping: EventSourceMapping) -> str | None:
    """Lambda's State, None once it is what is wanted."""
    return (await world.mappings.get(mapping.uuid)).state


async def settled(world: World, mapping: EventSourceMapping) -> None:
    async def is_settled() -> bool:
        return await state(world, mapping) is None

    await until(is_settled)


async def test_states(world: World) -> None:
    queue = MemoryQueue(message(0))
    world.functions.gate = asyncio.Event()
    mapping = await world.map(queue)
    assert mapping.state == "Creating"
    await settled(world, mapping)
    await until(lambda: world.functions.running)
    # While a batch runs, it is not disabled, and nothing new begins.
    await world.update(mapping, Enabled=False)
    assert await state(world, mapping) == "Disabling"
    await until(lambda: all(each.calls.is_stopped for each in world.pollers._active.values()))
    queue.send(message(1))
    await asyncio.sleep(0.3)
    assert await state(world, mapping) == "Disabling"
    world.functions.gate.set()
    await settled(world, mapping)
    assert queue.deleted == ["m0"]
    assert [each.id for each in queue.visible] == ["m1"]
    await world.update(mapping, Enabled=True)
    assert await state(world, mapping) == "Enabling"
    await until(lambda: queue.deleted == ["m0", "m1"])
    await settled(world, mapping)


async def test_a_change_is_seen_by_what_comes_after_it(world: World) -> None:
    queue = MemoryQueue()
    mapping = await world.map(queue, BatchSize=5)
    await settled(world, mapping)
    await world.update(mapping, BatchSize=1)
    assert await state(world, mapping) == "Updating"
    await settled(world, mapping)
    queue.send(message(1), message(2))
    await until(lambda: len(queue.deleted) == 2)
    assert [len(batch) for batch in world.functions.batches] == [1, 1]


async def test_a_mapping_is_deleted_when_its_last_batch_is_done(world: World) -> None:
    queue = MemoryQueue(message(0))
    world.functions.gate = asyncio.Event()
    mapping = await world.map(queue)
    await until(lambda: world.functions.running)
    await world.mappings.delete(mapping.uuid)
    assert await state(world, mapping) == "Deleting"
    with pytest.raises(ResourceNotFound):
        await world.mappings.delete(mapping.uuid)
    with pytest.raises(ResourceNotFound):
        await world.update(mapping, BatchSize=1)
    world.functions.gate.set()

    async def is_gone() -> bool:
        try:
            await world.mappings.get(mapping.uuid)
        except ResourceNotFound:
            return True
        return False

    await until(is_gone)
    assert queue.deleted == ["m0"]


async def test_a_source_that_is_none_is_told_and_looked_for_again(world: World) -> None:
    queue = MemoryQueue(message(0))
    mapping = await world.map(queue, is_there=False)

    async def is_told() -> bool:
        return await world.result(mapping) == "PROBLEM: there is no such source"

    await until(is_told)
    world.sources[mapping.source] = queue
    await until(lambda: queue.deleted == ["m0"])


async def test_a_stream_is_polled_by_one_server_at_a_time(tmp_path: Path) -> None:
    stream = MemoryStream(*(message(number, partition="p") for number in range(3)))
    async with World(tmp_path, owner="b") as second:
        async with World(tmp_path, owner="a") as first:
            for world in (first, second):
                world.functions.answer = lambda batch: "Unhandled"
            second.sources["arn:aws:wasmfaas-test:us-east-1:000000000000:s"] = stream
            await first.map(stream)
            await until(lambda: first.functions.batches or second.functions.batches)
            await asyncio.sleep(1.5)
            assert not (first.functions.batches and second.functions.batches)
            loser, winner = sorted((first, second), key=lambda each: len(each.functions.batches))
            assert not loser.functions.batches
            if winner is second:
                return
        # The one that had it is gone; the other goes on with what was not handled.
        second.functions.answer = lambda batch: None
        await until(lambda: len(stream.acknowledged) == 3)


async def test_leases_follow_the_clock_of_the_database(tmp_path: Path) -> None:
    async with World(tmp_path, owner="a") as world:
        mapping = await world.map(MemoryQueue())
        await settled(world, mapping)
        now = [1_000_000_000_000]
        other = Polling(world.database, "b", lambda connection: now[0])
        assert await other.claim(10) == []
        now[0] = 9_000_000_000_000
        assert [each.uuid for each in await other.claim(10)] == [mapping.uuid]
        third = Polling(world.database, "c", lambda connection: now[0])
        now[0] += LEASE_MS - 1
        assert await third.claim(10) == []
        now[0] += 1
        assert [each.uuid for each in await third.claim(10)] == [mapping.uuid]
        assert await other.claim(10) == []
