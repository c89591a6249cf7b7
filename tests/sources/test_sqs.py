"""Queues at another server, moto's, by way of the client, the poller and the database."""

import json
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from tests.triggers.mappings.world import World, until
from wasmfaas.services.arns import MessageArn
from wasmfaas.services.client import Keys, ServiceClient
from wasmfaas.services.sqs import Sqs
from wasmfaas.sources.source import SourceFailed
from wasmfaas.sources.sqs import SqsQueue

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def client(endpoint: str) -> Any:
    return boto3.client(
        "sqs",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
    )


@pytest.fixture
async def sqs(endpoint: str) -> AsyncIterator[Sqs]:
    sqs = Sqs(ServiceClient("sqs", endpoint, Keys("x", "x")))
    yield sqs
    await sqs.close()


def arn(name: str) -> MessageArn:
    # The account that moto is.
    parsed = MessageArn.parse(f"arn:aws:sqs:us-east-1:123456789012:{name}")
    assert parsed is not None
    return parsed


def made(client: Any, name: str, **attributes: str) -> str:
    return str(client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def left(client: Any, url: str) -> tuple[int, int]:
    """Messages that are there, and those that are hidden."""
    names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=list(names))["Attributes"]
    return int(found[names[0]]), int(found[names[1]])


async def test_queue_function_dead_letter(world: World, client: Any, sqs: Sqs) -> None:
    dead = made(client, "dead")
    policy = {"deadLetterTargetArn": str(arn("dead")), "maxReceiveCount": 2}
    url = made(client, "work", VisibilityTimeout="1", RedrivePolicy=json.dumps(policy))
    sent = [client.send_message(QueueUrl=url, MessageBody=f"{n}")["MessageId"] for n in range(12)]
    poison = sent[3]

    def answer(ids: list[str]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": e} for e in ids if e == poison]}

    world.functions.answer = answer
    await world.map(SqsQueue(sqs, arn("work")), FunctionResponseTypes=["ReportBatchItemFailures"])
    await until(lambda: left(client, dead)[0] == 1)
    assert left(client, url) == (0, 0)
    [message] = client.receive_message(QueueUrl=dead)["Messages"]
    assert message["MessageId"] == poison
    assert {each for batch in world.functions.batches for each in batch} == set(sent)


async def test_the_record_has_what_was_sent(client: Any, sqs: Sqs) -> None:
    url = made(client, "records")
    attribute = {"raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}
    sent = client.send_message(QueueUrl=url, MessageBody="hällo", MessageAttributes=attribute)
    source = SqsQueue(sqs, arn("records"))
    [message] = await source.receive(10, 1, frozenset())
    assert source.hold_s == 30
    assert message.id == sent["MessageId"]
    assert message.data == {"body": "hällo"}
    assert message.record["md5OfBody"] == sent["MD5OfMessageBody"]
    assert message.record["eventSourceARN"] == str(arn("records"))
    assert message.record["messageAttributes"] == {
        "raw": {
            "binaryValue": "AP8=", "stringListValues": [], "binaryListValues": [],
            "dataType": "Binary",
        }
    }  # fmt: skip
    assert message.record["attributes"]["ApproximateReceiveCount"] == "1"
    assert source.event([message.record]) == {"Records": [message.record]}


async def test_what_is_given_back_comes_again_and_what_is_extended_does_not(
    client: Any, sqs: Sqs
) -> None:
    url = made(client, "visibility", VisibilityTimeout="2")
    for number in range(11):
        client.send_message(QueueUrl=url, MessageBody=f"{number}")
    source = SqsQueue(sqs, arn("visibility"))
    received = [*await source.receive(11, 0, frozenset()), *await source.receive(1, 0, frozenset())]
    assert len(received) == 11
    await source.extend(received)
    assert left(client, url) == (0, 11)
    await source.fail(received[:3], at_once=False)
    assert left(client, url) == (0, 11)
    await source.fail(received, at_once=True)
    assert left(client, url) == (11, 0)
    again = [*await source.receive(10, 0, frozenset()), *await source.receive(10, 0, frozenset())]
    await source.acknowledge(again)
    assert left(client, url) == (0, 0)


async def test_a_queue_that_is_not_there(client: Any, sqs: Sqs) -> None:
    # The peers of other tests share their queues with this one, within a process.
    name = f"later-{uuid.uuid4().hex}"
    source = SqsQueue(sqs, arn(name))
    with pytest.raises(SourceFailed, match="NonExistentQueue"):
        await source.receive(1, 0, frozenset())
    made(client, name)
    assert list(await source.receive(1, 0, frozenset())) == []
