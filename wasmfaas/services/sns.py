"""Topics at an SNS-compatible endpoint."""

from wasmfaas.services.arns import MessageArn
from wasmfaas.services.client import ServiceClient
from wasmfaas.services.sqs import Attributes, data_type


class Sns:
    """Calls one endpoint. Lives as long as the server."""

    def __init__(self, client: ServiceClient) -> None:
        self._client = client

    async def publish(
        self, topic: MessageArn, message_id: str, group: str, body: str, attributes: Attributes
    ) -> None:
        """Publish a message. FIFO topics get it once per *message_id*, in the order of its
        *group*. Raises RemoteFailed."""
        parameters = {
            "Action": "Publish",
            "Version": "2010-03-31",
            "TopicArn": str(topic),
            "Message": body,
        }
        for number, (name, value) in enumerate(attributes.items(), start=1):
            entry = f"MessageAttributes.entry.{number}"
            parameters |= {
                f"{entry}.Name": name,
                f"{entry}.Value.DataType": data_type(value),
                f"{entry}.Value.StringValue": str(value),
            }
        if topic.is_fifo:
            parameters |= {"MessageGroupId": group, "MessageDeduplicationId": message_id}
        await self._client.call_query(topic.region, parameters)

    async def close(self) -> None:
        """Give up all connections."""
        await self._client.close()
