"""Messages: sent, hidden, received again, deleted, dead-lettered, in order where it is kept."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event as sqlalchemy_event

from tests.store.message_queues.conftest import ARNS, Clock
from wasmfaas.queue_errors import (
    MessageNotInflight,
    PurgeInProgress,
    QueueAttributeNameInvalid,
    QueueAttributeValueInvalid,
    QueueDoesNotExist,
    QueueError,
    QueueFull,
    QueueNameExists,
    QueueOperationUnsupported,
    QueueOverLimit,
    QueueParameterInvalid,
    QueueParameterMissing,
    ReceiptHandleInvalid,
)
from wasmfaas.store.database import Database
from wasmfaas.store.message_queues import queues as queues_module
from wasmfaas.store.message_queues.messages import MessageAttribute, NewMessage
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.store.message_queues.sending import DEDUPLICATION_MS

pytestmark = pytest.mark.anyio

Create = Callable[..., Any]


def redrive(queue: str, receives: int = 1) -> str:
    return json.dumps({"deadLetterTargetArn": ARNS + queue, "maxReceiveCount": receives})


def grouped(group: str, body: str, deduplication_id: str | None = None) -> NewMessage:
    return NewMessage(body=body, group_id=group, deduplication_id=deduplication_id or body)


async def bodies(queues: MessageQueues, name: str, limit: int = 10, **options: Any) -> list[str]:
    return [each.body for each in await queues.receive(name, limit=limit, **options)]


async def counts(queues: MessageQueues, name: str) -> tuple[int, int, int]:
    _, found = await queues.administration.described(name)
    return found.visible, found.in_flight, found.delayed


async def only(failures: list[QueueError | None]) -> None:
    """Raise what went wrong with the one of a batch."""
    (failure,) = failures
    if failure is not None:
        raise failure


async def test_a_message_is_received_as_it_was_sent(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q")
    attributes = {
        "text": MessageAttribute("String.label", "a"),
        "bytes": MessageAttribute("Binary", b"\0\xff"),
    }
    message = NewMessage(
        body="tabs\tand 💚", attributes=attributes, sender_id="me", trace_header="Root=1"
    )
    sent = await queues.send("q", message)
    sent_at = clock.now_ms
    clock.pass_s(2)
    (received,) = await queues.receive("q", limit=10)
    assert (received.id, received.body, received.attributes) == (
        sent.message_id, message.body, attributes,
    )  # fmt: skip
    assert sent.sequence_number is None
    assert received.md5_of_body == sent.md5_of_body
    assert received.system_attributes() == {
        "SenderId": "me",
        "SentTimestamp": str(sent_at),
        "ApproximateReceiveCount": "1",
        "ApproximateFirstReceiveTimestamp": str(clock.now_ms),
        "AWSTraceHeader": "Root=1",
    }


async def test_what_was_received_is_hidden_until_its_time_is_up(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q", VisibilityTimeout=10)
    await queues.send("q", NewMessage(body="m"))
    assert await bodies(queues, "q") == ["m"]
    assert await counts(queues, "q") == (0, 1, 0)
    clock.pass_s(9.999)
    assert await bodies(queues, "q") == []
    clock.pass_s(0.001)
    (again,) = await queues.receive("q", visibility_s=0)
    assert again.receives == 2
    assert await bodies(queues, "q") == ["m"]


async def test_visibility_is_changed_by_the_last_receive_only(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q")
    await queues.send("q", NewMessage(body="m"))
    (first,) = await queues.receive("q", visibility_s=1)
    clock.pass_s(1)
    with pytest.raises(MessageNotInflight):
        await only(await queues.change_visibility("q", [(first.receipt_handle, 5)]))
    (second,) = await queues.receive("q", visibility_s=1)
    with pytest.raises(QueueParameterInvalid, match="not available"):
        await only(await queues.change_visibility("q", [(first.receipt_handle, 0)]))
    await only(await queues.change_visibility("q", [(second.receipt_handle, 60)]))
    clock.pass_s(59)
    assert await bodies(queues, "q") == []
    await only(await queues.change_visibility("q", [(second.receipt_handle, 0)]))
    assert await bodies(queues, "q") == ["m"]


async def test_a_message_is_hidden_for_twelve_hours_at_most(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q")
    await queues.send("q", NewMessage(body="m"))
    (received,) = await queues.receive("q", visibility_s=100)
    clock.pass_s(50)
    with pytest.raises(QueueParameterInvalid, match="beyond the limit"):
        await only(await queues.change_visibility("q", [(received.receipt_handle, 43_200)]))
    await only(await queues.change_visibility("q", [(received.receipt_handle, 43_150)]))


async def test_a_handle_of_an_earlier_receive_deletes_nothing(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q")
    await queues.send("q", NewMessage(body="m"))
    (first,) = await queues.receive("q", visibility_s=1)
    clock.pass_s(1)
    (second,) = await queues.receive("q", visibility_s=1)
    await only(await queues.delete("q", [first.receipt_handle]))
    assert await counts(queues, "q") == (0, 1, 0)
    clock.pass_s(1)
    # The last one deletes, even where its time is up; and once more, nothing.
    for _ in range(2):
        await only(await queues.delete("q", [second.receipt_handle]))
    assert await counts(queues, "q") == (0, 0, 0)


@pytest.mark.parametrize("handle", ["", "x", "é", "a" * 5000, "\ud800", "cS8wMC8x"])
async def test_a_handle_that_is_none_is_refused(
    queues: MessageQueues, create: Create, handle: str
) -> None:
    await create("q")
    for failures in (
        await queues.delete("q", [handle]),
        await queues.change_visibility("q", [(handle, 1)]),
    ):
        assert isinstance(failures[0], ReceiptHandleInvalid)


async def test_a_handle_of_another_queue_is_refused(queues: MessageQueues, create: Create) -> None:
    await create("q")
    await create("other")
    await queues.send("q", NewMessage(body="m"))
    (received,) = await queues.receive("q")
    with pytest.raises(ReceiptHandleInvalid):
        await only(await queues.delete("other", [received.receipt_handle]))


async def test_delays_of_messages_and_of_queues(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q", DelaySeconds=60)
    await queues.send("q", NewMessage(body="later"))
    await queues.send("q", NewMessage(body="now", delay_s=0))
    assert await counts(queues, "q") == (1, 0, 1)
    assert await bodies(queues, "q") == ["now"]
    clock.pass_s(60)
    assert "later" in await bodies(queues, "q")


async def test_messages_that_fail_too_often_go_to_the_dead_letter_queue(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("dead")
    await create("q", RedrivePolicy=redrive("dead", 2), VisibilityTimeout=1)
    sent = await queues.send("q", NewMessage(body="poison"))
    sent_at = str(clock.now_ms)
    for _ in range(2):
        assert await bodies(queues, "q") == ["poison"]
        clock.pass_s(1)
    assert await bodies(queues, "dead") == []
    await queues.send("q", NewMessage(body="fine"))
    assert await bodies(queues, "q") == ["fine"]
    (dead,) = await queues.receive("dead")
    assert dead.id == sent.message_id
    told = dead.system_attributes()
    assert told["DeadLetterQueueSourceArn"] == ARNS + "q"
    assert (told["ApproximateReceiveCount"], told["SentTimestamp"]) == ("3", sent_at)
    assert await counts(queues, "q") == (0, 1, 0)
    assert await counts(queues, "dead") == (0, 1, 0)


async def test_without_its_dead_letter_queue_a_message_stays(
    queues: MessageQueues, create: Create
) -> None:
    await create("dead")
    await create("q", RedrivePolicy=redrive("dead"))
    await queues.administration.delete("dead")
    await queues.send("q", NewMessage(body="m"))
    for _ in range(3):
        assert await bodies(queues, "q", visibility_s=0) == ["m"]


@pytest.mark.parametrize(
    ("policy", "message"),
    [
        (redrive("absent"), "does not exist"),
        (redrive("q"), "does not exist"),
        (redrive("dead.fifo"), "same type"),
        ("[]", "not a valid JSON map"),
        ("{", "not a valid JSON map"),
        ('{"maxReceiveCount": 1}', "mandatory attribute: deadLetterTargetArn"),
        (f'{{"deadLetterTargetArn": "{ARNS}dead"}}', "mandatory attribute: maxReceiveCount"),
        (redrive("dead", 0), "from 1 to 1000"),
        (redrive("dead", 1001), "from 1 to 1000"),
        ('{"deadLetterTargetArn": "dummy", "maxReceiveCount": 1}', "deadLetterTargetArn"),
        ('{"deadLetterTargetArn": 7, "maxReceiveCount": 1}', "deadLetterTargetArn"),
        ("[" * 2000, "not a valid JSON map"),
    ],
)
async def test_redrive_policies_that_are_none(
    queues: MessageQueues, create: Create, policy: str, message: str
) -> None:
    await create("dead.fifo")
    await create("dead")
    await create("q")
    with pytest.raises(QueueParameterInvalid, match=message):
        await queues.administration.set_attributes("q", {"RedrivePolicy": policy})
    queue = await queues.administration.get("q")
    assert queue.attributes.redrive is None


async def test_a_dead_letter_queue_says_whose_it_is(queues: MessageQueues, create: Create) -> None:
    allow = {"redrivePermission": "byQueue", "sourceQueueArns": [ARNS + "ours"]}
    await create("dead", RedriveAllowPolicy=json.dumps(allow))
    await create("ours", RedrivePolicy=redrive("dead"))
    with pytest.raises(QueueOperationUnsupported):
        await create("theirs", RedrivePolicy=redrive("dead"))
    sources, more = await queues.administration.page(limit=10, dead_letters_to="dead")
    assert (sources, more) == (["ours"], False)
    await queues.administration.set_attributes("ours", {"RedrivePolicy": ""})
    assert await queues.administration.page(limit=10, dead_letters_to="dead") == ([], False)


async def test_a_fifo_queue_keeps_the_order_of_each_group(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q.fifo")
    for body in ("a1", "b1", "a2", "a3", "b2"):
        await queues.send("q.fifo", grouped(body[0], body))
    first = await queues.receive("q.fifo", limit=2, visibility_s=5)
    assert [each.body for each in first] == ["a1", "a2"]
    assert first[0].sequence_number < first[1].sequence_number  # type: ignore[operator]
    assert len(first[0].sequence_number or "") == 20
    # a is in flight, so a3 waits.
    assert await bodies(queues, "q.fifo", visibility_s=5) == ["b1", "b2"]
    await only(await queues.delete("q.fifo", [first[0].receipt_handle]))
    assert await bodies(queues, "q.fifo") == []
    clock.pass_s(5)
    assert sorted(await bodies(queues, "q.fifo")) == ["a2", "a3", "b1", "b2"]


async def test_a_group_is_received_up_to_the_first_that_is_hidden(
    queues: MessageQueues, create: Create
) -> None:
    await create("q.fifo")
    for body in ("1", "2", "3"):
        await queues.send("q.fifo", grouped("g", body))
    received = await queues.receive("q.fifo", limit=3)
    await queues.change_visibility("q.fifo", [(received[0].receipt_handle, 0)])
    assert await bodies(queues, "q.fifo") == ["1"]


async def test_groups_take_turns(queues: MessageQueues, create: Create) -> None:
    await create("q.fifo")
    for body in ("a1", "a2", "b1", "c1"):
        await queues.send("q.fifo", grouped(body[0], body))
    found = [await bodies(queues, "q.fifo", 1, visibility_s=0) for _ in range(4)]
    assert found == [["a1"], ["b1"], ["c1"], ["a1"]]


async def test_an_expired_handle_deletes_nothing_of_a_fifo_queue(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q.fifo")
    await queues.send("q.fifo", grouped("g", "m"))
    (received,) = await queues.receive("q.fifo", visibility_s=1)
    clock.pass_s(1)
    with pytest.raises(QueueParameterInvalid, match=r"The receipt handle has expired\."):
        await only(await queues.delete("q.fifo", [received.receipt_handle]))
    (again,) = await queues.receive("q.fifo", visibility_s=1)
    with pytest.raises(QueueParameterInvalid, match="expired"):
        await only(await queues.delete("q.fifo", [received.receipt_handle]))
    await only(await queues.delete("q.fifo", [again.receipt_handle]))
    assert await counts(queues, "q.fifo") == (0, 0, 0)


async def test_what_was_sent_within_five_minutes_is_not_sent_again(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q.fifo")
    first = await queues.send("q.fifo", grouped("g", "one", "id"))
    (received,) = await queues.receive("q.fifo")
    await only(await queues.delete("q.fifo", [received.receipt_handle]))
    clock.now_ms += DEDUPLICATION_MS - 1
    again = await queues.send("q.fifo", grouped("h", "other", "id"))
    assert (again.message_id, again.sequence_number) == (first.message_id, first.sequence_number)
    assert await bodies(queues, "q.fifo") == []
    clock.now_ms += 1
    await queues.send("q.fifo", grouped("g", "two", "id"))
    assert await bodies(queues, "q.fifo") == ["two"]


async def test_deduplication_by_contents_and_by_group(
    queues: MessageQueues, create: Create
) -> None:
    await create("c.fifo", ContentBasedDeduplication="true", DeduplicationScope="messageGroup")
    for group in ("g", "g", "h"):
        await queues.send("c.fifo", NewMessage(body="same", group_id=group))
    received = await queues.receive("c.fifo", limit=10)
    assert [each.group_id for each in received] == ["g", "h"]
    assert received[0].deduplication_id == received[1].deduplication_id
    await create("p.fifo")
    with pytest.raises(QueueParameterInvalid, match="ContentBasedDeduplication"):
        await queues.send("p.fifo", NewMessage(body="m", group_id="g"))


@pytest.mark.parametrize(
    ("queue", "message", "error"),
    [
        ("q.fifo", NewMessage(body="m", deduplication_id="1"), QueueParameterMissing),
        ("q.fifo", NewMessage(body="m", group_id="g", deduplication_id="1", delay_s=1),
         QueueParameterInvalid),
        ("q.fifo", grouped("", "m"), QueueParameterInvalid),
        ("q.fifo", grouped("a b", "m"), QueueParameterInvalid),
        ("q.fifo", grouped("g", "m", "x" * 129), QueueParameterInvalid),
        ("q", NewMessage(body="m", deduplication_id="1"), QueueParameterInvalid),
        ("q", NewMessage(body="m", delay_s=901), QueueParameterInvalid),
        ("q", NewMessage(body="m", delay_s=-1), QueueParameterInvalid),
        ("q", NewMessage(body=""), QueueParameterMissing),
        ("q", NewMessage(body="x" * 1025), QueueParameterInvalid),
        ("absent", NewMessage(body="m"), QueueDoesNotExist),
        ("\ud800", NewMessage(body="m"), QueueDoesNotExist),
    ],
)  # fmt: skip
async def test_messages_that_a_queue_does_not_take(
    queues: MessageQueues, create: Create, queue: str, message: NewMessage, error: type[QueueError]
) -> None:
    await create("q", MaximumMessageSize=1024)
    await create("q.fifo")
    with pytest.raises(error):
        await queues.send(queue, message)
    assert await counts(queues, "q") == await counts(queues, "q.fifo") == (0, 0, 0)


async def test_in_a_batch_each_message_stands_for_itself(
    queues: MessageQueues, create: Create
) -> None:
    await create("q")
    results = await queues.send_all("q", [NewMessage(body=body) for body in ("a", "", "b")])
    assert [isinstance(each, QueueError) for each in results] == [False, True, False]
    assert sorted(await bodies(queues, "q")) == ["a", "b"]


async def test_a_full_queue_takes_no_more(queues: MessageQueues, create: Create) -> None:
    await create("q")
    await queues.send_all("q", [NewMessage(body="m")] * 1)
    results = await queues.send_all("q", [NewMessage(body="m") for _ in range(20)])
    assert [type(each) for each in results if isinstance(each, QueueError)] == [QueueFull]
    (received,) = await queues.receive("q")
    await queues.delete("q", [received.receipt_handle])
    await queues.send("q", NewMessage(body="m"))


async def test_no_more_messages_are_in_flight_than_may_be(
    queues: MessageQueues, create: Create, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queues_module, "IN_FLIGHT_MAX", 3)
    await create("q")
    await create("q.fifo")
    for number in range(5):
        await queues.send("q", NewMessage(body="m"))
        await queues.send("q.fifo", grouped(str(number), str(number)))
    for name in ("q", "q.fifo"):
        for _ in range(3):
            assert len(await queues.receive(name)) == 1
    with pytest.raises(QueueOverLimit, match="3 messages of the queue q are in flight"):
        await queues.receive("q")
    assert await queues.receive("q.fifo") == []


async def test_what_is_kept_for_long_enough_goes(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q", MessageRetentionPeriod=60)
    await queues.send("q", NewMessage(body="old"))
    clock.pass_s(30)
    await queues.send("q", NewMessage(body="new"))
    clock.pass_s(30)
    assert await bodies(queues, "q", visibility_s=0) == ["new"]
    assert await queues.prune() == 1
    assert await counts(queues, "q") == (1, 0, 0)


async def test_purging_takes_everything_once_a_minute(
    queues: MessageQueues, create: Create, clock: Clock
) -> None:
    await create("q.fifo")
    await queues.send("q.fifo", grouped("g", "m", "id"))
    (received,) = await queues.receive("q.fifo")
    await queues.administration.purge("q.fifo")
    with pytest.raises(PurgeInProgress, match="every 60 seconds"):
        await queues.administration.purge("q.fifo")
    await only(await queues.delete("q.fifo", [received.receipt_handle]))
    await queues.send("q.fifo", grouped("g", "m", "id"))
    assert await counts(queues, "q.fifo") == (1, 0, 0)
    assert await queues.prune() == 3, "a message, its deduplication id, and the note of both"
    assert await counts(queues, "q.fifo") == (1, 0, 0)
    clock.pass_s(60)
    await queues.administration.purge("q.fifo")


async def test_a_queue_is_made_once(queues: MessageQueues, create: Create, clock: Clock) -> None:
    await create("q", DelaySeconds=1)
    made = await queues.administration.get("q")
    clock.pass_s(1)
    await create("q")
    await create("q", DelaySeconds=1, VisibilityTimeout=30)
    assert await queues.administration.get("q") == made
    with pytest.raises(QueueNameExists, match="different value for attribute DelaySeconds"):
        await create("q", DelaySeconds=2)
    for name in ("a", "b", "c", "d"):
        await create(name)
    with pytest.raises(QueueOverLimit, match=r"at most 5 may be \(--queues-max\)"):
        await create("e")
    assert await queues.administration.page(limit=2, after="a") == (["b", "c"], True)
    assert await queues.administration.page(limit=2, prefix="q") == (["q"], False)


async def test_a_queue_of_the_same_name_is_another(queues: MessageQueues, create: Create) -> None:
    await create("q")
    await queues.send("q", NewMessage(body="m"))
    (received,) = await queues.receive("q")
    await queues.administration.delete("q")
    with pytest.raises(QueueDoesNotExist):
        await queues.receive("q")
    with pytest.raises(QueueDoesNotExist):
        await queues.administration.delete("q")
    await create("q")
    await queues.send("q", NewMessage(body="n"))
    await only(await queues.delete("q", [received.receipt_handle]))
    await queues.prune()
    assert await counts(queues, "q") == (1, 0, 0)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("VisibilityTimeout", "43201", QueueAttributeValueInvalid),
        ("VisibilityTimeout", "-1", QueueAttributeValueInvalid),
        ("VisibilityTimeout", "٣", QueueAttributeValueInvalid),
        ("DelaySeconds", "901", QueueAttributeValueInvalid),
        ("MaximumMessageSize", "1023", QueueAttributeValueInvalid),
        ("MaximumMessageSize", "1048577", QueueAttributeValueInvalid),
        ("MessageRetentionPeriod", "59", QueueAttributeValueInvalid),
        ("ReceiveMessageWaitTimeSeconds", "21", QueueAttributeValueInvalid),
        ("SqsManagedSseEnabled", "yes", QueueAttributeValueInvalid),
        ("Policy", "{", QueueAttributeValueInvalid),
        ("Policy", '"' + "x" * 30_000 + '"', QueueAttributeValueInvalid),
        ("QueueArn", "x", QueueAttributeNameInvalid),
        ("ContentBasedDeduplication", "true", QueueAttributeNameInvalid),
        ("FifoThroughputLimit", "perQueue", QueueAttributeNameInvalid),
        ("FifoQueue", "true", QueueAttributeNameInvalid),
        ("FifoQueue", "false", QueueAttributeNameInvalid),
        ("\ud800", "x", QueueAttributeNameInvalid),
        ("RedriveAllowPolicy", '{"redrivePermission": "byQueue"}', QueueParameterInvalid),
        ("RedriveAllowPolicy", '{"redrivePermission": ["x"]}', QueueParameterInvalid),
    ],
)
async def test_attributes_that_are_refused(
    queues: MessageQueues, create: Create, name: str, value: str, error: type[QueueError]
) -> None:
    await create("q")
    with pytest.raises(error):
        await queues.administration.set_attributes("q", {name: value})


@pytest.mark.parametrize("name", ["", "a b", "x" * 81, "q.fifo", "é", "\ud800", "a/b"])
async def test_names_that_are_none(queues: MessageQueues, name: str) -> None:
    with pytest.raises(QueueParameterInvalid):
        await queues.administration.create(name, {}, {})


async def test_a_receive_waits_for_what_is_sent(queues: MessageQueues, create: Create) -> None:
    await create("q")
    waiting = asyncio.create_task(bodies(queues, "q", wait_s=20))
    await asyncio.sleep(0.05)
    await queues.send("q", NewMessage(body="m"))
    assert await asyncio.wait_for(waiting, 15) == ["m"]


async def test_a_receive_ends_when_the_server_does(queues: MessageQueues, create: Create) -> None:
    await create("q", ReceiveMessageWaitTimeSeconds=20)
    waiting = asyncio.create_task(bodies(queues, "q"))
    await asyncio.sleep(0.05)
    queues.stop()
    assert await asyncio.wait_for(waiting, 15) == []


async def test_a_message_is_part_of_the_transaction_that_sends_it(
    queues: MessageQueues, create: Create, database: Database
) -> None:
    await create("q")
    arrival = queues.arrival("q")

    def fails(connection: Any) -> None:
        queues.insert(connection, "q", NewMessage(body="never"))
        raise ValueError

    with pytest.raises(ValueError):  # noqa: PT011
        await database.run(fails)
    await database.run(lambda connection: queues.insert(connection, "q", NewMessage(body="m")))
    queues.notify("q")
    assert arrival.is_set()
    assert await bodies(queues, "q") == ["m"]


async def test_many_senders_share_a_commit(
    queues: MessageQueues, create: Create, database: Database
) -> None:
    await create("q")
    commits: list[int] = []
    sqlalchemy_event.listen(database._engine, "commit", lambda connection: commits.append(1))
    await asyncio.gather(*(queues.send("q", NewMessage(body="m")) for _ in range(20)))
    assert await counts(queues, "q") == (20, 0, 0)
    assert len(commits) <= 4


def test_names_are_read_from_arns(queues: MessageQueues) -> None:
    assert queues.name_of(queues.arn("q.fifo")) == "q.fifo"
    for foreign in ("arn:aws:sqs:eu-west-1:000000000000:q", ARNS, "q", f"{ARNS}a b"):
        assert queues.name_of(foreign) is None
