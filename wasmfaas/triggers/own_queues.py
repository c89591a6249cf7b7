"""Deliveries to queues of this server's own: the message is entered in the transaction that ends
the delivery, so that it is there exactly once."""

from typing import Any

from wasmfaas.errors import WasmfaasError
from wasmfaas.queue_errors import QueueDoesNotExist, QueueError, QueueFull
from wasmfaas.services.arns import MessageArn
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.services.sqs import data_type
from wasmfaas.store.deliveries import Delivery
from wasmfaas.store.message_queues.messages import MessageAttribute, NewMessage
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.store.outbox import Entry


class OwnQueues:
    """Enters deliveries into queues. Lives as long as the server."""

    def __init__(self, queues: MessageQueues) -> None:
        self._queues = queues

    async def entry(self, queue: MessageArn, delivery: Delivery) -> Entry | None:
        """What enters *delivery* as a message into *queue*; None where there is no such queue
        here. It raises RemoteFailed where the queue does not take the message."""
        name = self._queues.name_of(str(queue))
        if name is None:
            return None
        try:
            await self._queues.administration.get(name)
        except QueueDoesNotExist:
            return None
        except WasmfaasError as error:
            raise RemoteFailed(error.message, reason=error.code) from None
        message = _message(queue, delivery)

        def write(connection: Any) -> None:
            try:
                self._queues.insert(connection, name, message)
            except QueueError as error:
                is_final = not isinstance(error, QueueFull)
                raise RemoteFailed(
                    f"{queue}: {error.message}", reason=error.query_code, is_final=is_final
                ) from None

        return Entry(write, lambda: self._queues.notify(name))


def _message(queue: MessageArn, delivery: Delivery) -> NewMessage:
    return NewMessage(
        id=delivery.id,
        body=delivery.body.decode("utf-8", "replace"),
        attributes={
            name: MessageAttribute(data_type(value), str(value))
            for name, value in delivery.attributes.items()
        },
        group_id=delivery.function_name if queue.is_fifo else None,
        deduplication_id=delivery.id if queue.is_fifo else None,
    )
