"""A queue, a function and a dead-letter queue on one server, with nothing else installed."""

import contextlib
import json
import time
from typing import Any

from tests.conftest import Server

APP = """\
import json

def lambda_handler(event, context):
    failed = [each["messageId"] for each in event["Records"] if each["body"] == "bad"]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""
WITHIN_S = 120


def queue(client: Any, name: str, **attributes: str) -> tuple[str, str]:
    """URL and ARN of a new queue."""
    url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return url, found["Attributes"]["QueueArn"]


def waiting(client: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def test_messages_reach_the_function_and_bad_ones_the_dead_letter_queue(
    server: Server, function_name: str
) -> None:
    server.deploy(function_name, {"app.py": APP})
    with (
        contextlib.closing(server.client("sqs")) as sqs,
        contextlib.closing(server.lambda_client()) as client,
    ):
        dead_url, dead_arn = queue(sqs, f"{function_name}-dead")
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 3})
        url, arn = queue(sqs, function_name, RedrivePolicy=redrive, VisibilityTimeout="2")
        mapping = client.create_event_source_mapping(
            FunctionName=function_name,
            EventSourceArn=arn,
            BatchSize=5,
            FunctionResponseTypes=["ReportBatchItemFailures"],
        )
        for number in range(10):
            sqs.send_message(QueueUrl=url, MessageBody="bad" if number == 3 else f"good {number}")

        deadline = time.monotonic() + WITHIN_S
        while (left := waiting(sqs, url)) or waiting(sqs, dead_url) != 1:
            assert time.monotonic() < deadline, (left, waiting(sqs, dead_url))
            time.sleep(0.1)

        (dead,) = sqs.receive_message(QueueUrl=dead_url, WaitTimeSeconds=5)["Messages"]
        assert dead["Body"] == "bad"
        shown = client.get_event_source_mapping(UUID=mapping["UUID"])
        assert shown["State"] == "Enabled"
        client.delete_event_source_mapping(UUID=mapping["UUID"])
