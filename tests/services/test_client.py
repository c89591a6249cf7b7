"""The clients of services elsewhere, on moto's servers and on one that says what a test wants."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer

from wasmfaas.services.arns import MessageArn
from wasmfaas.services.client import Keys, ServiceClient
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.services.sns import Sns
from wasmfaas.services.sqs import Sqs

pytestmark = pytest.mark.anyio

KEYS = Keys("AKIDEXAMPLE", "secret", "token")
REGION = "eu-central-1"
ATTRIBUTES = {"RequestID": "r", "ErrorCode": 200}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of a server of moto's."""
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def boto(service: str, url: str) -> Any:
    return boto3.client(
        service, endpoint_url=url, region_name=REGION,
        aws_access_key_id="a", aws_secret_access_key="b",
    )  # fmt: skip


def arn_of(text: str) -> MessageArn:
    found = MessageArn.parse(text)
    assert found is not None
    assert str(found) == text
    return found


def received(sqs: Any, queue_url: str) -> Any:
    [message] = sqs.receive_message(
        QueueUrl=queue_url, MessageAttributeNames=["All"], AttributeNames=["All"]
    )["Messages"]
    return message


@pytest.mark.parametrize("name", ["plain", "ordered.fifo"])
async def test_messages_reach_queues_with_their_attributes(moto: str, name: str) -> None:
    sqs = boto("sqs", moto)
    fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    queue_url = sqs.create_queue(QueueName=name, Attributes=fifo)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["QueueArn"])
    queue = arn_of(arn["Attributes"]["QueueArn"])
    client = Sqs(ServiceClient("sqs", moto, KEYS))
    for _ in range(2 if fifo else 1):
        await client.send(queue, "m", "g", '{"ä": 1}', ATTRIBUTES)
    message = received(sqs, queue_url)
    assert message["Body"] == '{"ä": 1}'
    assert message["MessageAttributes"] == {
        "RequestID": {"DataType": "String", "StringValue": "r"},
        "ErrorCode": {"DataType": "Number", "StringValue": "200"},
    }
    assert message["Attributes"].get("MessageGroupId") == ("g" if fifo else None)
    answer = await client.call("GetQueueAttributes", queue, {"AttributeNames": ["All"]})
    assert answer["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "1"
    await client.close()
    sqs.close()


async def test_messages_reach_topics_with_their_attributes(moto: str) -> None:
    sns, sqs = boto("sns", moto), boto("sqs", moto)
    topic = sns.create_topic(Name="t")["TopicArn"]
    queue_url = sqs.create_queue(QueueName="subscribed")["QueueUrl"]
    queue_arn = topic.replace(":sns:", ":sqs:").removesuffix(":t") + ":subscribed"
    sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue_arn,
        Attributes={"RawMessageDelivery": "true"},
    )  # fmt: skip
    client = Sns(ServiceClient("sns", moto, KEYS))
    await client.publish(arn_of(topic), "m", "g", "body & more", ATTRIBUTES)
    message = received(sqs, queue_url)
    assert message["Body"] == "body & more"
    assert message["MessageAttributes"]["ErrorCode"]["StringValue"] == "200"
    await client.close()
    sns.close()
    sqs.close()


async def test_what_is_not_there_is_final(moto: str) -> None:
    sqs, sns = Sqs(ServiceClient("sqs", moto, KEYS)), Sns(ServiceClient("sns", moto, KEYS))
    queue = arn_of(f"arn:aws:sqs:{REGION}:123456789012:no")
    with pytest.raises(RemoteFailed, match="does not exist") as failure:
        await sqs.send(queue, "m", "g", "", {})
    assert failure.value.is_final
    topic = arn_of(f"arn:aws:sns:{REGION}:123456789012:no")
    with pytest.raises(RemoteFailed, match="NotFound") as failure:
        await sns.publish(topic, "m", "g", "b", {})
    assert failure.value.is_final
    await sqs.close()
    await sns.close()


@asynccontextmanager
async def answering(text: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request with *text*; its address, and what it was sent."""
    requests: list[bytes] = []
    done = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            requests.append(head + await reader.readexactly(length))
            writer.write(text)
            await writer.drain()
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        done.set()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", requests
    finally:
        server.close()
        # A connection that is closed only with the event loop is a warning, in whatever test.
        if requests:
            await asyncio.wait_for(done.wait(), 60)
        await server.wait_closed()


def response(status: int, body: bytes, **headers: str) -> bytes:
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\n{fields}\r\n".encode() + body


@pytest.mark.parametrize(
    ("answer", "reason", "is_final"),
    [
        (response(400, b'{"__type": "a#QueueDoesNotExist", "message": "m"}',
                  x_amzn_query_error="AWS.SimpleQueueService.NonExistentQueue;Sender"),
         "AWS.SimpleQueueService.NonExistentQueue", True),
        (response(400, b'{"__type": "RequestThrottled"}'), "RequestThrottled", False),
        (response(403, b"<Error><Code>AccessDenied</Code></Error>"), "AccessDenied", True),
        (response(500, b""), "HTTP 500", False),
        (response(429, b"[]"), "HTTP 429", False),
        (response(302, b"", location="http://127.0.0.1:1/"), "HTTP 302", True),
        (response(200, b"[1]"), "InvalidAnswer", False),
        (response(200, b"{"), "InvalidAnswer", False),
        (response(200, b"")[:20], "NotReachable", False),
        (b"garbage\r\n\r\n", "NotReachable", False),
    ],
)  # fmt: skip
async def test_refusals_say_why_and_whether_to_try_again(
    answer: bytes, reason: str, is_final: bool
) -> None:
    async with answering(answer) as (url, _):
        client = ServiceClient("sqs", url, KEYS)
        with pytest.raises(RemoteFailed) as failure:
            await client.call_json("AmazonSQS.SendMessage", REGION, {})
        await client.close()
    assert (failure.value.reason, failure.value.is_final) == (reason, is_final)
    assert "secret" not in failure.value.message


async def test_requests_are_signed_for_the_region_of_the_queue() -> None:
    async with answering(response(200, b"{}")) as (url, requests):
        client = ServiceClient("sqs", url, KEYS, lambda: 0)
        await client.call_json("AmazonSQS.ListQueues", REGION, {"a": 1})
        await client.close()
        head, _, body = requests[0].partition(b"\r\n\r\n")
    assert json.loads(body) == {"a": 1}
    text = head.decode().lower()
    assert f"credential=akidexample/19700101/{REGION}/sqs/aws4_request" in text
    signed = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    assert f"signedheaders={signed}," in text
    assert "x-amz-security-token: token" in text


async def test_without_a_key_nothing_is_signed() -> None:
    async with answering(response(200, b"{}")) as (url, requests):
        client = ServiceClient("sqs", url, Keys("", ""))
        await client.call_json("AmazonSQS.ListQueues", REGION, {})
        await client.close()
    assert b"authorization" not in requests[0].lower()


def test_a_key_does_not_show_its_secret() -> None:
    assert "secret" not in repr(KEYS).replace("secret_access_key", "")
    assert "token'" not in repr(KEYS)


@pytest.mark.parametrize(
    "text",
    ["", "arn:aws:sqs:r:1:q", "arn:aws:lambda:us-east-1:000000000000:function:f",
     "arn:aws:sqs:us-east-1:000000000000:a:b", "arn:aws:sqs:us-east-1:000000000000:q\n"],
)  # fmt: skip
def test_other_arns_are_none(text: str) -> None:
    assert MessageArn.parse(text) is None
