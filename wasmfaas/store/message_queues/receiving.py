"""Messages out of queues, inside a transaction: received, or moved to the dead-letter queue."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Column, Connection, Row, func, select, update

from wasmfaas.store.message_queues import handles, records
from wasmfaas.store.message_queues.handles import Handle
from wasmfaas.store.message_queues.messages import Received
from wasmfaas.store.message_queues.records import Queue, Queues
from wasmfaas.store.message_tables import MESSAGES

#: Messages that one receive looks at: those that move to the dead-letter queue are not received.
_LOOKED_AT_MAX: Final = 100
_LOOKED_AT: Final[list[Column[Any]]] = [
    MESSAGES.c.number, MESSAGES.c.receives, MESSAGES.c.visible_at_ms,
]  # fmt: skip
#: Message groups that one receive looks at.
_GROUPS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What one receive came to."""

    messages: list[Received]
    #: The queue that dead letters went to, if some did.
    dead_lettered_to: str | None = None
    #: When something may be there to receive, if nothing comes in; None for never.
    due_at_ms: int | None = None
    #: The message group that was looked at last.
    group: str = ""


def receive(
    connection: Connection,
    queues: Queues,
    queue: Queue,
    now: int,
    limit: int,
    visible_at_ms: int,
    group: str = "",
) -> Receipt:
    """Up to *limit* messages of *queue*, hidden until *visible_at_ms*. Of a FIFO queue, message
    groups take turns from behind *group*."""
    turns = _Turns(connection, queue, now, group)
    rows = turns.rows() if queue.is_fifo else _visible(connection, queue, now)
    policy = queue.attributes.redrive
    target = (
        None if policy is None else queues.found(connection, policy.dead_letter_queue, locked=True)
    )
    taken, dead = [], []
    for row, _ in zip(rows, range(_LOOKED_AT_MAX), strict=False):
        # Without a queue to go to, a message stays where it is.
        if policy is not None and target is not None and row.receives >= policy.receives_max:
            dead.append(row)
            continue
        taken.append(row)
        if len(taken) == limit:
            break
    if target is not None:
        _dead_letter(connection, queue, target, dead, now)
    return Receipt(
        messages=[
            _take(connection, queues, queue, row.number, now, visible_at_ms) for row in taken
        ],
        dead_lettered_to=target.name if target is not None and dead else None,
        due_at_ms=None if taken else _due(connection, queue, now),
        group=turns.last,
    )


def not_visible(connection: Connection, queue: Queue, now: int) -> tuple[int, int]:
    """How many messages are in flight, and how many are delayed."""
    columns = MESSAGES.c
    in_flight = func.count().filter(columns.receives > 0)
    query = select(in_flight, func.count()).where(
        columns.contents_id == queue.contents_id, columns.visible_at_ms > now
    )
    found = connection.execute(query).one()
    return int(found[0]), int(found[1] - found[0])


def _visible(connection: Connection, queue: Queue, now: int) -> Iterator[Row[Any]]:
    columns = MESSAGES.c
    query = (
        select(*_LOOKED_AT)
        .where(
            columns.contents_id == queue.contents_id,
            columns.visible_at_ms <= now,
            columns.sent_at_ms > now - queue.attributes.retention_ms,
        )
        .order_by(columns.visible_at_ms, columns.number)
        .limit(_LOOKED_AT_MAX)
        .with_for_update(skip_locked=True)
    )
    yield from connection.execute(query).all()


class _Turns:
    """Messages of a FIFO queue that may be received: of each message group those that are visible,
    from the first one on, up to the first that is not."""

    def __init__(self, connection: Connection, queue: Queue, now: int, last: str) -> None:
        self._connection = connection
        self._queue = queue
        self._now = now
        self.last = last

    def rows(self) -> Iterator[Row[Any]]:
        begin = self.last
        seen = 0
        for after, end in ((begin, None), ("", begin)):
            last = after
            while seen < _GROUPS_MAX:
                group = self._next(last, end)
                if group is None:
                    break
                seen, last = seen + 1, group
                self.last = group
                yield from self._group(group)

    def _next(self, after: str, end: str | None) -> str | None:
        columns = MESSAGES.c
        where = [columns.contents_id == self._queue.contents_id, columns.group_id > after]
        if end is not None:
            where.append(columns.group_id <= end)
        query = select(func.min(columns.group_id)).where(*where)
        found: str | None = self._connection.execute(query).scalar_one()
        return found

    def _group(self, group: str) -> Iterator[Row[Any]]:
        columns = MESSAGES.c
        query = (
            select(*_LOOKED_AT)
            .where(
                columns.contents_id == self._queue.contents_id,
                columns.group_id == group,
                columns.sent_at_ms > self._now - self._queue.attributes.retention_ms,
            )
            .order_by(columns.number)
            .limit(_LOOKED_AT_MAX)
        )
        for row in self._connection.execute(query).all():
            if row.visible_at_ms > self._now:
                return
            yield row


def _take(
    connection: Connection,
    queues: Queues,
    queue: Queue,
    number: int,
    now: int,
    visible_at_ms: int,
) -> Received:
    where = MESSAGES.c.contents_id == queue.contents_id, MESSAGES.c.number == number
    row = connection.execute(select(MESSAGES).where(*where)).one()
    receipt = handles.new_receipt()
    changes = {
        "visible_at_ms": visible_at_ms,
        "receives": row.receives + 1,
        "first_received_at_ms": row.first_received_at_ms or now,
        "received_at_ms": now,
        "receipt": receipt,
    }
    connection.execute(update(MESSAGES).where(*where).values(changes))
    handle = Handle(queue.name, queue.contents_id, number, receipt)
    return Received.of(row, changes, handle=str(handle), fifo=queue.is_fifo, arn=queues.arn)


def _dead_letter(
    connection: Connection, queue: Queue, target: Queue, rows: list[Row[Any]], now: int
) -> None:
    """Move messages to *target*. In a FIFO queue their age begins anew, as SQS has it."""
    if not rows:
        return
    for place, row in enumerate(rows):
        where = MESSAGES.c.contents_id == queue.contents_id, MESSAGES.c.number == row.number
        changes = {
            "contents_id": target.contents_id,
            "number": target.number_next + place,
            "source_queue": queue.name,
            "visible_at_ms": now,
            "receipt": None,
        }
        if queue.is_fifo:
            changes["sent_at_ms"] = now
        connection.execute(update(MESSAGES).where(*where).values(changes))
    records.count(connection, queue, -len(rows))
    records.count(connection, target, len(rows), numbers=len(rows))


def _due(connection: Connection, queue: Queue, now: int) -> int | None:
    columns = MESSAGES.c
    query = select(func.min(columns.visible_at_ms)).where(
        columns.contents_id == queue.contents_id, columns.visible_at_ms > now
    )
    found: int | None = connection.execute(query).scalar_one()
    return found
