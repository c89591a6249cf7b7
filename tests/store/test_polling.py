"""Who polls which mapping, on either database, and several servers at once."""

import asyncio
import time
from collections.abc import Iterator

import pytest
from sqlalchemy import Connection, select, text, update

from tests import postgres
from tests.triggers.mappings.world import QUEUE, outcome
from wasmfaas.api import event_sources
from wasmfaas.errors import ResourceNotFound
from wasmfaas.store.database import Database
from wasmfaas.store.event_sources import EventSourceMapping, EventSourceMappings
from wasmfaas.store.polling import LEASE_MS, Polling
from wasmfaas.store.schema import EVENT_SOURCE_MAPPINGS, LEDGER

pytestmark = pytest.mark.anyio


class Clock:
    """The database's clock, as a test sets it."""

    def __init__(self) -> None:
        self.now_ms = 4_000_000_000_000

    def __call__(self, connection: Connection) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


def uuid(number: int) -> str:
    return f"00000000-0000-0000-0000-{number:012}"


async def made(mappings: EventSourceMappings, count: int) -> None:
    for number in range(count):
        source = f"{QUEUE}{number}"
        configuration = event_sources.created({"EventSourceArn": source}, uuid(number))
        mapping = EventSourceMapping(
            uuid=uuid(number), function_name="f", qualifier="", source=source,
            configuration=configuration,
        )  # fmt: skip
        await mappings.create(mapping, lambda other: AssertionError(other))


@pytest.fixture
def mappings(any_database: Database) -> EventSourceMappings:
    mappings = EventSourceMappings(any_database)
    mappings.is_polled = True
    return mappings


async def claimed(polling: Polling, limit: int = 100) -> list[str]:
    return [mapping.uuid for mapping in await polling.claim(limit)]


async def test_a_lease_holds_until_it_ends_or_is_given_back(
    any_database: Database, mappings: EventSourceMappings, clock: Clock
) -> None:
    await made(mappings, 3)
    one, other = (Polling(any_database, name, clock) for name in "ab")
    assert await claimed(one, 2) == [uuid(0), uuid(1)]
    assert await claimed(other) == [uuid(2)]
    clock.now_ms += LEASE_MS // 2
    assert await claimed(one) == [uuid(0), uuid(1)]
    clock.now_ms += LEASE_MS // 2
    # What is its own comes before what it could have besides.
    assert await claimed(one, 2) == [uuid(0), uuid(1)]
    assert await claimed(other) == [uuid(2)]
    await other.close()
    assert await claimed(one) == [uuid(0), uuid(1), uuid(2)]
    assert await claimed(other) == []


async def test_what_was_done_about_a_mapping_is_done_about_that_revision(
    any_database: Database, mappings: EventSourceMappings, clock: Clock
) -> None:
    await made(mappings, 1)
    polling = Polling(any_database, "a", clock)
    [before] = await polling.claim(9)
    assert before.state == "Creating"
    await mappings.update(uuid(0), lambda mapping: mapping, lambda other: AssertionError(other))
    await polling.seen(before)
    [after] = await polling.claim(9)
    assert after.state == "Updating"
    await polling.seen(after)
    assert (await mappings.get(uuid(0))).state is None
    deleted = await mappings.delete(uuid(0))
    await polling.remove(deleted)
    [leaving] = await polling.claim(9)
    assert leaving.state == "Deleting"
    await polling.remove(leaving)
    with pytest.raises(ResourceNotFound):
        await mappings.get(uuid(0))


async def test_what_a_batch_used_is_in_the_ledger_once(
    any_database: Database, mappings: EventSourceMappings, clock: Clock
) -> None:
    await made(mappings, 1)
    polling = Polling(any_database, "a", clock)
    usage = outcome("f", "r", b"null", None).usage
    for result in ("OK", "PROBLEM: \0\ud800"):
        await polling.record(uuid(0), usage, result)
    rows = await any_database.run(
        lambda connection: connection.execute(select(LEDGER.c.request_id)).all()
    )
    assert [row.request_id for row in rows] == ["r"]
    assert str((await mappings.get(uuid(0))).result).startswith("PROBLEM: ")


@pytest.fixture
def two(postgres_server: str) -> Iterator[list[Database]]:
    url = postgres.create(postgres_server)
    databases = [Database.open(url) for _ in range(2)]
    yield databases
    for database in databases:
        database.close()


async def test_servers_share_mappings_out_at_the_same_time(two: list[Database]) -> None:
    await made(EventSourceMappings(two[0]), 20)
    servers = [Polling(database, name) for database, name in zip(two, "ab", strict=True)]
    found = await asyncio.gather(*(claimed(servers[n % 2], 3 * (n + 1)) for n in range(8)))
    assert all(set(one).isdisjoint(other) for one in found[::2] for other in found[1::2])
    rest = await asyncio.gather(*map(claimed, servers))
    assert sorted([*rest[0], *rest[1]]) == [uuid(n) for n in range(20)]


async def test_what_somebody_changes_just_now_is_still_polled(two: list[Database]) -> None:
    await made(EventSourceMappings(two[0]), 1)
    polling = Polling(two[0], "a")
    assert await claimed(polling) == [uuid(0)]
    locked, loop = asyncio.Event(), asyncio.get_running_loop()

    def change(connection: Connection) -> None:
        chosen = EVENT_SOURCE_MAPPINGS.c.uuid == uuid(0)
        connection.execute(update(EVENT_SOURCE_MAPPINGS).where(chosen).values(result="changed"))
        loop.call_soon_threadsafe(locked.set)
        # Until the other has come to where this has locked.
        waits = text("select count(*) from pg_locks where not granted")
        while not connection.execute(waits).scalar_one():
            time.sleep(0.01)

    changing = asyncio.ensure_future(two[1].run(change))
    await locked.wait()
    assert await claimed(polling) == [uuid(0)]
    await changing
