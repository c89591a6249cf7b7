"""The built-in queue on a real server: through boto3, and in the protocol of older SDKs."""

import contextlib
import json
import threading
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode, urlsplit
from xml.etree import ElementTree

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from tests.conftest import REGION, Server

ACCOUNT = "000000000000"
NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


@pytest.fixture(scope="module")
def sqs(server: Server) -> Iterator[Any]:
    with contextlib.closing(server.client("sqs", read_timeout=60)) as client:
        yield client


@pytest.fixture
def name() -> str:
    return f"q-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def url(sqs: Any, name: str) -> Iterator[str]:
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    yield url
    sqs.delete_queue(QueueUrl=url)


def form(server: Server, path: str = "/", signed_for: str = "sqs", **fields: str) -> httpx.Response:
    """A request in the query protocol, signed by botocore."""
    body = urlencode(fields)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    request = AWSRequest("POST", server.url + path, headers, body)
    key = Credentials(server.credentials.access_key_id, server.credentials.secret)
    SigV4Auth(key, signed_for, REGION).add_auth(request)
    return httpx.post(request.url, content=body, headers=dict(request.headers), timeout=60)


def texts(answer: httpx.Response, name: str) -> list[str | None]:
    tree = ElementTree.fromstring(answer.content)
    return [element.text for element in tree.iter(NAMESPACE + name)]


def error_of(answer: httpx.Response) -> str | None:
    return texts(answer, "Code")[0]


def refused(call: Any, **members: Any) -> tuple[str, int, str]:
    """Code, status and text of the error that *call* ends in."""
    with pytest.raises(ClientError) as caught:
        call(**members)
    response = caught.value.response
    error = response["Error"]
    return error["Code"], response["ResponseMetadata"]["HTTPStatusCode"], error["Message"]


