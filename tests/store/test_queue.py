"""The queue: stored before it says so, leased once, ended once, in turns."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, func, select, text
from sqlalchemy import event as sqlalchemy_event

from wasmfaas.errors import InvalidParameterValue, ResourceNotFound, TooManyRequests
from wasmfaas.models import Usage
from wasmfaas.store.database import Database
from wasmfaas.store.dead_letters import Events, Retention
from wasmfaas.store.events import Attempt, Claimed, EventState, NewEvent, Verdict
from wasmfaas.store.queue import KEY_MS, LEASE_EXPIRED, LEASE_MS, EventQueue
from wasmfaas.store.schema import EVENT_ATTEMPTS, EVENTS, LEDGER

pytestmark = pytest.mark.anyio

DONE = Verdict(state=EventState.DONE, failures=0, condition="Success")
DEAD = Verdict(state=EventState.DEAD, failures=3, condition="RetriesExhausted")
EXPIRED = Verdict(state=EventState.EXPIRED, failures=1, condition="EventAgeExceeded")


class Clock:
    """The database's clock, as a test sets it."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self, connection: Connection) -> int:
        return self.now_ms


@pytest.fixture
def database(any_database: Database) -> Database:
    """On SQLite and on PostgreSQL."""
    return any_database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(database: Database, clock: Clock) -> EventQueue:
    return EventQueue(database, "a", 100, clock)


@pytest.fixture
def events(database: Database, queue: EventQueue, clock: Clock) -> Events:
    return Events(database, queue, clock, retention=Retention(done_s=10, dead_letters_s=100))


def new(event_id: str, function: str = "f", **members: Any) -> NewEvent:
    return NewEvent(**{"id": event_id, "function_name": function, "payload": b"{}"} | members)


def attempt(event: Claimed, error_type: str | None = None) -> Attempt:
    usage = Usage(
        request_id=event.id, attempt=event.attempt, function_name=event.function_name,
        function_version="$LATEST", started_at_ms=1, fuel_counted=7, fuel=7, duration_us=1,
        billed_duration_ms=1, cpu_us=1, memory_bytes_peak=1, init_us=None, request_bytes=1,
        response_bytes=1, error_type=error_type,
    )  # fmt: skip
    return Attempt(usage=usage, error_type=error_type, error=error_type)


async def ids_of_claim(queue: EventQueue, limit: int = 10) -> list[str]:
    return [event.id for event in await queue.claim(limit)]


async def states(events: Events) -> dict[str, int]:
    found: dict[str, int] = {}
    for counts in (await events.counts()).values():
        for state, count in counts.items():
            found[state] = found.get(state, 0) + count
    return {state: count for state, count in found.items() if count}


async def test_an_event_is_claimed_as_it_was_enqueued(queue: EventQueue, clock: Clock) -> None:
    asked = new("e", qualifier="prod", payload=b"[1]", client_context="{}", trace_id="t", depth=3)
    assert await queue.enqueue(asked) == "e"
    assert queue.woken.is_set()
    clock.now_ms += 5
    [claimed] = await queue.claim(10)
    assert claimed == Claimed(
        id="e", function_name="f", qualifier="prod", payload=b"[1]", client_context="{}",
        trace_id="t", depth=3, attempt=1, failures=0, delays=0, enqueued_at_ms=1_000_000,
        started_at_ms=1_000_005,
    )  # fmt: skip
    assert await queue.claim(10) == []


async def test_what_ends_an_attempt_is_one_commit(
    queue: EventQueue, events: Events, database: Database
) -> None:
    await queue.enqueue(new("e", payload=b"[1]"))
    [claimed] = await queue.claim(1)
    assert await queue.settle(claimed, attempt(claimed), lambda now: DONE) == DONE
    shown = await events.show("e")
    assert (shown["state"], shown["condition"], shown["attempt"]) == ("done", "Success", 1)
    assert [(row["attempt"], row["fuel"], row["error_type"]) for row in shown["attempts"]] == [
        (1, 7, None)
    ]

    def rows(connection: Connection) -> list[Any]:
        query = select(LEDGER.c.request_id, LEDGER.c.attempt)
        return [tuple(row) for row in connection.execute(query)]

    assert await database.run(rows) == [("e", 1)]


async def test_a_verdict_that_raises_changes_nothing(queue: EventQueue, events: Events) -> None:
    def judge(now_ms: int) -> Verdict:
        raise ResourceNotFound("no verdict")

    await queue.enqueue(new("e"))
    [claimed] = await queue.claim(1)
    with pytest.raises(ResourceNotFound):
        await queue.settle(claimed, attempt(claimed), judge)
    assert (await events.show("e"))["attempts"] == []
    assert await states(events) == {"running": 1}


