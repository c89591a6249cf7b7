"""Messages moved out of dead-letter queues, bit by bit: SQS's message move tasks.

A task is a row, and each bit of it a transaction: whichever server goes on with it, after whatever
kill, a message is in one queue, and no more are moved in a second than was asked for.
"""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from wasmfaas.queue_errors import MoveResourceNotFound, QueueParameterInvalid
from wasmfaas.store.database import Database
from wasmfaas.store.message_queues import records
from wasmfaas.store.message_queues.records import Queue, Queues
from wasmfaas.store.message_tables import MESSAGE_MOVES, MESSAGE_QUEUES, MESSAGES

RATE_PER_S_MAX: Final = 500
#: SQS tells of the last ten, so no more are kept of a queue.
KEPT_MAX: Final = 10
#: Messages that one transaction moves.
_ROWS_MAX: Final = 100
#: When a move into a full queue is tried again, and how often new moves are looked for.
_LATER_MS: Final = 1000
_NO_SOURCE: Final = "CouldNotDetermineMessageSource"
_NO_QUEUE: Final = "AWS.SimpleQueueService.NonExistentQueue"
_COLUMNS: Final = MESSAGE_MOVES.c


class MoveState(StrEnum):
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One task. Without a *target* messages go back to the queue that each came from."""

    id: str
    source: str
    target: str | None
    state: MoveState
    rate_per_s: int | None
    to_move: int
    moved: int
    failure: str | None
    started_at_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What going on came to."""

    #: The queue that something was moved to.
    moved_to: str | None = None
    #: After how many seconds something may be due; 0 for at once.
    pause_s: float = 0.0