def test_queue_to_dead_letter_queue(server: Server, sqs: Any, url: str, name: str) -> None:
    assert url == f"{server.url}/{ACCOUNT}/{name}"
    dead = sqs.create_queue(QueueName=f"{name}-dead", tags={"a": "b"})["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    policy = json.dumps({"deadLetterTargetArn": f"{arn}-dead", "maxReceiveCount": 1})
    sqs.set_queue_attributes(
        QueueUrl=url, Attributes={"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    )
    attributes = {
        "kind": {"DataType": "String", "StringValue": "é\r\n"},
        "kind.of": {"DataType": "Number", "StringValue": "1"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\0\xff"},
    }
    sent = sqs.send_message(QueueUrl=url, MessageBody="é\r\n💚", MessageAttributes=attributes)
    (received,) = sqs.receive_message(
        QueueUrl=url, MessageSystemAttributeNames=["All"], MessageAttributeNames=["All"]
    )["Messages"]
    assert (received["Body"], received["MessageAttributes"]) == ("é\r\n💚", attributes)
    assert received["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert received["Attributes"]["SenderId"].startswith("AIDA")
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    (gone,) = sqs.receive_message(
        QueueUrl=dead, AttributeNames=["All"], MessageAttributeNames=["kind.*"]
    )["Messages"]
    assert gone["Attributes"]["DeadLetterQueueSourceArn"] == arn
    assert gone["MessageAttributes"].keys() == {"kind", "kind.of"}
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=gone["ReceiptHandle"])
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [url]
    assert sqs.list_queue_tags(QueueUrl=dead)["Tags"] == {"a": "b"}
    sqs.tag_queue(QueueUrl=dead, Tags={"c": "d"})
    sqs.untag_queue(QueueUrl=dead, TagKeys=["a"])
    assert sqs.list_queue_tags(QueueUrl=dead)["Tags"] == {"c": "d"}
    sqs.delete_queue(QueueUrl=dead)


def test_queues_are_listed_by_pages(sqs: Any, name: str) -> None:
    urls = [sqs.create_queue(QueueName=f"{name}-{n}")["QueueUrl"] for n in range(3)]
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix=name, PaginationConfig={"PageSize": 2}
    )
    assert [page["QueueUrls"] for page in pages] == [urls[:2], urls[2:]]
    assert sqs.get_queue_url(QueueName=f"{name}-1")["QueueUrl"] == urls[1]
    for url in urls:
        sqs.delete_queue(QueueUrl=url)
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=name)


def test_attributes_have_the_defaults_of_sqs(sqs: Any, url: str) -> None:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    for computed in ("QueueArn", "CreatedTimestamp", "LastModifiedTimestamp"):
        assert found.pop(computed)
    assert found == {
        "ApproximateNumberOfMessages": "0", "ApproximateNumberOfMessagesDelayed": "0",
        "ApproximateNumberOfMessagesNotVisible": "0", "DelaySeconds": "0",
        "MaximumMessageSize": "1048576", "MessageRetentionPeriod": "345600",
        "ReceiveMessageWaitTimeSeconds": "0", "SqsManagedSseEnabled": "true",
        "VisibilityTimeout": "30",
    }  # fmt: skip
    assert "Attributes" not in sqs.get_queue_attributes(QueueUrl=url)


def test_batches_of_a_fifo_queue(sqs: Any, name: str) -> None:
    url = sqs.create_queue(QueueName=f"{name}.fifo", Attributes={"FifoQueue": "true"})["QueueUrl"]
    sent = sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {"Id": str(n), "MessageBody": str(n), "MessageGroupId": "g",
             "MessageDeduplicationId": str(n), "DelaySeconds": n // 2}
            for n in range(3)
        ],
    )  # fmt: skip
    assert [each["Id"] for each in sent["Successful"]] == ["0", "1"]
    (failed,) = sent["Failed"]
    assert (failed["Id"], failed["Code"], failed["SenderFault"]) == (
        "2", "InvalidParameterValue", True,
    )  # fmt: skip
    received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert [each["Body"] for each in received] == ["0", "1"]
    entries = [
        {"Id": each["Body"], "ReceiptHandle": each["ReceiptHandle"]} for each in received
    ] + [{"Id": "bad", "ReceiptHandle": "none"}]
    changed = sqs.change_message_visibility_batch(
        QueueUrl=url, Entries=[{**entry, "VisibilityTimeout": 60} for entry in entries]
    )
    deleted = sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    for result in (changed, deleted):
        assert [each["Id"] for each in result["Successful"]] == ["0", "1"]
        assert [each["Code"] for each in result["Failed"]] == ["ReceiptHandleIsInvalid"]
    sqs.purge_queue(QueueUrl=url)
    code, status, _ = refused(sqs.purge_queue, QueueUrl=url)
    assert (code, status) == ("AWS.SimpleQueueService.PurgeQueueInProgress", 403)
    sqs.delete_queue(QueueUrl=url)


def test_a_receive_waits_for_a_message(sqs: Any, url: str) -> None:
    later = threading.Timer(0.3, lambda: sqs.send_message(QueueUrl=url, MessageBody="m"))
    later.start()
    assert len(sqs.receive_message(QueueUrl=url, WaitTimeSeconds=20)["Messages"]) == 1
    later.join()


def test_a_message_may_have_a_megabyte(sqs: Any, url: str) -> None:
    body = "é\n" * (1_048_576 // 3) + "x"
    assert len(body.encode()) == 1_048_576
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == body
    code, status, text = refused(sqs.send_message, QueueUrl=url, MessageBody=body + "x")
    assert (code, status) == ("InvalidParameterValue", 400)
    assert "shorter than 1048576 bytes" in text
    halves = [{"Id": n, "MessageBody": "x" * 524_289} for n in "ab"]
    code, status, text = refused(sqs.send_message_batch, QueueUrl=url, Entries=halves)
    assert (code, status) == ("AWS.SimpleQueueService.BatchRequestTooLong", 400)
    assert "You have sent 1048578 bytes." in text


BATCH = {"Id": "a", "MessageBody": "m"}


@pytest.mark.parametrize(
    ("operation", "members", "code"),
    [
        ("get_queue_url", {"QueueName": "absent"}, "AWS.SimpleQueueService.NonExistentQueue"),
        ("create_queue", {"QueueName": "a b"}, "InvalidParameterValue"),
        ("create_queue", {"QueueName": "a", "Attributes": {"Policy": "{"}},
         "InvalidAttributeValue"),
        ("create_queue", {"QueueName": "a", "Attributes": {"None": "1"}}, "InvalidAttributeName"),
        ("list_queues", {"MaxResults": 1001}, "InvalidParameterValue"),
        ("list_queues", {"MaxResults": 1, "NextToken": "é"}, "InvalidParameterValue"),
        ("send_message", {"QueueUrl": "nonsense", "MessageBody": "m"}, "InvalidAddress"),
        ("send_message", {"QueueUrl": "http://x/111111111111/q", "MessageBody": "m"},
         "AWS.SimpleQueueService.NonExistentQueue"),
        ("send_message", {"MessageBody": ""}, "MissingParameter"),
        ("send_message", {"MessageBody": "\0"}, "InvalidMessageContents"),
        ("send_message", {"MessageBody": "\x01"}, "InvalidMessageContents"),
        ("send_message", {"MessageBody": "m", "DelaySeconds": 901}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": "m", "MessageAttributes": {"a": {
            "DataType": "String", "StringListValues": ["x"]}}}, "InvalidParameterValue"),
        ("send_message", {"MessageBody": "m", "MessageAttributes": {"a": {
            "DataType": "Binary"}}}, "InvalidParameterValue"),
        ("send_message_batch", {"Entries": []}, "AWS.SimpleQueueService.EmptyBatchRequest"),
        ("send_message_batch", {"Entries": [BATCH, BATCH]},
         "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"),
        ("send_message_batch", {"Entries": [BATCH | {"Id": "a b"}]},
         "AWS.SimpleQueueService.InvalidBatchEntryId"),
        ("send_message_batch", {"Entries": [BATCH] * 11},
         "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"),
        ("receive_message", {"MaxNumberOfMessages": 11}, "InvalidParameterValue"),
        ("receive_message", {"MaxNumberOfMessages": 0}, "InvalidParameterValue"),
        ("receive_message", {"WaitTimeSeconds": 21}, "InvalidParameterValue"),
        ("receive_message", {"VisibilityTimeout": 43_201}, "InvalidParameterValue"),
        ("receive_message", {"AttributeNames": ["None"]}, "InvalidAttributeName"),
        ("get_queue_attributes", {"AttributeNames": ["None"]}, "InvalidAttributeName"),
        ("delete_message", {"ReceiptHandle": "x"}, "ReceiptHandleIsInvalid"),
        ("change_message_visibility", {"ReceiptHandle": "x", "VisibilityTimeout": 1},
         "ReceiptHandleIsInvalid"),
        ("add_permission", {"Label": "l", "AWSAccountIds": ["1"], "Actions": ["*"]},
         "AWS.SimpleQueueService.UnsupportedOperation"),
        ("set_queue_attributes", {"Attributes": {"QueueArn": "x"}}, "InvalidAttributeName"),
        ("tag_queue", {"Tags": {"x" * 129: ""}}, "InvalidParameterValue"),
    ],
)  # fmt: skip
def test_bad_input_gets_the_errors_of_sqs(
    sqs: Any, url: str, operation: str, members: dict[str, Any], code: str
) -> None:
    if operation not in ("create_queue", "get_queue_url", "list_queues"):
        members = {"QueueUrl": url, **members}
    found, status, text = refused(getattr(sqs, operation), **members)
    assert found == code
    assert 400 <= status < 500
    assert text


