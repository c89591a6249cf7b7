"""Messages into queues, inside a transaction."""

import hashlib
from typing import Any, Final

from sqlalchemy import Connection, delete, insert, select

from wasmfaas.queue_errors import (
    QueueFull,
    QueueOperationUnsupported,
    QueueParameterInvalid,
    QueueParameterMissing,
)
from wasmfaas.store.message_queues import messages, records
from wasmfaas.store.message_queues.attributes import DELAY_S_MAX
from wasmfaas.store.message_queues.messages import NewMessage, Sent
from wasmfaas.store.message_queues.records import Queue
from wasmfaas.store.message_tables import MESSAGE_DEDUPLICATIONS, MESSAGES

#: How long a FIFO queue remembers a deduplication id.
DEDUPLICATION_MS: Final = 5 * 60 * 1000


def insert_message(
    connection: Connection, queue: Queue, message: NewMessage, now: int, messages_max: int
) -> Sent:
    """Enter *message* into *queue*, read in this transaction and locked in it; not where a FIFO
    queue has it already.

    Raises QueueError where the message is none of this queue, or the queue is full; then nothing
    is written.
    """
    check(queue, message)
    if queue.is_fifo:
        known = _duplicate(connection, queue, message, now)
        if known is not None:
            return _sent(queue, message, known.message_id, known.number)
    if queue.messages >= messages_max:
        raise QueueFull(
            f"The queue {queue.name} has {queue.messages} messages, and at most {messages_max} may "
            "be in a queue (--queue-messages-max). Receive and delete some, or purge it."
        )
    number = queue.number_next
    records.count(connection, queue, 1, numbers=1)
    connection.execute(insert(MESSAGES).values(_row(queue, message, number, now)))
    if queue.is_fifo:
        remembered = {
            "contents_id": queue.contents_id,
            "digest": _digest(queue, message),
            "message_id": message.id,
            "number": number,
            "expires_at_ms": now + DEDUPLICATION_MS,
        }
        connection.execute(insert(MESSAGE_DEDUPLICATIONS).values(remembered))
    return _sent(queue, message, message.id, number)


def check(queue: Queue, message: NewMessage) -> None:
    """Raise QueueError for what *queue* does not take."""
    messages.check(message, queue.attributes.number("MaximumMessageSize"))
    delay_s = message.delay_s
    if delay_s is not None and not 0 <= delay_s <= DELAY_S_MAX:
        reason = f"DelaySeconds must be >= 0 and <= {DELAY_S_MAX}."
        raise QueueParameterInvalid.of(delay_s, "DelaySeconds", reason)
    if queue.is_fifo:
        _check_fifo(queue, message)
    elif message.deduplication_id is not None:
        raise QueueParameterInvalid.of(
            message.deduplication_id,
            "MessageDeduplicationId",
            "The request includes a parameter that is not valid for this queue type.",
        )


def _check_fifo(queue: Queue, message: NewMessage) -> None:
    if message.delay_s:
        raise QueueParameterInvalid.of(
            message.delay_s,
            "DelaySeconds",
            "The request include parameter that is not valid for this queue type.",
        )
    if message.group_id is None:
        raise QueueParameterMissing.of("MessageGroupId")
    if message.deduplication_id is None and not queue.attributes.deduplicates_contents:
        raise QueueParameterInvalid(
            "The queue should either have ContentBasedDeduplication enabled or "
            "MessageDeduplicationId provided explicitly"
        )


def check_source(queue: Queue, source: str) -> None:
    """Raise QueueOperationUnsupported where messages of the queue *source* may not go to *queue*
    when they are dead letters."""
    if not queue.attributes.admits_source(source):
        raise QueueOperationUnsupported(
            f"The RedriveAllowPolicy of the queue {queue.name} does not let {source} use it."
        )


def _duplicate(connection: Connection, queue: Queue, message: NewMessage, now: int) -> Any:
    """What was sent to *queue* under the same id lately, or None."""
    columns = MESSAGE_DEDUPLICATIONS.c
    place = columns.contents_id == queue.contents_id, columns.digest == _digest(queue, message)
    row = connection.execute(select(MESSAGE_DEDUPLICATIONS).where(*place)).first()
    if row is not None and row.expires_at_ms > now:
        return row
    if row is not None:
        connection.execute(delete(MESSAGE_DEDUPLICATIONS).where(*place))
    return None


def _digest(queue: Queue, message: NewMessage) -> str:
    group = message.group_id if queue.deduplicates_groups else ""
    return hashlib.sha256(f"{group} {_deduplication_id(message)}".encode()).hexdigest()


def _deduplication_id(message: NewMessage) -> str:
    if message.deduplication_id is not None:
        return message.deduplication_id
    return hashlib.sha256(message.body.encode()).hexdigest()


def _row(queue: Queue, message: NewMessage, number: int, now: int) -> dict[str, Any]:
    # In FIFO queues, only the queue's own delay counts.
    delay_s = None if queue.is_fifo else message.delay_s
    if delay_s is None:
        delay_s = queue.attributes.number("DelaySeconds")
    return {
        "contents_id": queue.contents_id,
        "number": number,
        "id": message.id,
        "body": message.body,
        "attributes": messages.encoded(message.attributes),
        "trace_header": message.trace_header,
        "sender_id": message.sender_id,
        "group_id": message.group_id,
        "deduplication_id": _deduplication_id(message) if queue.is_fifo else None,
        "sent_at_ms": now,
        "visible_at_ms": now + delay_s * 1000,
        "receives": 0,
    }


def _sent(queue: Queue, message: NewMessage, message_id: str, number: int) -> Sent:
    return Sent(
        message_id=message_id,
        md5_of_body=messages.md5_of(message.body),
        md5_of_attributes=messages.md5_of_attributes(message.attributes),
        sequence_number=messages.sequence_number(number) if queue.is_fifo else None,
    )
