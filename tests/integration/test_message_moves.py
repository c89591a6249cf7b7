"""Messages moved back out of a dead-letter queue: through boto3, in the protocol of older SDKs, and
when the server is killed on the way."""

import contextlib
import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.api.sqs.test_server import form, texts
from tests.integration.conftest import Start, kill

WITHIN_S = 60
ARNS = "arn:aws:sqs:us-east-1:000000000000:"


def make(client: Any, count: int) -> dict[str, str]:
    """Queues `q` and `dead`, and in this as many dead letters of `q`; their URLs."""
    urls = {"dead": client.create_queue(QueueName="dead")["QueueUrl"]}
    policy = json.dumps({"deadLetterTargetArn": f"{ARNS}dead", "maxReceiveCount": 1})
    attributes = {"RedrivePolicy": policy, "VisibilityTimeout": "0"}
    urls["q"] = client.create_queue(QueueName="q", Attributes=attributes)["QueueUrl"]
    for number in range(count):
        client.send_message(QueueUrl=urls["q"], MessageBody=str(number))
    while waiting(client, urls["q"]):
        client.receive_message(QueueUrl=urls["q"], MaxNumberOfMessages=10)
    return urls


def waiting(client: Any, url: str) -> int:
    name = "ApproximateNumberOfMessages"
    found = client.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"]
    return int(found[name])


def task_of(client: Any) -> dict[str, Any]:
    (task,) = client.list_message_move_tasks(SourceArn=f"{ARNS}dead")["Results"]
    return dict(task)


def await_task(client: Any, status: str, moved: int) -> dict[str, Any]:
    deadline = time.monotonic() + WITHIN_S
    while (task := task_of(client))["Status"] != status or (
        task["ApproximateNumberOfMessagesMoved"] < moved
    ):
        assert time.monotonic() < deadline, task
        time.sleep(0.05)
    return task


def test_a_move_goes_on_after_a_kill(start: Start) -> None:
    server = start(workers_max=1)
    with contextlib.closing(server.client("sqs")) as client:
        urls = make(client, 12)
        started = client.start_message_move_task(
            SourceArn=f"{ARNS}dead", MaxNumberOfMessagesPerSecond=3
        )
        task = await_task(client, "RUNNING", 3)
        assert task["TaskHandle"] == started["TaskHandle"]
        assert task["ApproximateNumberOfMessagesToMove"] == 12
        assert "DestinationArn" not in task
        with pytest.raises(ClientError, match="There is already a task running") as refused:
            client.start_message_move_task(SourceArn=f"{ARNS}dead")
        assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    kill(server)
    server = start(workers_max=1)
    with contextlib.closing(server.client("sqs")) as client:
        task = await_task(client, "COMPLETED", 12)
        assert "TaskHandle" not in task
        urls = {name: f"{server.url}/000000000000/{name}" for name in urls}
        found = [
            message["Body"]
            for _ in range(4)
            for message in client.receive_message(
                QueueUrl=urls["q"], MaxNumberOfMessages=10, VisibilityTimeout=600
            ).get("Messages", ())
        ]
        assert sorted(found, key=int) == [str(number) for number in range(12)]
        assert waiting(client, urls["dead"]) == 0
        with pytest.raises(client.exceptions.ResourceNotFoundException):
            client.cancel_message_move_task(TaskHandle=started["TaskHandle"])
        listed = form(server, Action="ListMessageMoveTasks", SourceArn=f"{ARNS}dead")
        assert (listed.status_code, texts(listed, "Status")) == (200, ["COMPLETED"])
        assert texts(listed, "ApproximateNumberOfMessagesMoved") == ["12"]
        begun = form(server, Action="StartMessageMoveTask", SourceArn=f"{ARNS}dead")
        assert len(texts(begun, "TaskHandle")) == 1
        refused_form = form(server, Action="StartMessageMoveTask", SourceArn=f"{ARNS}q")
        assert (refused_form.status_code, texts(refused_form, "Code")) == (
            400,
            ["InvalidParameterValue"],
        )
        unknown = form(server, Action="CancelMessageMoveTask", TaskHandle="none")
        assert unknown.status_code == 400