def test_json_that_does_not_fit_is_refused(server: Server, sqs: Any, url: str) -> None:
    def ask(operation: str, body: bytes) -> httpx.Response:
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}"}
        request = AWSRequest("POST", server.url + "/", headers, body)
        key = Credentials(server.credentials.access_key_id, server.credentials.secret)
        SigV4Auth(key, "sqs", REGION).add_auth(request)
        return httpx.post(
            server.url + "/", content=body, headers=dict(request.headers), timeout=120
        )

    for operation, body in (
        ("SendMessage", b""),
        ("SendMessage", b"["),
        ("SendMessage", b"[" * 100_000),
        ("SendMessage", b'{"QueueUrl": 7}'),
        ("SendMessage", json.dumps({"QueueUrl": url}).encode()),
        ("SendMessage", b'{"MessageBody": "\\ud800"}'),
        ("SendMessageBatch", json.dumps({"QueueUrl": url, "Entries": [None]}).encode()),
        ("SendMessageBatch", json.dumps({"QueueUrl": url, "Entries": [{"Id": "a"}]}).encode()),
        ("SendMessage", b"x" * (5 * 1024 * 1024)),
        ("Strange", b"{}"),
    ):
        answer = ask(operation, body)
        assert 400 <= answer.status_code < 500, (operation, body[:50])
        assert answer.headers["x-amzn-query-error"].endswith(";Sender")
        assert answer.json()["message"]
    answer = httpx.post(
        server.url + "/", headers={"X-Amz-Target": "AmazonSQS.ListQueues"}, timeout=120
    )
    assert answer.json()["__type"] == "MissingAuthenticationTokenException"


