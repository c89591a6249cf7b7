"""The built-in queue, as the rest of the server uses it."""

import asyncio
import re
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

from sqlalchemy import Connection

from wasmfaas.queue_errors import (
    QueueDoesNotExist,
    QueueError,
    QueueOverLimit,
    QueueParameterInvalid,
)
from wasmfaas.store import database
from wasmfaas.store.commits import GroupCommit
from wasmfaas.store.database import Database
from wasmfaas.store.message_queues import receiving, sending, settling, upkeep
from wasmfaas.store.message_queues.administration import Administration
from wasmfaas.store.message_queues.attributes import VISIBILITY_S_MAX, WAIT_S_MAX
from wasmfaas.store.message_queues.messages import NewMessage, Received, Sent
from wasmfaas.store.message_queues.moves import MessageMoves
from wasmfaas.store.message_queues.receiving import Receipt
from wasmfaas.store.message_queues.records import Queue, Queues

Result = TypeVar("Result")

RECEIVED_MAX: Final = 10
#: SQS's bound of messages in flight.
IN_FLIGHT_MAX: Final = 120_000
#: Other servers send, too, and do not say so: a receive that waits looks so often.
_LOOK_EVERY_S: Final = 1.0
_ARN: Final = re.compile(r"arn:aws:sqs:[a-z0-9-]+:\d{12}:(?P<name>[A-Za-z0-9_.-]{1,80})", re.ASCII)


