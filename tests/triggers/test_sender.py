"""Deliveries from the outbox to their destinations, and what becomes of those that do not
arrive."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from wasmfaas.errors import StorageFull
from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.outgoing.reach import Reach
from wasmfaas.services.arns import MessageArn
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.services.webhooks import Webhooks
from wasmfaas.settings import Settings
from wasmfaas.store.database import Database
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.deliveries import Delivery, NewDelivery, insert_delivery
from wasmfaas.store.outbox import Entry, Outbox
from wasmfaas.store.queue import EventQueue
from wasmfaas.triggers.carriers import Carriers
from wasmfaas.triggers.sender import Sender

pytestmark = pytest.mark.anyio

BUSY = RemoteFailed("busy", reason="HTTP 503")
GONE = RemoteFailed("gone", reason="HTTP 410", is_final=True)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class World:
    """A sender on a real outbox, at a time that passes when a test says so; it is the carrier,
    too."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.now_ms = 1_000_000
        self.carried: list[Delivery] = []
        self.results: list[Exception | Entry | None] = []
        #: Destinations that do not answer before this is set.
        self.hanging: set[str] = set()
        self.let_go = asyncio.Event()
        self.database = database
        self.outbox = Outbox(database, "a", self._clock)
        self.events = Events(database, EventQueue(database, "a", 9, self._clock), self._clock)
        self.sender = Sender(Settings(**settings), self.outbox, self)

    def _clock(self, connection: Connection) -> int:
        return self.now_ms

    async def carry(self, delivery: Delivery) -> Entry | None:
        self.carried.append(delivery)
        if delivery.destination in self.hanging:
            await self.let_go.wait()
        result = self.results.pop(0) if self.results else None
        if isinstance(result, Exception):
            raise result
        return result

    async def put(self, name: str = "1", destination: str = "d") -> None:
        new = NewDelivery(
            id=name, event_id="e", function_name="f", destination=destination, body=b"b"
        )
        await self.database.run(lambda connection: insert_delivery(connection, new, self.now_ms))

    async def run(self, after_s: float = 0) -> int:
        """Let time pass and send what is due; how many attempts began."""
        self.now_ms += round(after_s * 1000)
        before = len(self.carried)
        await self.sender.step()
        await self.sender.settled()
        return len(self.carried) - before

    async def states(self) -> dict[str, int]:
        counts = (await self.events.deliveries())["d"]
        return {state: count for state, count in counts.items() if count}


class NoQueues:
    """A server that has none of its own."""

    async def entry(self, queue: MessageArn, delivery: Delivery) -> Entry | None:
        return None


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "database")
    yield database
    database.close()


@pytest.fixture
def world(database: Database) -> World:
    return World(database, delivery_age_s_max=600, deliveries_concurrency_max=8)


async def test_a_delivery_that_arrives_is_sent_once(world: World) -> None:
    await world.put()
    assert [await world.run(after) for after in (0, 1000)] == [1, 0]
    assert await world.states() == {"done": 1}


async def test_failures_back_off_until_it_is_too_old(world: World) -> None:
    world.results = [BUSY] * 20
    await world.put()
    assert await world.run() == 1
    for delay in (1, 2, 4, 8, 16, 32, 64, 128, 256):
        assert await world.run(delay - 0.001) == 0
        assert await world.run(0.001) == 1
    assert await world.states() == {"expired": 1}
    [letter] = await world.events.dead_letters()
    assert (letter["error"], letter["attempt"]) == ("busy", 10)


async def test_what_can_never_arrive_ends_at_once(world: World) -> None:
    world.results = [GONE]
    await world.put()
    assert [await world.run(after) for after in (0, 1000)] == [1, 0]
    assert await world.states() == {"dead": 1}


async def test_a_defect_of_ours_is_no_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.results = [KeyError("ours")]
    await world.put()
    assert [await world.run(after) for after in (0, 1)] == [1, 1]
    assert await world.states() == {"done": 1}
    assert "could not be sent" in caplog.text


async def test_a_message_to_a_queue_of_ours_is_entered_with_the_end(world: World) -> None:
    entered: list[str] = []

    def refusing(connection: Connection) -> None:
        raise GONE

    told: list[str] = []
    entering = Entry(lambda connection: entered.append("1"), lambda: told.append("1"))
    world.results = [entering, Entry(refusing, lambda: told.append("2"))]
    await world.put("1")
    await world.run()
    await world.put("2")
    await world.run()
    assert entered == told == ["1"]
    assert await world.states() == {"done": 1, "dead": 1}


async def test_an_end_that_cannot_be_stored_is_stored_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = [StorageFull("full"), StorageFull("full")]
    monkeypatch.setattr("wasmfaas.triggers.sender._TROUBLE_S", 0.001)

    def step(connection: Connection) -> None:
        if failures:
            raise failures.pop()

    world.results = [Entry(step, lambda: None)]
    await world.put()
    assert await world.run() == 1
    assert await world.states() == {"done": 1}


async def test_a_destination_that_hangs_stops_no_other(world: World) -> None:
    world.hanging = {"slow"}
    for number in range(20):
        await world.put(f"slow{number}", "slow")
    for _ in range(3):
        await world.sender.step()
    for number in range(5):
        await world.put(f"d{number}")
    async with asyncio.timeout(100):
        while await world.states() != {"done": 5}:
            await world.sender.step()
            await asyncio.sleep(0.001)
    assert sum(each.destination == "slow" for each in world.carried) == 2
    world.let_go.set()
    await world.sender.close()


@pytest.mark.parametrize(
    ("destination", "said"),
    [("arn:aws:sqs:us-east-1:000000000000:q", "sqs_endpoint_url is empty"),
     ("arn:aws:sns:us-east-1:000000000000:q", "sns_endpoint_url is empty"),
     ("arn:aws:events:us-east-1:000000000000:event-bus/b", "nothing that can be sent to"),
     ("https://example.com/", "webhook_signing_secret")],
)  # fmt: skip
async def test_what_this_server_cannot_reach_says_why(destination: str, said: str) -> None:
    carriers = Carriers(NoQueues(), None, None, Webhooks(Reach(()), OutgoingClient(), ""))
    delivery = Delivery(
        id="1", event_id="e", function_name="f", destination=destination, body=b"b", attempt=1,
        failures=0, enqueued_at_ms=1,
    )  # fmt: skip
    with pytest.raises(RemoteFailed, match=said) as failure:
        await carriers.carry(delivery)
    assert failure.value.is_final
    await carriers.close()
