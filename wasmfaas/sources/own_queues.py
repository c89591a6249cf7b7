"""The built-in queues, as sources: nothing between them and the poller."""

import base64
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from wasmfaas.errors import WasmfaasError
from wasmfaas.sources import sqs_records
from wasmfaas.sources.source import Message, SourceFailed
from wasmfaas.store.message_queues.messages import MessageAttribute, Received, md5_of_attributes
from wasmfaas.store.message_queues.queues import RECEIVED_MAX, MessageQueues

_WAIT_S_MAX: Final = 20.0


class OwnQueue:
    """One queue of this server, read for one mapping."""

    ordered = False

    def __init__(self, queues: MessageQueues, name: str) -> None:
        self._queues = queues
        self._name = name
        #: Seconds that received messages stay hidden; looked up before the first of them.
        self.hold_s: float | None = None

    async def receive(self, limit: int, wait_s: float, busy: AbstractSet[str]) -> Sequence[Message]:
        try:
            if self.hold_s is None:
                queue = await self._queues.administration.get(self._name)
                self.hold_s = max(float(queue.attributes.number("VisibilityTimeout")), 1.0)
            received = await self._queues.receive(
                self._name, limit=min(limit, RECEIVED_MAX), wait_s=min(wait_s, _WAIT_S_MAX)
            )
        except WasmfaasError as error:
            raise self._failed(error) from None
        arn = self._queues.arn(self._name)
        return [sqs_records.message_of(_members(each), arn) for each in received]

    def event(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"Records": records}

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        try:
            # What is wrong with a handle is that the message is gone, or somebody else's by now.
            await self._queues.delete(self._name, [message.receipt for message in messages])
        except WasmfaasError as error:
            raise self._failed(error) from None

    async def fail(self, messages: Sequence[Message], *, at_once: bool) -> None:
        # Else they come again when the time they are hidden is over, as on Lambda.
        if at_once:
            await self._hide(messages, 0)

    async def extend(self, messages: Sequence[Message]) -> None:
        await self._hide(messages, int(self.hold_s or 1))

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def _hide(self, messages: Sequence[Message], seconds: int) -> None:
        try:
            changes = [(message.receipt, seconds) for message in messages]
            await self._queues.change_visibility(self._name, changes)
        except WasmfaasError as error:
            raise self._failed(error) from None

    def _failed(self, error: WasmfaasError) -> SourceFailed:
        # A queue that is deleted and made anew may hide messages for another time.
        self.hold_s = None
        return SourceFailed(f"{self._name}: {error.message}")


def _members(received: Received) -> dict[str, Any]:
    """As the answer to ReceiveMessage has it."""
    return {
        "MessageId": received.id,
        "ReceiptHandle": received.receipt_handle,
        "Body": received.body,
        "Attributes": received.system_attributes(),
        "MessageAttributes": {
            name: _attribute(attribute) for name, attribute in received.attributes.items()
        },
        "MD5OfBody": received.md5_of_body,
        "MD5OfMessageAttributes": md5_of_attributes(received.attributes),
    }


def _attribute(attribute: MessageAttribute) -> dict[str, Any]:
    if isinstance(attribute.value, bytes):
        text = base64.b64encode(attribute.value).decode()
        return {"BinaryValue": text, "DataType": attribute.data_type}
    return {"StringValue": attribute.value, "DataType": attribute.data_type}
