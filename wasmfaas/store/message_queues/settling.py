"""What becomes of a message that was received, inside a transaction."""

import hmac
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, delete, select, update

from wasmfaas.queue_errors import MessageNotInflight, QueueParameterInvalid
from wasmfaas.store.message_queues import records
from wasmfaas.store.message_queues.attributes import VISIBILITY_S_MAX
from wasmfaas.store.message_queues.handles import Handle
from wasmfaas.store.message_queues.records import Queue
from wasmfaas.store.message_tables import MESSAGES

_GONE: Final = "Message does not exist or is not available for visibility timeout change."


def delete_message(connection: Connection, queue: Queue, text: str, now: int) -> bool:
    """Delete the message of the receipt handle *text*; whether there was one.

    A handle of an earlier receive deletes nothing, and one of a message that is visible again still
    does: so it is in SQS. A FIFO queue raises QueueParameterInvalid for both. Raises
    ReceiptHandleInvalid.
    """
    handle = Handle.read(text, queue.name)
    row = _received(connection, queue, handle)
    if row is None:
        return False
    current = hmac.compare_digest(row.receipt or "", handle.receipt)
    if queue.is_fifo and (not current or row.visible_at_ms <= now):
        reason = "The receipt handle has expired."
        raise QueueParameterInvalid.of(text, "ReceiptHandle", reason)
    if not current:
        return False
    where = MESSAGES.c.contents_id == queue.contents_id, MESSAGES.c.number == handle.number
    connection.execute(delete(MESSAGES).where(*where))
    records.count(connection, queue, -1)
    return True


def change_visibility(
    connection: Connection, queue: Queue, text: str, seconds: int, now: int
) -> None:
    """Hide the message of the receipt handle *text* for *seconds* from now; 0 shows it.

    Raises ReceiptHandleInvalid, MessageNotInflight and QueueParameterInvalid.
    """
    if not 0 <= seconds <= VISIBILITY_S_MAX:
        reason = f"VisibilityTimeout must be an integer between 0 and {VISIBILITY_S_MAX}."
        raise QueueParameterInvalid.of(seconds, "VisibilityTimeout", reason)
    handle = Handle.read(text, queue.name)
    row = _received(connection, queue, handle)
    if row is None or not hmac.compare_digest(row.receipt or "", handle.receipt):
        raise QueueParameterInvalid.of(text, "ReceiptHandle", _GONE)
    if row.visible_at_ms <= now:
        raise MessageNotInflight("The message is visible again: it is not in flight.")
    visible_at_ms = now + seconds * 1000
    if visible_at_ms > row.received_at_ms + VISIBILITY_S_MAX * 1000:
        raise QueueParameterInvalid.of(
            seconds,
            "VisibilityTimeout",
            "Total VisibilityTimeout for the message is beyond the limit "
            f"[{VISIBILITY_S_MAX} seconds]",
        )
    where = MESSAGES.c.contents_id == queue.contents_id, MESSAGES.c.number == handle.number
    connection.execute(update(MESSAGES).where(*where).values(visible_at_ms=visible_at_ms))


def _received(connection: Connection, queue: Queue, handle: Handle) -> Row[Any] | None:
    """The message, unless it is gone; purging makes it so."""
    if handle.contents_id != queue.contents_id:
        return None
    columns = MESSAGES.c
    shown: list[Column[Any]] = [columns.receipt, columns.visible_at_ms, columns.received_at_ms]
    query = select(*shown).where(
        columns.contents_id == handle.contents_id, columns.number == handle.number
    )
    return connection.execute(query.with_for_update()).first()
