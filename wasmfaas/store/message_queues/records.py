"""Queues as rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, select, update

from wasmfaas.queue_errors import QueueDoesNotExist
from wasmfaas.store import paging
from wasmfaas.store.message_queues.attributes import QueueAttributes
from wasmfaas.store.message_tables import MESSAGE_QUEUES


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """One queue, as it was read. Times are the database's, in Unix milliseconds."""

    name: str
    contents_id: str
    attributes: QueueAttributes
    tags: Mapping[str, str]
    #: Whether deduplication ids count for each message group.
    deduplicates_groups: bool
    number_next: int
    messages: int
    created_at_ms: int
    modified_at_ms: int
    purged_at_ms: int | None

    @property
    def is_fifo(self) -> bool:
        return self.attributes.is_fifo


class Queues:
    """Reads queues in transactions. *arns* is what the ARNs of all of them begin with."""

    def __init__(self, arns: str) -> None:
        self.arns = arns

    def arn(self, name: str) -> str:
        """The ARN of the queue *name*."""
        return self.arns + name

    def found(self, connection: Connection, name: str, *, locked: bool = False) -> Queue | None:
        """The queue *name*; with *locked*, nobody else changes it in this transaction."""
        if not paging.storable(name):
            return None
        query = select(MESSAGE_QUEUES).where(MESSAGE_QUEUES.c.name == name)
        row = connection.execute(query.with_for_update() if locked else query).first()
        return None if row is None else self.of(row)

    def existing(self, connection: Connection, name: str, *, locked: bool = False) -> Queue:
        """The same; raises QueueDoesNotExist."""
        queue = self.found(connection, name, locked=locked)
        if queue is None:
            raise QueueDoesNotExist
        return queue

    def of(self, row: Row[Any]) -> Queue:
        """The queue of a row."""
        return Queue(
            name=row.name,
            contents_id=row.contents_id,
            attributes=QueueAttributes(json.loads(row.attributes), self.arns),
            tags=json.loads(row.tags),
            deduplicates_groups=bool(row.deduplicates_groups),
            number_next=row.number_next,
            messages=row.messages,
            created_at_ms=row.created_at_ms,
            modified_at_ms=row.modified_at_ms,
            purged_at_ms=row.purged_at_ms,
        )


def count(connection: Connection, queue: Queue, change: int, *, numbers: int = 0) -> None:
    """Add *change* to the number of messages, and give out *numbers* numbers."""
    values = {
        "messages": MESSAGE_QUEUES.c.messages + change,
        "number_next": MESSAGE_QUEUES.c.number_next + numbers,
    }
    where = MESSAGE_QUEUES.c.name == queue.name
    connection.execute(update(MESSAGE_QUEUES).where(where).values(values))
