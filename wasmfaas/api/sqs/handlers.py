"""Handlers of all of SQS's operations."""

from collections.abc import Mapping

from wasmfaas.api.sqs.calls import QueueHandler, QueueHandlers, QueueUrls
from wasmfaas.api.sqs.messages import MessageOperations
from wasmfaas.api.sqs.moves import MoveOperations
from wasmfaas.api.sqs.queues import QueueOperations
from wasmfaas.store.message_queues.queues import MessageQueues


class SqsHandlers:
    """Lifetime: process."""

    def __init__(self, queues: MessageQueues, urls: QueueUrls) -> None:
        self._families: tuple[QueueHandlers, ...] = (
            QueueOperations(queues, urls),
            MessageOperations(queues, urls),
            MoveOperations(queues),
        )

    def rows(self) -> Mapping[str, QueueHandler]:
        return {name: row for each in self._families for name, row in each.rows().items()}
