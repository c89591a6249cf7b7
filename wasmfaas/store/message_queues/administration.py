"""Queues made, changed, listed and deleted."""

import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection, delete, func, insert, select, update

from wasmfaas.queue_errors import (
    PurgeInProgress,
    QueueAttributeNameInvalid,
    QueueNameExists,
    QueueOverLimit,
    QueueParameterInvalid,
)
from wasmfaas.store.database import Database
from wasmfaas.store.message_queues import attributes, receiving, sending, upkeep
from wasmfaas.store.message_queues.attributes import QueueAttributes
from wasmfaas.store.message_queues.records import Queue, Queues
from wasmfaas.store.message_tables import MESSAGE_MOVES, MESSAGE_QUEUES

#: SQS's limit is a recommendation.
TAGS_MAX: Final = 50
_TAG_KEY_CHARACTERS_MAX: Final = 128
_TAG_VALUE_CHARACTERS_MAX: Final = 256
_PURGE_EVERY_MS: Final = 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many messages a queue has, by what can be done with them."""

    visible: int
    in_flight: int
    delayed: int


class Administration:
    """The queues of one database. Lives as long as the server.

    *queues_max* bounds how many there are; *clock* gives the database's time in Unix milliseconds.
    Every method raises StorageFull where it cannot write.
    """

    def __init__(
        self,
        database: Database,
        queues: Queues,
        queues_max: int,
        clock: Callable[[Connection], int],
    ) -> None:
        self._database = database
        self._queues = queues
        self._queues_max = queues_max
        self._clock = clock

    async def create(self, name: str, given: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Make the queue *name*, or find that it is there with these attributes.

        Raises QueueNameExists where it has others, QueueOverLimit, and QueueError for what is
        wrong with the name, an attribute or a tag.
        """
        if "FifoQueue" in given and given["FifoQueue"].lower() != "true":
            raise QueueAttributeNameInvalid("Unknown Attribute FifoQueue.")
        fifo = "FifoQueue" in given
        attributes.check_name(name, fifo=fifo)
        chosen = attributes.checked(given, self._queues.arns, fifo=fifo)
        _check_tags(tags)
        await self._database.run(
            lambda connection: self._create(connection, name, chosen, dict(tags))
        )

    async def get(self, name: str) -> Queue:
        """Raises QueueDoesNotExist."""
        return await self._database.run(lambda connection: self._queues.existing(connection, name))

    async def described(self, name: str) -> tuple[Queue, Counts]:
        """The queue *name* and its counts. Raises QueueDoesNotExist."""

        def transaction(connection: Connection) -> tuple[Queue, Counts]:
            queue = self._queues.existing(connection, name)
            now = self._clock(connection)
            in_flight, delayed = receiving.not_visible(connection, queue, now)
            visible = max(0, queue.messages - in_flight - delayed)
            return queue, Counts(visible=visible, in_flight=in_flight, delayed=delayed)

        return await self._database.run(transaction)

    async def page(
        self, *, prefix: str = "", after: str = "", limit: int, dead_letters_to: str | None = None
    ) -> tuple[list[str], bool]:
        """Names of queues that begin with *prefix* and come after *after*: at most *limit*, in
        order, and whether there are more. With *dead_letters_to*, of those that have that queue as
        dead-letter queue."""
        columns = MESSAGE_QUEUES.c
        where = [columns.name > after, columns.name.startswith(prefix, autoescape=True)]
        if dead_letters_to is not None:
            where.append(columns.dead_letter_queue == dead_letters_to)
        query = select(columns.name).where(*where).order_by(columns.name)
        found = await self._database.run(lambda connection: connection.scalars(query).all())
        # LIKE is case-insensitive on some databases.
        names = [name for name in found if name.startswith(prefix)]
        return names[:limit], len(names) > limit

    async def set_attributes(self, name: str, given: Mapping[str, str]) -> None:
        """Change attributes; an empty policy unsets it. Raises QueueDoesNotExist, and QueueError
        for what is wrong with an attribute."""

        def change(connection: Connection, queue: Queue) -> dict[str, Any]:
            if given.get("FifoQueue", "true").lower() != "true" or (
                "FifoQueue" in given and not queue.is_fifo
            ):
                raise QueueAttributeNameInvalid("Unknown Attribute FifoQueue.")
            changes = attributes.checked(given, self._queues.arns, fifo=queue.is_fifo)
            after = attributes.merged(queue.attributes.set, changes)
            self._check_redrive(connection, queue.name, after)
            return _attribute_columns(after, self._queues.arns) | {
                "modified_at_ms": self._clock(connection)
            }

        await self._amend(name, change)

    async def tag(self, name: str, tags: Mapping[str, str], removed: Sequence[str]) -> None:
        """Add *tags* and take those named in *removed*. Raises QueueDoesNotExist, and
        QueueParameterInvalid for tags."""
        _check_tags(tags)

        def change(connection: Connection, queue: Queue) -> dict[str, Any]:
            after = {**queue.tags, **tags}
            for key in removed:
                after.pop(key, None)
            _check_tags(after)
            return {"tags": json.dumps(after)}

        await self._amend(name, change)

    async def purge(self, name: str) -> None:
        """Delete all messages. Raises QueueDoesNotExist, and PurgeInProgress within a minute of the
        last time."""

        def change(connection: Connection, queue: Queue) -> dict[str, Any]:
            now = self._clock(connection)
            if queue.purged_at_ms is not None and queue.purged_at_ms > now - _PURGE_EVERY_MS:
                raise PurgeInProgress(
                    f"Only one PurgeQueue operation on {name} is allowed every 60 seconds."
                )
            upkeep.abandon(connection, queue)
            return {"contents_id": uuid.uuid4().hex, "messages": 0, "purged_at_ms": now}

        await self._amend(name, change)

    async def delete(self, name: str) -> None:
        """Delete the queue and its messages. Raises QueueDoesNotExist."""

        def transaction(connection: Connection) -> None:
            queue = self._queues.existing(connection, name, locked=True)
            upkeep.abandon(connection, queue)
            connection.execute(delete(MESSAGE_MOVES).where(MESSAGE_MOVES.c.source_queue == name))
            connection.execute(delete(MESSAGE_QUEUES).where(MESSAGE_QUEUES.c.name == name))

        await self._database.run(transaction)

    async def _amend(
        self, name: str, change: Callable[[Connection, Queue], dict[str, Any]]
    ) -> None:
        def transaction(connection: Connection) -> None:
            queue = self._queues.existing(connection, name, locked=True)
            values = change(connection, queue)
            where = MESSAGE_QUEUES.c.name == name
            connection.execute(update(MESSAGE_QUEUES).where(where).values(values))

        await self._database.run(transaction)

    def _create(
        self,
        connection: Connection,
        name: str,
        chosen: Mapping[str, str],
        tags: Mapping[str, str],
    ) -> None:
        queue = self._queues.found(connection, name, locked=True)
        if queue is not None:
            shown = queue.attributes.shown()
            for attribute, value in chosen.items():
                if shown.get(attribute, "") != value:
                    raise QueueNameExists(
                        "A queue already exists with the same name and a different value for "
                        f"attribute {attribute}"
                    )
            return
        count = connection.execute(select(func.count()).select_from(MESSAGE_QUEUES)).scalar_one()
        if count >= self._queues_max:
            raise QueueOverLimit(
                f"There are {count} queues, and at most {self._queues_max} may be "
                "(--queues-max). Delete some."
            )
        after = attributes.merged({}, chosen)
        self._check_redrive(connection, name, after)
        now = self._clock(connection)
        fixed = {
            "name": name,
            "contents_id": uuid.uuid4().hex,
            "tags": json.dumps(tags),
            "deduplicates_groups": int(
                QueueAttributes(after, self._queues.arns).deduplicates_groups
            ),
            "number_next": 1,
            "messages": 0,
            "created_at_ms": now,
            "modified_at_ms": now,
        }
        columns = _attribute_columns(after, self._queues.arns)
        connection.execute(insert(MESSAGE_QUEUES).values(fixed | columns))

    def _check_redrive(self, connection: Connection, name: str, after: Mapping[str, str]) -> None:
        settled = QueueAttributes(after, self._queues.arns)
        if settled.redrive is None:
            return
        target_name, text = settled.redrive.dead_letter_queue, after["RedrivePolicy"]
        target = self._queues.found(connection, target_name)
        if target is None or target_name == name:
            reason = "Dead letter target does not exist."
            raise QueueParameterInvalid.of(text, "RedrivePolicy", reason)
        if target.is_fifo != settled.is_fifo:
            reason = "Dead-letter queue must be same type of queue as the source."
            raise QueueParameterInvalid.of(text, "RedrivePolicy", reason)
        sending.check_source(target, name)


def _attribute_columns(after: Mapping[str, str], arns: str) -> dict[str, Any]:
    redrive = QueueAttributes(after, arns).redrive
    return {
        "attributes": json.dumps(dict(after)),
        "dead_letter_queue": None if redrive is None else redrive.dead_letter_queue,
    }


def _check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise QueueParameterInvalid(
            f"Too many tags added for queue: it would have {len(tags)}, at most {TAGS_MAX}."
        )
    for key, value in tags.items():
        for text, least, greatest, what in (
            (key, 1, _TAG_KEY_CHARACTERS_MAX, "key"),
            (value, 0, _TAG_VALUE_CHARACTERS_MAX, "value"),
        ):
            if not least <= len(text) <= greatest:
                raise QueueParameterInvalid(
                    f"The tag {what} {text[:50]!a} has {len(text)} characters, but must have from "
                    f"{least} to {greatest}."
                )
