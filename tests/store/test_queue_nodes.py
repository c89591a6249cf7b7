"""Two servers on one PostgreSQL database at the same time."""

import asyncio
from collections.abc import Iterator
from itertools import chain

import pytest

from tests import postgres
from tests.store.test_queue import DONE, attempt, new, states
from wasmfaas.store.database import Database
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.deliveries import NewDelivery, insert_delivery
from wasmfaas.store.outbox import Outbox
from wasmfaas.store.queue import EventQueue

pytestmark = pytest.mark.anyio

EVENTS = 120


@pytest.fixture
def databases(postgres_server: str) -> Iterator[list[Database]]:
    url = postgres.create(postgres_server)
    databases = [Database.open(url) for _ in range(2)]
    yield databases
    for database in databases:
        database.close()


async def test_no_event_is_claimed_by_both(databases: list[Database]) -> None:
    queues = [EventQueue(each, name, 1000) for each, name in zip(databases, "ab", strict=True)]
    await asyncio.gather(*(queues[n % 2].enqueue(new(f"e{n}", f"f{n % 5}")) for n in range(EVENTS)))

    async def drain(queue: EventQueue) -> list[str]:
        ended: list[str] = []
        while claimed := await queue.claim(7):
            for event in claimed:
                assert await queue.settle(event, attempt(event), lambda now: DONE) is not None
                ended.append(event.id)
        return ended

    drained = await asyncio.gather(*map(drain, queues))
    assert sorted(chain(*drained)) == sorted(f"e{n}" for n in range(EVENTS))
    assert await states(Events(databases[0], queues[0])) == {"done": EVENTS}


async def test_no_delivery_is_claimed_by_both(databases: list[Database]) -> None:
    outboxes = [Outbox(each, name) for each, name in zip(databases, "ab", strict=True)]
    for number in range(20):
        row = NewDelivery(
            id=f"{number}", event_id="e", function_name="f", destination=f"d{number % 3}", body=b"b"
        )
        await databases[0].run(lambda connection, row=row: insert_delivery(connection, row, 1))  # type: ignore[misc]

    async def drain(outbox: Outbox) -> list[str]:
        found: list[str] = []
        while claimed := await outbox.claim(2, 1):
            found += [each.id for each in claimed]
        return found

    drained = await asyncio.gather(*map(drain, outboxes))
    assert sorted(chain(*drained)) == sorted(f"{n}" for n in range(20))


async def test_one_key_is_one_event_wherever_it_arrives(databases: list[Database]) -> None:
    queues = [EventQueue(each, name, 1000) for each, name in zip(databases, "ab", strict=True)]
    for number in range(20):
        ids = await asyncio.gather(
            *(queue.enqueue(new(f"{number}{n}"), f"key{number}") for n, queue in enumerate(queues))
        )
        assert len(set(ids)) == 1
    assert await states(Events(databases[0], queues[0])) == {"queued": 20}