class MessageQueues:
    """The built-in queues of one database. Lives as long as the server; used in its event loop.

    *arns* is what the ARNs of all queues begin with, `arn:aws:sqs:REGION:ACCOUNT:`. *queues_max*
    bounds the queues, *messages_max* the messages of each. *clock* gives the database's time in
    Unix milliseconds.

    What is sent is synced to disk when `send` returns, and what is deleted when `delete` does. Many
    callers share a sync.
    """

    def __init__(
        self,
        database_: Database,
        arns: str,
        *,
        queues_max: int,
        messages_max: int,
        clock: Callable[[Connection], int] = database.now_ms,
    ) -> None:
        self._database = database_
        self._commits = GroupCommit(database_)
        self._queues = Queues(arns)
        self._messages_max = messages_max
        self._clock = clock
        self._stopping = False
        #: By queue: set, and forgotten, when something may be there to receive.
        self._arrivals: dict[str, asyncio.Event] = {}
        #: By contents: receives that may be before those in flight are counted again.
        self._room: dict[str, int] = {}
        #: By queue: the message group that was received from last.
        self._groups: dict[str, str] = {}
        self.administration = Administration(database_, self._queues, queues_max, clock)
        self.moves = MessageMoves(database_, self._queues, messages_max, clock)

    def arn(self, name: str) -> str:
        """The ARN of the queue *name*."""
        return self._queues.arn(name)

    def name_of(self, arn: str) -> str | None:
        """The name of the queue of *arn*, which need not exist; None for another server's."""
        found = _ARN.fullmatch(arn)
        return found["name"] if found is not None and arn == self.arn(found["name"]) else None

    def stop(self) -> None:
        """Let no receive wait any more."""
        self._stopping = True
        for name in list(self._arrivals):
            self.notify(name)

    async def close(self) -> None:
        """Finish what has been handed over."""
        await self._commits.close()

    def notify(self, name: str) -> None:
        """Wake who waits to receive from the queue *name*."""
        event = self._arrivals.pop(name, None)
        if event is not None:
            event.set()

    def arrival(self, name: str) -> asyncio.Event:
        """An event that is set, once, when something may be there to receive from the queue *name*.
        Ask for it, then receive, then wait: nothing is missed so."""
        return self._arrivals.setdefault(name, asyncio.Event())

    def insert(self, connection: Connection, name: str, message: NewMessage) -> Sent:
        """Send *message* inside a transaction of the caller, who calls `notify` after its commit.

        Raises QueueDoesNotExist, and QueueError where the queue does not take it or is full; then
        nothing was written.
        """
        queue = self._queues.existing(connection, name, locked=True)
        now = self._clock(connection)
        return sending.insert_message(connection, queue, message, now, self._messages_max)

    async def send(self, name: str, message: NewMessage) -> Sent:
        """Send *message*; when this returns, it is synced to disk. Raises what `insert` does, and
        StorageFull."""
        sent = await self._commits.run(lambda connection: self.insert(connection, name, message))
        self.notify(name)
        return sent

    async def send_all(self, name: str, messages: Sequence[NewMessage]) -> list[Sent | QueueError]:
        """The same for several, in order: what became of each. Raises QueueDoesNotExist and
        StorageFull."""

        def step(connection: Connection) -> list[Sent | QueueError]:
            self._queues.existing(connection, name)
            return [
                _caught(lambda: self.insert(connection, name, message))  # noqa: B023
                for message in messages
            ]

        sent = await self._commits.run(step)
        self.notify(name)
        return sent

    async def receive(
        self,
        name: str,
        *,
        limit: int = 1,
        visibility_s: int | None = None,
        wait_s: float | None = None,
    ) -> list[Received]:
        """Up to *limit* messages, hidden from others for *visibility_s* seconds; waits up to
        *wait_s* seconds for the first. None stands for the queue's own values.

        A message that was received as often as the queue's redrive policy says moves to the
        dead-letter queue instead. Raises QueueDoesNotExist, QueueOverLimit, and
        QueueParameterInvalid.
        """
        _check_receive(limit, visibility_s, wait_s)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while True:
            arrival = self.arrival(name)
            try:
                queue, now, receipt = await self._commits.run(
                    lambda connection: self._receive(connection, name, limit, visibility_s)
                )
            except QueueDoesNotExist:
                self.notify(name)
                raise
            if receipt.dead_lettered_to is not None:
                self.notify(receipt.dead_lettered_to)
            if wait_s is None:
                wait_s = queue.attributes.number("ReceiveMessageWaitTimeSeconds")
            remaining = begun + wait_s - loop.time()
            if receipt.messages or remaining <= 0 or self._stopping:
                return receipt.messages
            pause = min(remaining, _LOOK_EVERY_S)
            if receipt.due_at_ms is not None:
                pause = min(pause, max(0.001, (receipt.due_at_ms - now) / 1000))
            await _set_within(arrival, pause)

    async def delete(self, name: str, handles: Sequence[str]) -> list[QueueError | None]:
        """Delete the messages of receipt handles; for each, what was wrong with it. Raises
        QueueDoesNotExist and StorageFull."""

        def step(connection: Connection) -> list[QueueError | None]:
            queue = self._queues.existing(connection, name, locked=True)
            now = self._clock(connection)
            return [
                _failure(lambda: settling.delete_message(connection, queue, handle, now))  # noqa: B023
                for handle in handles
            ]

        results = await self._commits.run(step)
        # In a FIFO queue, the next of its group may be received now.
        self.notify(name)
        return results

    async def change_visibility(
        self, name: str, changes: Sequence[tuple[str, int]]
    ) -> list[QueueError | None]:
        """Hide the messages of receipt handles for so many seconds from now; for each, what was
        wrong with it. Raises QueueDoesNotExist and StorageFull."""

        def step(connection: Connection) -> list[QueueError | None]:
            queue = self._queues.existing(connection, name)
            now = self._clock(connection)
            return [
                _failure(
                    lambda: settling.change_visibility(connection, queue, handle, seconds, now)  # noqa: B023
                )
                for handle, seconds in changes
            ]

        results = await self._commits.run(step)
        self.notify(name)
        return results

    async def move_some(self) -> float:
        """Go on with the moves that are due; after how many seconds to do so again."""
        while True:
            step = await self.moves.step()
            if step.moved_to is not None:
                self.notify(step.moved_to)
            if step.pause_s > 0:
                return step.pause_s

    async def prune(self) -> int:
        """Remove messages that were kept for long enough, and what is left of queues that are gone;
        how many rows."""
        done = await self._all(upkeep.sweep)
        done += await self._all(
            lambda connection: upkeep.expire_deduplications(connection, self._clock(connection))
        )
        for name in await self._database.run(self._names):
            done += await self._all(
                lambda connection: upkeep.expire_messages(
                    connection,
                    self._queues,
                    name,  # noqa: B023
                    self._clock(connection),
                )
            )
        return done

    def _names(self, connection: Connection) -> list[str]:
        names = upkeep.names(connection)
        for name in set(self._groups) - set(names):
            del self._groups[name]
        self._room.clear()
        return names

    async def _all(self, transaction: Callable[[Connection], int]) -> int:
        total = 0
        while done := await self._database.run(transaction):
            total += done
        return total

    def _receive(
        self, connection: Connection, name: str, limit: int, visibility_s: int | None
    ) -> tuple[Queue, int, Receipt]:
        queue = self._queues.existing(connection, name, locked=True)
        now = self._clock(connection)
        if not self._may_receive(connection, queue, limit, now):
            return queue, now, Receipt(messages=[])
        if visibility_s is None:
            visibility_s = queue.attributes.number("VisibilityTimeout")
        receipt = receiving.receive(
            connection,
            self._queues,
            queue,
            now,
            limit,
            now + visibility_s * 1000,
            self._groups.get(name, ""),
        )
        if queue.is_fifo:
            self._groups[name] = receipt.group
        self._room[queue.contents_id] -= len(receipt.messages)
        return queue, now, receipt

    def _may_receive(self, connection: Connection, queue: Queue, limit: int, now: int) -> bool:
        """Whether so many more may be in flight; raises QueueOverLimit for a standard queue."""
        if self._room.get(queue.contents_id, 0) < limit:
            in_flight, _ = receiving.not_visible(connection, queue, now)
            self._room[queue.contents_id] = IN_FLIGHT_MAX - in_flight
            if in_flight + limit > IN_FLIGHT_MAX:
                if queue.is_fifo:
                    return False
                raise QueueOverLimit(
                    f"{in_flight} messages of the queue {queue.name} are in flight, and at most "
                    f"{IN_FLIGHT_MAX} may be. Delete those that are done with."
                )
        return True


def _check_receive(limit: int, visibility_s: int | None, wait_s: float | None) -> None:
    if not 1 <= limit <= RECEIVED_MAX:
        reason = f"Must be between 1 and {RECEIVED_MAX}, if provided."
        raise QueueParameterInvalid.of(limit, "MaxNumberOfMessages", reason)
    if wait_s is not None and not 0 <= wait_s <= WAIT_S_MAX:
        reason = f"Must be >= 0 and <= {WAIT_S_MAX}, if provided."
        raise QueueParameterInvalid.of(wait_s, "WaitTimeSeconds", reason)
    if visibility_s is not None and not 0 <= visibility_s <= VISIBILITY_S_MAX:
        reason = f"Must be >= 0 and <= {VISIBILITY_S_MAX}, if provided."
        raise QueueParameterInvalid.of(visibility_s, "VisibilityTimeout", reason)


async def _set_within(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        pass


def _caught(work: Callable[[], Result]) -> Result | QueueError:
    try:
        return work()
    except QueueError as error:
        return error


def _failure(work: Callable[[], object]) -> QueueError | None:
    result = _caught(work)
    return result if isinstance(result, QueueError) else None
