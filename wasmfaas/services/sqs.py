"""Queues at an SQS-compatible endpoint."""

from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.services.arns import MessageArn
from wasmfaas.services.client import ServiceClient
from wasmfaas.services.errors import RemoteFailed

Attributes = Mapping[str, str | int]

#: Queues that another one may have replaced meanwhile.
_GONE: Final = ("NonExistentQueue", "QueueDoesNotExist")


class Sqs:
    """Calls one endpoint. Lives as long as the server."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client
        #: By ARN: what the endpoint calls a queue.
        self._urls: dict[str, str] = {}

    async def call(
        self, operation: str, queue: MessageArn, document: Mapping[str, Any], wait_s: float = 0
    ) -> dict[str, Any]:
        """The answer to *operation*, such as `ReceiveMessage`, on *queue*; *document* has its
        members but for QueueUrl. *wait_s* is its WaitTimeSeconds. Raises RemoteFailed."""
        named = {"QueueUrl": await self._url(queue), **document}
        try:
            return await self._client.call_json(
                f"AmazonSQS.{operation}", queue.region, named, wait_s
            )
        except RemoteFailed as failed:
            if any(word in failed.reason for word in _GONE):
                self._urls.pop(str(queue), None)
            raise

    async def send(
        self, queue: MessageArn, message_id: str, group: str, body: str, attributes: Attributes
    ) -> None:
        """Send a message. FIFO queues get it once per *message_id*, in the order of its *group*.
        Raises RemoteFailed."""
        document: dict[str, Any] = {"MessageBody": body}
        if attributes:
            document["MessageAttributes"] = {
                name: {"DataType": data_type(value), "StringValue": str(value)}
                for name, value in attributes.items()
            }
        if queue.is_fifo:
            document |= {"MessageGroupId": group, "MessageDeduplicationId": message_id}
        await self.call("SendMessage", queue, document)

    async def close(self) -> None:
        """Give up all connections."""
        await self._client.close()

    async def _url(self, queue: MessageArn) -> str:
        known = self._urls.get(str(queue))
        if known is None:
            asked = {"QueueName": queue.name, "QueueOwnerAWSAccountId": queue.account_id}
            answer = await self._client.call_json("AmazonSQS.GetQueueUrl", queue.region, asked)
            known = self._urls[str(queue)] = str(answer.get("QueueUrl", ""))
        return known


def data_type(value: str | int) -> str:
    """The DataType of a message attribute."""
    return "Number" if isinstance(value, int) else "String"
