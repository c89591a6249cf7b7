"""What becomes of old messages, and of those of queues that are gone; in transactions that do some
of it, so that others get their turn."""

from typing import Final

from sqlalchemy import Connection, delete, insert, select

from wasmfaas.store.message_queues import records
from wasmfaas.store.message_queues.records import Queue, Queues
from wasmfaas.store.message_tables import (
    MESSAGE_DEDUPLICATIONS,
    MESSAGE_QUEUES,
    MESSAGE_REMAINS,
    MESSAGES,
)

#: Rows that one transaction removes.
ROWS_MAX: Final = 500


def abandon(connection: Connection, queue: Queue) -> None:
    """Leave the messages of *queue* to `sweep`."""
    connection.execute(insert(MESSAGE_REMAINS).values(contents_id=queue.contents_id))


def sweep(connection: Connection) -> int:
    """Remove some of what was left; how many rows."""
    remains = connection.execute(select(MESSAGE_REMAINS.c.contents_id).limit(1)).scalar()
    if remains is None:
        return 0
    for table, key in (
        (MESSAGES, MESSAGES.c.number),
        (MESSAGE_DEDUPLICATIONS, MESSAGE_DEDUPLICATIONS.c.digest),
    ):
        place = table.c.contents_id == remains
        keys = connection.scalars(select(key).where(place).limit(ROWS_MAX)).all()
        if keys:
            connection.execute(delete(table).where(place, key.in_(keys)))
            return len(keys)
    connection.execute(delete(MESSAGE_REMAINS).where(MESSAGE_REMAINS.c.contents_id == remains))
    return 1


def expire_deduplications(connection: Connection, now: int) -> int:
    """Remove some of the deduplication ids that count no more; how many."""
    columns = MESSAGE_DEDUPLICATIONS.c
    query = select(columns.contents_id, columns.digest).where(columns.expires_at_ms <= now)
    rows = connection.execute(query.limit(ROWS_MAX)).all()
    for row in rows:
        place = columns.contents_id == row.contents_id, columns.digest == row.digest
        connection.execute(delete(MESSAGE_DEDUPLICATIONS).where(*place))
    return len(rows)


def expire_messages(connection: Connection, queues: Queues, name: str, now: int) -> int:
    """Remove some of the messages that the queue *name* has kept for long enough; how many."""
    queue = queues.found(connection, name, locked=True)
    if queue is None:
        return 0
    old = (
        MESSAGES.c.contents_id == queue.contents_id,
        MESSAGES.c.sent_at_ms <= now - queue.attributes.retention_ms,
    )
    numbers = connection.scalars(select(MESSAGES.c.number).where(*old).limit(ROWS_MAX)).all()
    if numbers:
        connection.execute(delete(MESSAGES).where(old[0], MESSAGES.c.number.in_(numbers)))
        records.count(connection, queue, -len(numbers))
    return len(numbers)


def names(connection: Connection) -> list[str]:
    """The names of all queues."""
    return list(connection.scalars(select(MESSAGE_QUEUES.c.name).order_by(MESSAGE_QUEUES.c.name)))
