"""Results that go to queues of this server's own: entered once, in the commit that ends the
delivery."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from wasmfaas.outgoing.client import OutgoingClient
from wasmfaas.outgoing.reach import Reach
from wasmfaas.services.webhooks import Webhooks
from wasmfaas.settings import Settings
from wasmfaas.store.database import Database, now_ms
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.deliveries import NewDelivery, insert_delivery
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.store.outbox import Outbox
from wasmfaas.store.queue import EventQueue
from wasmfaas.triggers.carriers import Carriers
from wasmfaas.triggers.own_queues import OwnQueues
from wasmfaas.triggers.sender import Sender

pytestmark = pytest.mark.anyio

ARNS = "arn:aws:sqs:us-east-1:000000000000:"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "database")
    yield database
    database.close()


@pytest.fixture
def queues(database: Database) -> MessageQueues:
    return MessageQueues(database, ARNS, queues_max=9, messages_max=2)


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database, "a")


@pytest.fixture
def events(database: Database) -> Events:
    return Events(database, EventQueue(database, "a", 9))


async def send(
    database: Database, queues: MessageQueues, outbox: Outbox, *deliveries: NewDelivery
) -> None:
    webhooks = Webhooks(Reach(()), OutgoingClient(), "")
    sender = Sender(Settings(), outbox, Carriers(OwnQueues(queues), None, None, webhooks))
    for each in deliveries:

        def put(connection: Connection, each: NewDelivery = each) -> None:
            insert_delivery(connection, each, now_ms(connection))

        await database.run(put)
    await sender.step()
    await sender.settled()


def delivery(name: str, queue: str, body: bytes = b'"b"') -> NewDelivery:
    return NewDelivery(
        id=name, event_id="e", function_name="f", destination=ARNS + queue, body=body,
        attributes={"RequestID": "e", "ErrorCode": 200},
    )  # fmt: skip


@pytest.mark.parametrize("name", ["q", "q.fifo"])
async def test_a_message_arrives_with_its_attributes(
    database: Database, queues: MessageQueues, outbox: Outbox, events: Events, name: str
) -> None:
    await queues.administration.create(name, {"FifoQueue": "true"} if "." in name else {}, {})
    arrival = queues.arrival(name)
    await send(database, queues, outbox, delivery("1", name))
    assert arrival.is_set()
    [message] = await queues.receive(name, limit=10)
    assert (message.id, message.body) == ("1", '"b"')
    assert {key: (each.data_type, each.value) for key, each in message.attributes.items()} == {
        "RequestID": ("String", "e"), "ErrorCode": ("Number", "200")
    }  # fmt: skip
    assert (await events.deliveries())[ARNS + name]["done"] == 1


async def test_what_a_queue_does_not_take_is_a_dead_letter(
    database: Database, queues: MessageQueues, outbox: Outbox, events: Events
) -> None:
    await queues.administration.create("small", {"MaximumMessageSize": "1024"}, {})
    long = delivery("1", "small", b"x" * 2000)
    await send(database, queues, outbox, long, delivery("2", "none"))
    first, second = await events.dead_letters()
    assert (first["id"], second["id"]) == ("1", "2")
    assert "1024" in first["error"]
    assert "sqs_endpoint_url is empty" in second["error"]


async def test_a_full_queue_may_have_room_later(
    database: Database, queues: MessageQueues, outbox: Outbox, events: Events
) -> None:
    await queues.administration.create("q", {}, {})
    await send(database, queues, outbox, *(delivery(f"{n}", "q") for n in range(3)))
    counts = (await events.deliveries())[ARNS + "q"]
    assert (counts["done"], counts["queued"], counts["dead"]) == (2, 1, 0)