class MessageMoves:
    """The tasks of one database. Lives as long as the server.

    *messages_max* bounds the messages of a queue: a move into a full one waits. *clock* gives the
    database's time in Unix milliseconds. Every method raises StorageFull where it cannot write.
    """

    def __init__(
        self,
        database: Database,
        queues: Queues,
        messages_max: int,
        clock: Callable[[Connection], int],
    ) -> None:
        self._database = database
        self._queues = queues
        self._messages_max = messages_max
        self._clock = clock

    async def start(self, source: str, target: str | None, rate_per_s: int | None) -> str:
        """Begin to move what can be received of the queue *source* now; the task's id.

        Raises MoveResourceNotFound for a queue that does not exist, and QueueParameterInvalid where
        *source* is no dead-letter queue, is being moved already, or is not of *target*'s type.
        """
        if rate_per_s is not None and not 1 <= rate_per_s <= RATE_PER_S_MAX:
            reason = f"Must be between 1 and {RATE_PER_S_MAX}, if provided."
            raise QueueParameterInvalid.of(rate_per_s, "MaxNumberOfMessagesPerSecond", reason)

        def transaction(connection: Connection) -> str:
            queue = self._queues.found(connection, source, locked=True)
            if queue is None:
                raise _missing("SourceArn")
            self._check(connection, queue, target)
            now = self._clock(connection)
            where = _receivable(queue, now, queue.number_next - 1)
            count = select(func.count()).select_from(MESSAGES).where(*where)
            values = {
                "id": str(uuid.uuid4()),
                "source_queue": source,
                "target_queue": target,
                "state": MoveState.RUNNING,
                "rate_per_s": rate_per_s,
                "to_move": connection.execute(count).scalar_one(),
                "moved": 0,
                "number_end": queue.number_next - 1,
                "contents_id": queue.contents_id,
                # By it they are told which is newer.
                "started_at_ms": max(now, _forget_old(connection, source) + 1),
                "due_at_ms": now,
            }
            connection.execute(insert(MESSAGE_MOVES).values(values))
            return str(values["id"])

        return await self._database.run(transaction)

    async def of(self, source: str, limit: int) -> list[Move]:
        """The newest tasks of the queue *source*. Raises MoveResourceNotFound."""
        query = (
            select(MESSAGE_MOVES)
            .where(_COLUMNS.source_queue == source)
            .order_by(_COLUMNS.started_at_ms.desc())
            .limit(limit)
        )

        def transaction(connection: Connection) -> list[Move]:
            if self._queues.found(connection, source) is None:
                raise _missing("SourceArn")
            return [_move(row) for row in connection.execute(query)]

        return await self._database.run(transaction)

    async def cancel(self, task: str) -> int:
        """End a task; how many messages it has moved, which stay where they are. Raises
        MoveResourceNotFound where none of this id is under way."""

        def transaction(connection: Connection) -> int:
            running = _COLUMNS.id == task, _COLUMNS.state == MoveState.RUNNING
            query = select(MESSAGE_MOVES).where(*running).with_for_update()
            row = connection.execute(query).first()
            if row is None:
                raise MoveResourceNotFound("Task does not exist.")
            _set(connection, task, state=MoveState.CANCELLED)
            return int(row.moved)

        return await self._database.run(transaction)

    async def step(self) -> Step:
        """Go on with the task that is due first, if one is."""
        return await self._database.run(self._step)

    def _check(self, connection: Connection, queue: Queue, target: str | None) -> None:
        where = MESSAGE_QUEUES.c.dead_letter_queue == queue.name
        query = select(MESSAGE_QUEUES.c.name).where(where).limit(1)
        if connection.execute(query).first() is None:
            raise QueueParameterInvalid("Source queue must be configured as a Dead Letter Queue.")
        if target is not None:
            found = self._queues.found(connection, target)
            if found is None:
                raise _missing("DestinationArn")
            if found.name == queue.name:
                raise QueueParameterInvalid(
                    "Source queue arn and destination queue arn cannot be the same."
                )
            if found.is_fifo != queue.is_fifo:
                raise QueueParameterInvalid(
                    "The source queue and destination queue must be of the same queue type."
                )
        running = _COLUMNS.source_queue == queue.name, _COLUMNS.state == MoveState.RUNNING
        if connection.execute(select(_COLUMNS.id).where(*running)).first() is not None:
            raise QueueParameterInvalid(
                "There is already a task running. Only one active task is allowed for a source "
                "queue arn at a given time."
            )

    def _step(self, connection: Connection) -> Step:
        now = self._clock(connection)
        query = (
            select(MESSAGE_MOVES)
            .where(_COLUMNS.state == MoveState.RUNNING)
            .order_by(_COLUMNS.due_at_ms)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        task = connection.execute(query).first()
        if task is None:
            return Step(pause_s=_LATER_MS / 1000)
        if task.due_at_ms > now:
            return Step(pause_s=(task.due_at_ms - now) / 1000)
        moved_to = self._go_on(connection, task, now)
        return Step(moved_to=moved_to)

    def _go_on(self, connection: Connection, task: Row[Any], now: int) -> str | None:
        """Move some of what is left, all to one queue, which is returned."""
        source = self._queues.found(connection, task.source_queue)
        if source is None or source.contents_id != task.contents_id:
            # Purged: nothing is left of what there was.
            _set(connection, task.id, state=MoveState.COMPLETED)
            return None
        first = connection.execute(_next(source, task, now).limit(1)).first()
        if first is None:
            _set(connection, task.id, state=MoveState.COMPLETED)
            return None
        name = task.target_queue or first.source_queue
        # As receiving does, the queue before its dead-letter queue: so nobody waits in a circle.
        target = None if name is None else self._queues.found(connection, name, locked=True)
        if target is None:
            failure = _NO_SOURCE if name is None else _NO_QUEUE
            _set(connection, task.id, state=MoveState.FAILED, failure=failure)
            return None
        source = self._queues.existing(connection, source.name, locked=True)
        room = min(task.rate_per_s or _ROWS_MAX, _ROWS_MAX, self._messages_max - target.messages)
        if room <= 0:
            _set(connection, task.id, due_at_ms=now + _LATER_MS)
            return None
        query = _next(source, task, now)
        if task.target_queue is None:
            query = query.where(MESSAGES.c.source_queue == target.name)
        rows = connection.execute(query.limit(room)).all()
        _transfer(connection, source, target, rows, now)
        pause_ms = 0 if task.rate_per_s is None else -(-1000 * len(rows) // task.rate_per_s)
        _set(connection, task.id, moved=task.moved + len(rows), due_at_ms=now + pause_ms)
        return target.name


def _receivable(queue: Queue, now: int, number_end: int) -> list[Any]:
    """What of *queue* can be received now: neither in flight nor delayed, nor behind what is in the
    same message group."""
    columns = MESSAGES.c
    where = [
        columns.contents_id == queue.contents_id,
        columns.number <= number_end,
        columns.visible_at_ms <= now,
        columns.sent_at_ms > now - queue.attributes.retention_ms,
    ]
    if queue.is_fifo:
        held = MESSAGES.alias("held")
        hidden = held.c.contents_id == queue.contents_id, held.c.visible_at_ms > now
        where.append(columns.group_id.not_in(select(held.c.group_id).where(*hidden)))
    return where


def _next(source: Queue, task: Row[Any], now: int) -> Any:
    columns = MESSAGES.c
    where = _receivable(source, now, task.number_end)
    return select(columns.number, columns.source_queue).where(*where).order_by(columns.number)


def _transfer(connection: Connection, source: Queue, target: Queue, rows: Any, now: int) -> None:
    """Move messages. As SQS has it, they are new ones there: their age and receives begin anew."""
    for place, row in enumerate(rows):
        where = MESSAGES.c.contents_id == source.contents_id, MESSAGES.c.number == row.number
        changes = {
            "contents_id": target.contents_id,
            "number": target.number_next + place,
            "id": str(uuid.uuid4()),
            "source_queue": None,
            "sent_at_ms": now,
            "visible_at_ms": now,
            "receives": 0,
            "first_received_at_ms": None,
            "received_at_ms": None,
            "receipt": None,
        }
        connection.execute(update(MESSAGES).where(*where).values(changes))
    records.count(connection, source, -len(rows))
    records.count(connection, target, len(rows), numbers=len(rows))


def _set(connection: Connection, task: str, **values: Any) -> None:
    connection.execute(update(MESSAGE_MOVES).where(_COLUMNS.id == task).values(values))


def _forget_old(connection: Connection, source: str) -> int:
    """Make room for another task of the queue *source*; when its newest was started."""
    query = (
        select(_COLUMNS.id, _COLUMNS.started_at_ms)
        .where(_COLUMNS.source_queue == source)
        .order_by(_COLUMNS.started_at_ms.desc())
    )
    rows = connection.execute(query).all()
    old = [row.id for row in rows[KEPT_MAX - 1 :]]
    connection.execute(delete(MESSAGE_MOVES).where(_COLUMNS.id.in_(old)))
    return int(rows[0].started_at_ms) if rows else 0


def _move(row: Row[Any]) -> Move:
    return Move(
        id=row.id,
        source=row.source_queue,
        target=row.target_queue,
        state=MoveState(row.state),
        rate_per_s=row.rate_per_s,
        to_move=row.to_move,
        moved=row.moved,
        failure=row.failure,
        started_at_ms=row.started_at_ms,
    )


def _missing(parameter: str) -> MoveResourceNotFound:
    return MoveResourceNotFound(
        f"The resource that you specified for the {parameter} parameter doesn't exist."
    )
