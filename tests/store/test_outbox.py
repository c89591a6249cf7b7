"""The outbox: leased once, fenced, in turns; what cannot be sent is a dead letter."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.store.test_queue import Clock
from wasmfaas.errors import ResourceNotFound, StorageFull
from wasmfaas.store.database import Database
from wasmfaas.store.dead_letters import Events, Retention
from wasmfaas.store.deliveries import Delivery, DeliveryEnd, NewDelivery, insert_delivery
from wasmfaas.store.events import EventState
from wasmfaas.store.outbox import LEASE_MS, Entry, Outbox
from wasmfaas.store.queue import EventQueue

pytestmark = pytest.mark.anyio

DONE = DeliveryEnd(EventState.DONE)
DEAD = DeliveryEnd(EventState.DEAD, error="gone\0")


@pytest.fixture
def database(any_database: Database) -> Database:
    """On SQLite and on PostgreSQL."""
    return any_database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def outbox(database: Database, clock: Clock) -> Outbox:
    return Outbox(database, "a", clock)


@pytest.fixture
def events(database: Database, clock: Clock) -> Events:
    queue = EventQueue(database, "a", 100, clock)
    return Events(database, queue, clock, retention=Retention(done_s=10, dead_letters_s=100))


Put = Callable[..., Awaitable[None]]


@pytest.fixture
def put(database: Database, clock: Clock) -> Put:
    async def put(name: str, destination: str = "d", **members: Any) -> None:
        given = {"id": name, "event_id": "e", "function_name": "f", "body": b"b"} | members
        new = NewDelivery(destination=destination, **given)
        await database.run(lambda connection: insert_delivery(connection, new, clock.now_ms))

    return put


async def test_a_delivery_is_claimed_as_it_was_put(outbox: Outbox, put: Put) -> None:
    await put("1", attributes={"a": "x", "b": 7})
    [claimed] = await outbox.claim(10, 10)
    assert claimed == Delivery(
        id="1", event_id="e", function_name="f", destination="d", body=b"b",
        attributes={"a": "x", "b": 7}, attempt=1, failures=0, enqueued_at_ms=1_000_000,
    )  # fmt: skip
    assert await outbox.claim(10, 10) == []


async def test_a_failed_one_is_due_again_and_an_ended_one_never(
    outbox: Outbox, put: Put, clock: Clock
) -> None:
    await put("1")
    [claimed] = await outbox.claim(10, 10)
    later = DeliveryEnd(EventState.QUEUED, delay_ms=1000, error="busy")
    assert await outbox.settle(claimed, lambda now: later) == later
    clock.now_ms += 999
    assert await outbox.claim(10, 10) == []
    clock.now_ms += 1
    [again] = await outbox.claim(10, 10)
    assert (again.attempt, again.failures) == (2, 1)
    assert await outbox.settle(again, lambda now: DONE) == DONE
    clock.now_ms += 10**9
    assert await outbox.claim(10, 10) == []


async def test_a_lost_lease_fences_its_owner_off(
    database: Database, outbox: Outbox, put: Put, clock: Clock, events: Events
) -> None:
    other = Outbox(database, "b", clock)
    await put("1")
    [stale] = await outbox.claim(1, 1)
    clock.now_ms += LEASE_MS - 1
    assert await other.claim(1, 1) == []
    clock.now_ms += 1
    [taken] = await other.claim(1, 1)
    steps: list[str] = []

    def entering(name: str) -> Entry:
        return Entry(lambda connection: steps.append(name), lambda: steps.append(f"{name} is in"))

    assert await outbox.settle(stale, lambda now: DEAD, entering("stale")) is None
    assert await other.settle(taken, lambda now: DONE, entering("taken")) == DONE
    assert await other.settle(taken, lambda now: DEAD) is None
    assert steps == ["taken", "taken is in"]
    assert (await events.deliveries())["d"]["done"] == 1


async def test_a_server_that_is_alone_need_not_wait(
    database: Database, outbox: Outbox, put: Put, clock: Clock
) -> None:
    await put("1")
    await outbox.claim(1, 1)
    other = Outbox(database, "b", clock)
    await other.resume(alone=False)
    assert await other.claim(1, 1) == []
    await other.resume(alone=True)
    assert len(await other.claim(1, 1)) == 1


async def test_a_step_that_fails_ends_nothing(outbox: Outbox, put: Put, events: Events) -> None:
    def full(connection: Connection) -> None:
        raise StorageFull("full")

    await put("1")
    [claimed] = await outbox.claim(1, 1)
    with pytest.raises(StorageFull):
        await outbox.settle(claimed, lambda now: DONE, Entry(full, lambda: None))
    assert (await events.deliveries())["d"]["running"] == 1


async def test_destinations_take_turns_and_have_shares(outbox: Outbox, put: Put) -> None:
    for number in range(10):
        await put(f"a{number}", "a")
    for name in "bc":
        await put(name, name)
    claimed = await outbox.claim(10, 3)
    assert sorted(each.destination for each in claimed) == ["a", "a", "a", "b", "c"]
    assert await outbox.claim(10, 3, ["a"]) == []
    assert len(await outbox.claim(10, 3)) == 3


async def test_what_cannot_be_sent_is_a_dead_letter(
    outbox: Outbox, put: Put, events: Events, clock: Clock
) -> None:
    await put("1", body=b"body")
    [claimed] = await outbox.claim(1, 1)
    await outbox.settle(claimed, lambda now: DEAD)
    [letter] = await events.dead_letters("f")
    assert (letter["id"], letter["destination"], letter["error"]) == ("1", "d", "gone")
    assert (await events.dead_letter("1"))["payload"] == b"body"
    clock.now_ms += 1000
    assert await events.redrive(None, "1") == 1
    [again] = await outbox.claim(1, 1)
    assert (again.attempt, again.failures, again.body) == (2, 0, b"body")
    assert again.enqueued_at_ms == clock.now_ms
    await outbox.settle(again, lambda now: DEAD)
    assert await events.purge("f", None) == 1
    with pytest.raises(ResourceNotFound):
        await events.dead_letter("1")


async def test_what_has_ended_is_forgotten_in_time(
    outbox: Outbox, put: Put, events: Events, clock: Clock
) -> None:
    for name, end in (("1", DONE), ("2", DEAD)):
        await put(name)
        [claimed] = await outbox.claim(1, 1)
        await outbox.settle(claimed, lambda now, end=end: end)  # type: ignore[misc]
    await put("3")
    clock.now_ms += 10_000
    assert await events.prune() == 1
    clock.now_ms += 89_999
    assert await events.prune() == 0
    clock.now_ms += 1
    assert await events.prune() == 1
    assert sum((await events.deliveries())["d"].values()) == 1