def test_the_query_protocol(server: Server, sqs: Any, url: str) -> None:
    path = urlsplit(url).path
    sent = form(
        server, path, Action="SendMessage", MessageBody="a\r\n<é>&",
        **{"MessageAttribute.1.Name": "n", "MessageAttribute.1.Value.DataType": "Binary",
           "MessageAttribute.1.Value.BinaryValue": "AP8="},
    )  # fmt: skip
    assert sent.status_code == 200
    received = form(
        server, Action="ReceiveMessage", QueueUrl=url, MaxNumberOfMessages="2",
        **{"AttributeName.1": "All", "MessageAttributeName.1": "n"},
    )  # fmt: skip
    assert texts(received, "Body") == ["a\r\n<é>&"]
    assert texts(received, "MessageId") == texts(sent, "MessageId")
    assert texts(received, "MD5OfMessageAttributes") == texts(sent, "MD5OfMessageAttributes")
    assert texts(received, "BinaryValue") == ["AP8="]
    assert {"SenderId", "SentTimestamp", "n"} <= set(texts(received, "Name"))
    handle = texts(received, "ReceiptHandle")[0] or ""
    deleted = form(
        server, path, Action="DeleteMessageBatch",
        **{"DeleteMessageBatchRequestEntry.1.Id": "a", "DeleteMessageBatchRequestEntry.2.Id": "b",
           "DeleteMessageBatchRequestEntry.1.ReceiptHandle": handle,
           "DeleteMessageBatchRequestEntry.2.ReceiptHandle": "x"},
    )  # fmt: skip
    assert texts(deleted, "Id") == ["a", "b"]
    assert texts(deleted, "Code") == ["ReceiptHandleIsInvalid"]
    changes = {"Attribute.1.Name": "DelaySeconds", "Attribute.1.Value": "5"}
    assert form(server, path, Action="SetQueueAttributes", **changes).status_code == 200
    asked = {"AttributeName.1": "DelaySeconds", "AttributeName.2": "VisibilityTimeout"}
    told = form(server, path, Action="GetQueueAttributes", **asked)
    found = dict(zip(texts(told, "Name"), texts(told, "Value"), strict=True))
    assert found == {"DelaySeconds": "5", "VisibilityTimeout": "30"}
    tags = {"Tag.1.Key": "k", "Tag.1.Value": "v"}
    assert form(server, path, Action="TagQueue", **tags).status_code == 200
    assert texts(form(server, path, Action="ListQueueTags"), "Key") == ["k"]
    assert url in texts(form(server, Action="ListQueues"), "QueueUrl")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"Action": "GetQueueUrl", "QueueName": "absent"},
         "AWS.SimpleQueueService.NonExistentQueue"),
        ({"Action": "Strange"}, "InvalidAction"),
        ({}, "InvalidAction"),
        ({"Action": "GetQueueUrl"}, "MissingParameter"),
        ({"Action": "SendMessage", "QueueUrl": f"/{ACCOUNT}/q", "MessageBody": "m",
          "DelaySeconds": "one"}, "InvalidParameterValue"),
        ({"Action": "CreateQueue", "QueueName": "q", "Attribute.1": "x"}, "InvalidParameterValue"),
        ({"Action": "CreateQueue", "QueueName": "q", "Attribute.x.Name": "x"},
         "InvalidParameterValue"),
        ({"Action": "CreateQueue", "QueueName": "q", "Attribute": "x"}, "InvalidParameterValue"),
        ({"Action": "CreateQueue", "QueueName": "q", "QueueName.x": "x"}, "InvalidParameterValue"),
        ({"Action": "CreateQueue", "." * 10_000: "x"}, "InvalidParameterValue"),
        ({"Action": "CreateQueue", **{str(n): "x" for n in range(2000)}}, "InvalidAction"),
    ],
)  # fmt: skip
def test_forms_that_do_not_fit_are_refused(
    server: Server, fields: dict[str, str], code: str
) -> None:
    answer = form(server, **fields)
    assert (answer.status_code, error_of(answer)) == (400, code)


def test_both_protocols_are_refused_without_a_signature(server: Server, url: str) -> None:
    for path in (urlsplit(url).path, "/"):
        answer = httpx.post(server.url + path, data={"Action": "ListQueues"}, timeout=120)
        assert answer.status_code == 403
        assert b"MissingAuthenticationToken" in answer.content


def test_who_may_only_read_changes_nothing(server: Server, sqs: Any, url: str) -> None:
    made = server.http.post(
        "/_wasmfaas/v1/keys", json={"name": f"r-{uuid.uuid4().hex[:8]}", "role": "read-only"}
    ).json()
    client = boto3.client(
        "sqs", endpoint_url=server.url, region_name=REGION,
        aws_access_key_id=made["access_key_id"], aws_secret_access_key=made["secret_access_key"],
        config=Config(retries={"max_attempts": 0}),
    )  # fmt: skip
    with contextlib.closing(client):
        assert client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]
        for call in (client.receive_message, client.purge_queue):
            code, _, text = refused(call, QueueUrl=url)
            assert code == "AccessDeniedException"
            assert "is not authorized to perform: sqs:" in text