async def test_a_retry_is_due_when_its_time_has_come(
    queue: EventQueue, clock: Clock, events: Events
) -> None:
    later = Verdict(state=EventState.QUEUED, failures=1, delay_ms=60_000)
    await queue.enqueue(new("e"))
    [claimed] = await queue.claim(1)
    await queue.settle(claimed, attempt(claimed, "ValueError"), lambda now: later)
    clock.now_ms += 59_999
    assert await queue.claim(1) == []
    clock.now_ms += 1
    [again] = await queue.claim(1)
    assert (again.attempt, again.failures, again.enqueued_at_ms) == (2, 1, 1_000_000)
    await queue.settle(again, attempt(again), lambda now: DONE)
    shown = await events.show("e")
    assert [row["error_type"] for row in shown["attempts"]] == ["ValueError", None]


async def test_a_lease_that_ran_out_is_taken_over_and_its_owner_fenced_off(
    database: Database, queue: EventQueue, clock: Clock, events: Events
) -> None:
    other = EventQueue(database, "b", 100, clock)
    await queue.enqueue(new("e"))
    [stale] = await queue.claim(1)
    clock.now_ms += LEASE_MS - 1
    assert await other.claim(1) == []
    await queue.renew()
    clock.now_ms += LEASE_MS - 1
    assert await other.claim(1) == []
    clock.now_ms += 1
    [taken] = await other.claim(1)
    assert (taken.id, taken.attempt) == ("e", 2)
    assert await queue.settle(stale, attempt(stale), lambda now: DEAD) is None
    assert await other.settle(taken, attempt(taken), lambda now: DONE) == DONE
    assert await other.settle(taken, attempt(taken), lambda now: DEAD) is None
    shown = await events.show("e")
    assert shown["state"] == "done"
    history = [(row["attempt"], row["error_type"]) for row in shown["attempts"]]
    assert history == [(1, LEASE_EXPIRED), (2, None)]


async def test_a_server_that_is_alone_need_not_wait_for_leases(
    database: Database, queue: EventQueue, clock: Clock
) -> None:
    await queue.enqueue(new("e"))
    await queue.claim(1)
    other = EventQueue(database, "b", 1, clock)
    await other.resume(alone=False)
    assert await other.claim(1) == []
    await other.resume(alone=True)
    assert await ids_of_claim(other) == ["e"]
    with pytest.raises(TooManyRequests):
        await other.enqueue(new("f"))


async def test_functions_take_turns(queue: EventQueue) -> None:
    for number in range(20):
        await queue.enqueue(new(f"a{number:02}", "a"))
    for name in "bcd":
        await queue.enqueue(new(name, name))
    assert set(await ids_of_claim(queue, 4)) == {"a00", "b", "c", "d"}
    assert await ids_of_claim(queue, 3) == ["a01", "a02", "a03"]
    await queue.enqueue(new("b2", "b"))
    assert await ids_of_claim(queue, 1) == ["b2"]
    assert await ids_of_claim(queue, 1) == ["a04"]


async def test_a_backlog_of_one_function_is_not_in_the_way_of_another(
    queue: EventQueue, database: Database
) -> None:
    """100,000 events of one; another's is in the next claim, found by index."""

    def fill(connection: Connection) -> None:
        numbers = "payload_bytes, depth, attempt, failures, delays, enqueued_at_ms, due_at_ms"
        statement = f"""
            INSERT INTO events (id, function_name, qualifier, state, payload, {numbers})
            WITH RECURSIVE rows (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM rows WHERE n < 100000)
            SELECT CAST(n AS VARCHAR(9)), 'a', '', 'queued', :payload, 1, 0, 0, 0, 0, 1, 1 FROM rows
        """
        connection.execute(text(statement), {"payload": b"1"})
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("ANALYZE events")

    await database.run(fill)
    await queue.enqueue(new("b", "b"))
    assert len({"b"} & set(await ids_of_claim(queue, 2))) == 1
    plans: list[str] = []

    def explained(connection: Connection) -> None:
        how = "EXPLAIN" if connection.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        for query in (
            "SELECT min(function_name) FROM events WHERE state = 'queued' AND function_name > ''",
            "SELECT id FROM events WHERE state = 'queued' AND function_name = 'a' AND "
            "due_at_ms <= 5 ORDER BY due_at_ms LIMIT 2",
        ):
            rows = connection.exec_driver_sql(f"{how} {query}").all()
            plans.append(" ".join(str(row) for row in rows))

    await database.run(explained)
    assert all("events_due" in plan for plan in plans), plans


async def test_a_full_queue_refuses_until_something_ends(queue: EventQueue, clock: Clock) -> None:
    for number in range(100):
        await queue.enqueue(new(f"e{number}"))
    with pytest.raises(TooManyRequests) as caught:
        await queue.enqueue(new("more"))
    assert "--events-max" in caught.value.message
    claimed, *_ = await queue.claim(1)
    await queue.settle(claimed, attempt(claimed), lambda now: DONE)
    await queue.enqueue(new("more"))


