"""Carries deliveries to where they go, by the form of their destination."""

from typing import Protocol

from wasmfaas.services.arns import MessageArn
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.services.sns import Sns
from wasmfaas.services.sqs import Sqs
from wasmfaas.services.webhooks import Webhooks, is_webhook
from wasmfaas.store.deliveries import Delivery
from wasmfaas.store.outbox import Entry


class Queues(Protocol):
    """Queues of this server's own."""

    async def entry(self, queue: MessageArn, delivery: Delivery) -> Entry | None:
        """What enters *delivery* as a message into *queue*, within a transaction; None where
        there is no such queue here."""
        ...


class Carriers:
    """Sends each delivery in the way that its destination needs. Lives as long as the server.

    *sqs* and *sns* are None where the operator names no endpoint.
    """

    def __init__(
        self, queues: Queues, sqs: Sqs | None, sns: Sns | None, webhooks: Webhooks
    ) -> None:
        self._queues = queues
        self._sqs = sqs
        self._sns = sns
        self._webhooks = webhooks

    async def carry(self, delivery: Delivery) -> Entry | None:
        """Send *delivery*; or, for a queue of our own, what enters it in the transaction that ends
        the delivery. Raises RemoteFailed."""
        destination = delivery.destination
        if is_webhook(destination):
            await self._webhooks.send(destination, delivery.id, delivery.body)
            return None
        arn = MessageArn.parse(destination)
        if arn is None:
            raise RemoteFailed(
                f"{destination[:200]} is nothing that can be sent to.",
                reason="UnknownDestination",
                is_final=True,
            )
        if arn.service == "sqs":
            entry = await self._queues.entry(arn, delivery)
            if entry is not None:
                return entry
        client = self._sqs if arn.service == "sqs" else self._sns
        if client is None:
            raise _not_configured(arn)
        body = delivery.body.decode("utf-8", "replace")
        send = client.send if isinstance(client, Sqs) else client.publish
        await send(arn, delivery.id, delivery.function_name, body, delivery.attributes)
        return None

    async def close(self) -> None:
        """Give up all connections."""
        for client in (self._sqs, self._sns):
            if client is not None:
                await client.close()


def _not_configured(arn: MessageArn) -> RemoteFailed:
    what = "queue of this server" if arn.service == "sqs" else "topic of this server"
    return RemoteFailed(
        f"{arn} is no {what}, and it knows no {arn.service.upper()} elsewhere "
        f"(its setting {arn.service}_endpoint_url is empty).",
        reason="NotConfigured",
        is_final=True,
    )
