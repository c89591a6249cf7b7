"""The server's own queues as commands see them: through SQS's API."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from wasmfaas.cli.client import Client
from wasmfaas.cli.requests import Document

SERVICE: Final = "sqs"
_TYPE: Final = "application/x-amz-json-1.0"
_PAGE: Final = 1000
_RECEIVED_MAX: Final = 10


class Queueing:
    """Queues of one server. Lives as long as its client. Every method raises Refused, for a queue
    that does not exist too."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def names(self) -> Iterator[str]:
        """Those of all queues, in order."""
        token: str | None = None
        while True:
            asked = {"MaxResults": _PAGE} | ({} if token is None else {"NextToken": token})
            page = self._call("ListQueues", **asked)
            yield from (url.rpartition("/")[2] for url in page.get("QueueUrls") or ())
            token = page.get("NextToken")
            if token is None:
                return

    def create(self, name: str, attributes: dict[str, str], dead_letters: str | None) -> None:
        """Make the queue *name*, with the queue *dead_letters* for what is received too often, as
        the attribute `maxReceiveCount` says."""
        given = dict(attributes)
        if name.endswith(".fifo"):
            given.setdefault("FifoQueue", "true")
        receives = given.pop("maxReceiveCount", "3")
        if dead_letters is not None:
            policy = {"deadLetterTargetArn": self.arn(dead_letters), "maxReceiveCount": receives}
            given["RedrivePolicy"] = json.dumps(policy)
        self._call("CreateQueue", QueueName=name, Attributes=given)

    def attributes(self, name: str) -> dict[str, str]:
        """All of them, by SQS's names."""
        found = self._of(name, "GetQueueAttributes", AttributeNames=["All"])
        return dict(found.get("Attributes") or {})

    def arn(self, name: str) -> str:
        """The ARN of a queue."""
        found = self._of(name, "GetQueueAttributes", AttributeNames=["QueueArn"])
        return str(found["Attributes"]["QueueArn"])

    def sources(self, name: str) -> list[str]:
        """The queues whose dead letters come to it."""
        found = self._of(name, "ListDeadLetterSourceQueues")
        return [url.rpartition("/")[2] for url in found["queueUrls"]]

    def send(self, name: str, body: str, **members: Any) -> Document:
        """Send a message; SQS's *members* say more of it."""
        return self._of(name, "SendMessage", MessageBody=body, **members)

    def receive(self, name: str, limit: int, wait_s: int) -> list[Document]:
        """Up to *limit* messages, as SQS tells them; waits for the first."""
        messages: list[Document] = []
        while len(messages) < limit:
            found = self._of(
                name,
                "ReceiveMessage",
                MaxNumberOfMessages=min(limit - len(messages), _RECEIVED_MAX),
                WaitTimeSeconds=0 if messages else wait_s,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            ).get("Messages")
            if not found:
                break
            messages += found
        return messages

    def forget(self, name: str, messages: Sequence[Document]) -> None:
        """Delete messages that were received."""
        for message in messages:
            self._of(name, "DeleteMessage", ReceiptHandle=message["ReceiptHandle"])

    def purge(self, name: str) -> None:
        """Delete all of its messages."""
        self._of(name, "PurgeQueue")

    def delete(self, name: str) -> None:
        """Delete the queue with its messages."""
        self._of(name, "DeleteQueue")

    def redrive(self, name: str, target: str | None, rate_per_s: int | None) -> Document:
        """Begin to move the messages of a dead-letter queue, back to where each came from or to the
        queue *target*; the newest task, as SQS tells it."""
        asked: dict[str, Any] = {"SourceArn": self.arn(name)}
        if target is not None:
            asked["DestinationArn"] = self.arn(target)
        if rate_per_s is not None:
            asked["MaxNumberOfMessagesPerSecond"] = rate_per_s
        self._call("StartMessageMoveTask", **asked)
        return self.moves(name)[0]

    def moves(self, name: str) -> list[Document]:
        """The newest moves out of the queue, newest first."""
        asked = {"SourceArn": self.arn(name), "MaxResults": 10}
        return list(self._call("ListMessageMoveTasks", **asked)["Results"])

    def _of(self, name: str, operation: str, **members: Any) -> Document:
        url = self._call("GetQueueUrl", QueueName=name)["QueueUrl"]
        return self._call(operation, QueueUrl=url, **members)

    def _call(self, operation: str, **members: Any) -> Document:
        headers = {"X-Amz-Target": f"AmazonSQS.{operation}", "Content-Type": _TYPE}
        body = json.dumps(members).encode()
        return self._client.request(SERVICE, "POST", "/", content=body, headers=headers)