async def test_a_key_stands_for_one_event_of_a_function_for_a_day(
    queue: EventQueue, clock: Clock
) -> None:
    assert await queue.enqueue(new("1"), "key") == "1"
    assert await queue.enqueue(new("2"), "key") == "1"
    assert await queue.enqueue(new("3", "g"), "key") == "3"
    assert await queue.enqueue(new("4"), "other") == "4"
    clock.now_ms += KEY_MS
    assert await queue.enqueue(new("5"), "key") == "5"
    assert sorted(await ids_of_claim(queue)) == ["1", "3", "4", "5"]
    for bad in ("", "x" * 257):
        with pytest.raises(InvalidParameterValue):
            await queue.enqueue(new("6"), bad)


async def test_callers_share_a_commit(database: Database, queue: EventQueue) -> None:
    commits = 0

    def count(connection: Connection) -> None:
        nonlocal commits
        commits += 1

    sqlalchemy_event.listen(database._engine, "commit", count)
    await asyncio.gather(*(queue.enqueue(new(f"e{number}")) for number in range(50)))
    assert commits <= 3
    # Not before it is on disk, and not without: what was enqueued is found by another connection.
    query = select(func.count()).select_from(EVENTS)
    assert await database.run(lambda connection: connection.execute(query).scalar_one()) == 50


async def test_a_result_is_sent_in_the_same_commit(queue: EventQueue, events: Events) -> None:
    sent = Verdict(
        state=EventState.DEAD, failures=1, condition="RetriesExhausted",
        events=(new("e2", "on-failure", depth=1),), sent_to="arn",
    )  # fmt: skip
    await queue.enqueue(new("e"))
    [claimed] = await queue.claim(1)
    await queue.settle(claimed, attempt(claimed, "E"), lambda now: sent)
    assert await events.dead_letters() == [], "somebody has it"
    assert await ids_of_claim(queue) == ["e2"]


async def fail(queue: EventQueue, event: NewEvent, verdict: Verdict) -> None:
    await queue.enqueue(event)
    [claimed] = await queue.claim(1)
    await queue.settle(claimed, attempt(claimed, "E"), lambda now: verdict)


async def test_dead_letters_are_listed_shown_and_run_again(
    queue: EventQueue, events: Events, clock: Clock
) -> None:
    await fail(queue, new("1", payload=b"[1]"), DEAD)
    await fail(queue, new("2", "g"), EXPIRED)
    assert [row["id"] for row in await events.dead_letters()] == ["1", "2"]
    assert [row["id"] for row in await events.dead_letters(after="1")] == ["2"]
    assert [row["id"] for row in await events.dead_letters("g")] == ["2"]
    assert (await events.dead_letter("1"))["payload"] == b"[1]"
    clock.now_ms += 10**9
    assert await events.redrive(None, "1") == 1
    assert await events.redrive("f", None) == 0
    [claimed] = await queue.claim(5)
    assert (claimed.id, claimed.attempt, claimed.failures) == ("1", 2, 0)
    assert claimed.enqueued_at_ms == clock.now_ms
    await queue.settle(claimed, attempt(claimed), lambda now: DONE)
    with pytest.raises(ResourceNotFound):
        await events.dead_letter("1")
    assert await events.purge("f", None) == 0
    assert await events.purge(None, None) == 1
    assert await states(events) == {"done": 1}


async def test_what_has_ended_is_forgotten_in_time(
    queue: EventQueue, events: Events, database: Database, clock: Clock
) -> None:
    await fail(queue, new("done"), DONE)
    await fail(queue, new("dead"), DEAD)
    await queue.enqueue(new("waits"))
    clock.now_ms += 10_000
    assert await events.prune() == 1
    clock.now_ms += 90_000 - 1
    assert await events.prune() == 0
    clock.now_ms += 1
    assert await events.prune() == 1
    assert await states(events) == {"queued": 1}
    query = select(func.count()).select_from(EVENT_ATTEMPTS)
    assert await database.run(lambda connection: connection.execute(query).scalar_one()) == 0


async def test_events_that_are_not_there_are_not_found(events: Events) -> None:
    for name in ("no", "\0", "ä"):
        with pytest.raises(ResourceNotFound):
            await events.show(name)


async def test_a_server_that_stood_still_keeps_what_it_runs(
    queue: EventQueue, clock: Clock, events: Events
) -> None:
    await queue.enqueue(new("e"))
    [claimed] = await queue.claim(1)
    clock.now_ms += 10 * LEASE_MS
    assert await queue.claim(1) == []
    queue.let_go("e")
    [again] = await queue.claim(1)
    assert (again.attempt, await queue.settle(claimed, attempt(claimed), lambda now: DEAD)) == (
        2,
        None,
    )
