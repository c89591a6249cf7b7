"""Handlers of all of SQS's operations."""

from collections.abc import Mapping

from wasmfaas.api.sqs.calls import QueueHandler, QueueUrls
from wasmfaas.api.sqs.messages import MessageOperations
from wasmfaas.api.sqs.queues import QueueOperations
from wasmfaas.store.message_queues.queues import MessageQueues


class SqsHandlers:
    """Lifetime: process."""

    def __init__(self, queues: MessageQueues, urls: QueueUrls) -> None:
        self._families = QueueOperations(queues, urls), MessageOperations(queues, urls)

    def rows(self) -> Mapping[str, QueueHandler]:
        queues, messages = self._families
        return {**queues.rows(), **messages.rows()}
