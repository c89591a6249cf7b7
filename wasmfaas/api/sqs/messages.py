"""Handlers of SQS's operations on messages."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from wasmfaas.api.calls import Reply
from wasmfaas.api.sqs.calls import QueueCall, QueueHandler, QueueUrls
from wasmfaas.queue_errors import (
    BatchEmpty,
    BatchIdInvalid,
    BatchIdsNotDistinct,
    BatchTooLong,
    BatchTooManyEntries,
    QueueAttributeNameInvalid,
    QueueError,
    QueueParameterInvalid,
)
from wasmfaas.store.message_queues.attributes import MESSAGE_BYTES_MAX
from wasmfaas.store.message_queues.messages import (
    MessageAttribute,
    NewMessage,
    Received,
    Sent,
    md5_of_attributes,
)
from wasmfaas.store.message_queues.queues import MessageQueues

BATCH_MAX: Final = 10
_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_TRACE_HEADER: Final = "AWSTraceHeader"
_TRACE_CHARACTERS_MAX: Final = 1000
_SYSTEM_ATTRIBUTES: Final = frozenset(
    (
        "All", "SenderId", "SentTimestamp", "ApproximateReceiveCount", "SequenceNumber",
        "ApproximateFirstReceiveTimestamp", "MessageDeduplicationId", "MessageGroupId",
        _TRACE_HEADER, "DeadLetterQueueSourceArn", "SqsManagedSseEnabled",
    )
)  # fmt: skip

Members = dict[str, Any]


class MessageOperations:
    """Lifetime: process."""

    def __init__(self, queues: MessageQueues, urls: QueueUrls) -> None:
        self._queues = queues
        self._urls = urls

    def rows(self) -> Mapping[str, QueueHandler]:
        return {
            "ChangeMessageVisibility": self.change_visibility,
            "ChangeMessageVisibilityBatch": self.change_visibility_batch,
            "DeleteMessage": self.delete,
            "DeleteMessageBatch": self.delete_batch,
            "ReceiveMessage": self.receive,
            "SendMessage": self.send,
            "SendMessageBatch": self.send_batch,
        }

    async def send(self, call: QueueCall) -> Reply:
        message = _message(call.parameters, call)
        sent = await self._queues.send(self._urls.named(call), message)
        return Reply(_sent(sent, call.parameters))

    async def send_batch(self, call: QueueCall) -> Reply:
        name, entries = self._urls.named(call), _entries(call)
        messages = [_message(entry, call) for entry in entries]
        size = sum(message.size_bytes for message in messages)
        if size > MESSAGE_BYTES_MAX:
            raise BatchTooLong(
                f"Batch requests cannot be longer than {MESSAGE_BYTES_MAX} bytes. You have sent "
                f"{size} bytes."
            )
        await self._check_fifo(name, messages)
        results = await self._queues.send_all(name, messages)
        told = [
            result if isinstance(result, QueueError) else _sent(result, entry)
            for entry, result in zip(entries, results, strict=True)
        ]
        return _outcomes(entries, told)

    async def receive(self, call: QueueCall) -> Reply:
        asked = call.parameters
        system = asked.get("MessageSystemAttributeNames") or asked.get("AttributeNames", ())
        for name in sorted(set(system) - _SYSTEM_ATTRIBUTES):
            raise QueueAttributeNameInvalid(f"Unknown Attribute {name[:100]}.")
        received = await self._queues.receive(
            self._urls.named(call),
            limit=asked.get("MaxNumberOfMessages", 1),
            visibility_s=asked.get("VisibilityTimeout"),
            wait_s=asked.get("WaitTimeSeconds"),
        )
        wanted = asked.get("MessageAttributeNames", ())
        return Reply({"Messages": [_received(each, system, wanted) for each in received] or None})

    async def delete(self, call: QueueCall) -> Reply:
        handle = call.parameters["ReceiptHandle"]
        _raise_first(await self._queues.delete(self._urls.named(call), [handle]))
        return Reply()

    async def delete_batch(self, call: QueueCall) -> Reply:
        name, entries = self._urls.named(call), _entries(call)
        handles = [entry["ReceiptHandle"] for entry in entries]
        failures = await self._queues.delete(name, handles)
        return _outcomes(entries, [failure or {} for failure in failures])

    async def change_visibility(self, call: QueueCall) -> Reply:
        asked = call.parameters
        change = asked["ReceiptHandle"], asked["VisibilityTimeout"]
        _raise_first(await self._queues.change_visibility(self._urls.named(call), [change]))
        return Reply()

    async def change_visibility_batch(self, call: QueueCall) -> Reply:
        name, entries = self._urls.named(call), _entries(call)
        changes = [(entry["ReceiptHandle"], entry.get("VisibilityTimeout", 0)) for entry in entries]
        failures = await self._queues.change_visibility(name, changes)
        return _outcomes(entries, [failure or {} for failure in failures])

    async def _check_fifo(self, name: str, messages: Sequence[NewMessage]) -> None:
        """As on SQS, a FIFO queue takes a batch only where every message has its ids."""
        if all(message.group_id and message.deduplication_id for message in messages):
            return
        queue = await self._queues.administration.get(name)
        if not queue.is_fifo:
            return
        if not all(message.group_id for message in messages):
            raise QueueParameterInvalid("The request must contain the parameter MessageGroupId.")
        if not queue.attributes.deduplicates_contents:
            raise QueueParameterInvalid(
                "The queue should either have ContentBasedDeduplication enabled or "
                "MessageDeduplicationId provided explicitly"
            )


def _entries(call: QueueCall) -> list[Members]:
    """The entries of a batch, each with an id of its own."""
    entries: list[Members] = call.parameters["Entries"]
    name = f"{call.operation.name}RequestEntry"
    if not entries:
        raise BatchEmpty(f"There should be at least one {name} in the request.")
    if len(entries) > BATCH_MAX:
        raise BatchTooManyEntries(
            f"Maximum number of entries per request are {BATCH_MAX}. You have sent {len(entries)}."
        )
    seen = set()
    for entry in entries:
        if not _ID.fullmatch(entry["Id"]):
            raise BatchIdInvalid(
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long."
            )
        if entry["Id"] in seen:
            raise BatchIdsNotDistinct(f"Id {entry['Id']} repeated.")
        seen.add(entry["Id"])
    return entries


def _message(asked: Mapping[str, Any], call: QueueCall) -> NewMessage:
    system = asked.get("MessageSystemAttributes", {})
    for name in sorted(set(system) - {_TRACE_HEADER}):
        raise QueueParameterInvalid(
            f"Message system attribute name '{name[:100]}' is invalid: {_TRACE_HEADER} is."
        )
    trace_header = system.get(_TRACE_HEADER, {}).get("StringValue", call.trace_id)
    if trace_header is not None and len(trace_header) > _TRACE_CHARACTERS_MAX:
        raise QueueParameterInvalid(
            f"{_TRACE_HEADER} has {len(trace_header)} characters, but may have at most "
            f"{_TRACE_CHARACTERS_MAX}."
        )
    return NewMessage(
        body=asked["MessageBody"],
        attributes={
            name: _attribute(name, value)
            for name, value in asked.get("MessageAttributes", {}).items()
        },
        delay_s=asked.get("DelaySeconds"),
        group_id=asked.get("MessageGroupId"),
        deduplication_id=asked.get("MessageDeduplicationId"),
        trace_header=trace_header,
        sender_id=call.sender_id,
    )


def _attribute(name: str, value: Mapping[str, Any]) -> MessageAttribute:
    if value.get("StringListValues") or value.get("BinaryListValues"):
        raise QueueParameterInvalid(
            "Message attribute list values in SendMessage operation are not supported."
        )
    text, binary = value.get("StringValue"), value.get("BinaryValue")
    if text is not None and binary is not None:
        raise QueueParameterInvalid(
            f"Message (user) attribute '{name[:100]}' has a value of each kind, but takes one."
        )
    is_binary = value["DataType"].startswith("Binary")
    missing: str | bytes = b"" if is_binary else ""
    return MessageAttribute(
        value["DataType"], next((each for each in (text, binary) if each is not None), missing)
    )


def _sent(sent: Sent, asked: Mapping[str, Any]) -> Members:
    system = {
        name: MessageAttribute(value["DataType"], value.get("StringValue", ""))
        for name, value in asked.get("MessageSystemAttributes", {}).items()
    }
    return {
        "MessageId": sent.message_id,
        "MD5OfMessageBody": sent.md5_of_body,
        "MD5OfMessageAttributes": sent.md5_of_attributes,
        "MD5OfMessageSystemAttributes": md5_of_attributes(system),
        "SequenceNumber": sent.sequence_number,
    }


def _received(message: Received, system: Sequence[str], wanted: Sequence[str]) -> Members:
    told = message.system_attributes()
    if "All" not in system:
        told = {name: value for name, value in told.items() if name in system}
    attributes = {
        name: each for name, each in message.attributes.items() if _is_wanted(name, wanted)
    }
    return {
        "MessageId": message.id,
        "ReceiptHandle": message.receipt_handle,
        "MD5OfBody": message.md5_of_body,
        "Body": message.body,
        "Attributes": told or None,
        "MD5OfMessageAttributes": md5_of_attributes(attributes),
        "MessageAttributes": {name: _value(each) for name, each in attributes.items()} or None,
    }


def _value(attribute: MessageAttribute) -> Members:
    kind = "BinaryValue" if isinstance(attribute.value, bytes) else "StringValue"
    return {kind: attribute.value, "DataType": attribute.data_type}


def _is_wanted(name: str, wanted: Sequence[str]) -> bool:
    return any(
        each in ("All", ".*", name) or (each.endswith(".*") and name.startswith(each[:-2]))
        for each in wanted
    )


def _raise_first(failures: Sequence[QueueError | None]) -> None:
    for failure in failures:
        if failure is not None:
            raise failure


def _outcomes(entries: Sequence[Members], results: Sequence[Members | QueueError]) -> Reply:
    """What became of each entry of a batch."""
    successful, failed = [], []
    for entry, result in zip(entries, results, strict=True):
        if isinstance(result, QueueError):
            failed.append(
                {
                    "Id": entry["Id"],
                    "SenderFault": result.status < 500,
                    "Code": result.query_code,
                    "Message": result.message,
                }
            )
        else:
            successful.append({"Id": entry["Id"], **result})
    return Reply({"Successful": successful or None, "Failed": failed or None})
