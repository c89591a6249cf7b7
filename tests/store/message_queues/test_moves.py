"""Messages moved out of a dead-letter queue, on a clock that the test sets."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.store.message_queues.conftest import ARNS, Clock
from wasmfaas.queue_errors import MoveResourceNotFound, QueueParameterInvalid
from wasmfaas.store.database import Database
from wasmfaas.store.message_queues.messages import NewMessage
from wasmfaas.store.message_queues.moves import Move
from wasmfaas.store.message_queues.queues import MessageQueues

pytestmark = pytest.mark.anyio

Create = Callable[..., Awaitable[None]]


async def send(queues: MessageQueues, name: str, *bodies: str, **members: Any) -> None:
    for body in bodies:
        message = NewMessage(body=body, sender_id="s", **members)
        await queues.send(name, message)


async def dead(queues: MessageQueues, create: Create, *bodies: str, name: str = "q") -> None:
    """Queues *name* and `dead`; of the first, messages that are dead letters."""
    suffix = ".fifo" if name.endswith(".fifo") else ""
    if (await queues.administration.page(limit=100, prefix="dead"))[0] == []:
        await create(f"dead{suffix}")
    policy = json.dumps({"deadLetterTargetArn": f"{ARNS}dead{suffix}", "maxReceiveCount": 1})
    await create(name, RedrivePolicy=policy, VisibilityTimeout=0)
    for body in bodies:
        group = {"group_id": "g", "deduplication_id": body} if suffix else {}
        await send(queues, name, body, **group)
    for _ in range(2 * len(bodies) + 1):
        await queues.receive(name, limit=10)


async def bodies(queues: MessageQueues, name: str) -> list[str]:
    return [each.body for each in await queues.receive(name, limit=10, visibility_s=0)]


async def newest(queues: MessageQueues, name: str = "dead") -> Move:
    (move,) = await queues.moves.of(name, 1)
    return move


async def test_messages_go_back_to_where_each_came_from(
    queues: MessageQueues, create: Create
) -> None:
    await dead(queues, create, "a", "b")
    await dead(queues, create, "c", name="other")
    before = await queues.receive("dead", limit=10, visibility_s=0)
    assert len(before) == 3
    await queues.moves.start("dead", None, None)
    assert await queues.move_some() > 0
    move = await newest(queues)
    assert (move.state, move.moved, move.to_move) == ("COMPLETED", 3, 3)
    assert await bodies(queues, "dead") == []
    moved = await queues.receive("q", limit=10)
    assert [each.body for each in moved] == ["a", "b"]
    assert {each.id for each in moved}.isdisjoint(each.id for each in before)
    assert await bodies(queues, "other") == ["c"]
    _, counts = await queues.administration.described("q")
    assert (counts.visible, counts.in_flight) == (2, 0)


async def test_no_more_are_moved_in_a_second_than_was_asked_for(
    database: Database, queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await dead(queues, create, "a", "b", "c", "d", "e")
    await queues.moves.start("dead", None, 2)
    # As on another server, or after a restart.
    other = MessageQueues(database, ARNS, queues_max=5, messages_max=20, clock=clock)
    for moved in (2, 4, 5):
        assert await queues.move_some() == 1.0 or moved == 5
        assert await other.move_some() > 0
        assert (await newest(queues)).moved == moved
        clock.pass_s(1)
    await other.move_some()
    assert (await newest(queues)).state == "COMPLETED"
    # A long pause is not made up for.
    await bodies(queues, "q")
    await bodies(queues, "q")
    await queues.moves.start("dead", None, 2)
    clock.pass_s(1000)
    await other.move_some()
    assert (await newest(queues)).moved == 2


async def test_what_came_later_or_is_in_flight_stays(queues: MessageQueues, create: Create) -> None:
    await dead(queues, create, "a", "b")
    (held,) = await queues.receive("dead", limit=1, visibility_s=60)
    await queues.moves.start("dead", "q", None)
    await send(queues, "dead", "late")
    await queues.move_some()
    assert (await newest(queues)).moved == 1
    assert await bodies(queues, "dead") == ["late"]
    assert held.body not in await bodies(queues, "q")


async def test_a_group_keeps_its_order(queues: MessageQueues, create: Create) -> None:
    await dead(queues, create, "a", "b", "c", name="q.fifo")
    await queues.moves.start("dead.fifo", None, None)
    await queues.move_some()
    found = []
    while messages := await queues.receive("q.fifo", limit=1):
        found += [each.body for each in messages]
        await queues.delete("q.fifo", [each.receipt_handle for each in messages])
    assert found == ["a", "b", "c"]


async def test_what_was_sent_there_has_no_queue_to_go_back_to(
    queues: MessageQueues, create: Create
) -> None:
    await dead(queues, create)
    await send(queues, "dead", "direct")
    await queues.moves.start("dead", None, None)
    await queues.move_some()
    move = await newest(queues)
    assert (move.state, move.failure) == ("FAILED", "CouldNotDetermineMessageSource")
    assert await bodies(queues, "dead") == ["direct"]
    await queues.moves.start("dead", "q", None)
    await queues.move_some()
    assert await bodies(queues, "q") == ["direct"]


async def test_a_queue_that_is_gone_ends_it(queues: MessageQueues, create: Create) -> None:
    await dead(queues, create, "a")
    await create("target")
    await queues.moves.start("dead", "target", None)
    await queues.administration.delete("target")
    await queues.move_some()
    move = await newest(queues)
    assert (move.state, move.failure) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
    assert await bodies(queues, "dead") == ["a"]
    await queues.moves.start("dead", None, None)
    await queues.administration.purge("dead")
    await queues.move_some()
    assert ((await newest(queues)).state, (await newest(queues)).moved) == ("COMPLETED", 0)
    await queues.administration.delete("dead")
    with pytest.raises(MoveResourceNotFound, match="SourceArn parameter doesn't exist"):
        await queues.moves.of("dead", 1)


async def test_a_full_queue_is_waited_for(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await dead(queues, create, "a", "b")
    await create("target")
    await send(queues, "target", *map(str, range(19)))
    await queues.moves.start("dead", "target", None)
    assert await queues.move_some() == 1.0
    assert ((await newest(queues)).state, (await newest(queues)).moved) == ("RUNNING", 1)
    (first,) = await queues.receive("target", limit=1)
    await queues.delete("target", [first.receipt_handle])
    clock.pass_s(1)
    await queues.move_some()
    assert ((await newest(queues)).state, (await newest(queues)).moved) == ("COMPLETED", 2)


async def test_it_can_be_cancelled_once(queues: MessageQueues, create: Create) -> None:
    await dead(queues, create, "a", "b")
    task = await queues.moves.start("dead", None, 1)
    with pytest.raises(QueueParameterInvalid, match="There is already a task running"):
        await queues.moves.start("dead", None, None)
    await queues.move_some()
    assert await queues.moves.cancel(task) == 1
    with pytest.raises(MoveResourceNotFound, match="Task does not exist"):
        await queues.moves.cancel(task)
    assert (await newest(queues)).state == "CANCELLED"
    assert len(await bodies(queues, "dead")) == 1


async def test_what_cannot_be_moved_is_refused(queues: MessageQueues, create: Create) -> None:
    await dead(queues, create)
    await create("target.fifo")
    for source, target, rate, text in (
        ("q", None, None, "Source queue must be configured as a Dead Letter Queue"),
        ("dead", "dead", None, "cannot be the same"),
        ("dead", "target.fifo", None, "must be of the same queue type"),
        ("dead", None, 501, "Must be between 1 and 500"),
    ):
        with pytest.raises(QueueParameterInvalid, match=text):
            await queues.moves.start(source, target, rate)
    for source, target, parameter in (
        ("none", None, "SourceArn"),
        ("dead", "none", "Destination"),
    ):
        with pytest.raises(MoveResourceNotFound, match=parameter):
            await queues.moves.start(source, target, None)


async def test_the_last_ten_are_remembered(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await dead(queues, create)
    for _ in range(12):
        clock.pass_s(1)
        await queues.moves.start("dead", None, None)
        await queues.move_some()
    assert len(await queues.moves.of("dead", 100)) == 10
