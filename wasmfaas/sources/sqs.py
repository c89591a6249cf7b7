"""Queues at an SQS-compatible endpoint, as sources."""

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

from wasmfaas.services.arns import MessageArn
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.services.sqs import Sqs
from wasmfaas.sources import sqs_records
from wasmfaas.sources.source import Message, SourceFailed

#: SQS's own bounds of a call.
_MESSAGES_MAX: Final = 10
_WAIT_S_MAX: Final = 20
#: Where the queue does not say how long what was received stays hidden.
_VISIBILITY_S: Final = 30.0


class SqsQueue:
    """One queue, read for one mapping."""

    ordered = False

    def __init__(self, sqs: Sqs, queue: MessageArn) -> None:
        self._sqs = sqs
        self._queue = queue
        #: Seconds that received messages stay hidden; asked for before the first of them.
        self.hold_s: float | None = None

    async def receive(self, limit: int, wait_s: float, busy: AbstractSet[str]) -> Sequence[Message]:
        if self.hold_s is None:
            self.hold_s = await self._visibility_s()
        seconds = min(math.ceil(wait_s), _WAIT_S_MAX)
        document = {
            "MaxNumberOfMessages": min(limit, _MESSAGES_MAX),
            "WaitTimeSeconds": seconds,
            # The older name of the two is the one that everybody knows.
            "AttributeNames": ["All"],
            "MessageAttributeNames": ["All"],
        }
        answer = await self._call("ReceiveMessage", document, seconds)
        received = answer.get("Messages") or []
        return [sqs_records.message_of(each, str(self._queue)) for each in received]

    def event(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"Records": records}

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        for entries in _entries(messages):
            answer = await self._call("DeleteMessageBatch", {"Entries": entries})
            failed = [each for each in answer.get("Failed") or [] if not each.get("SenderFault")]
            if failed:
                raise SourceFailed(
                    f"{self._queue.name}: {len(failed)} messages could not be deleted: "
                    f"{str(failed[0].get('Message') or failed[0].get('Code'))[:200]}"
                )

    async def fail(self, messages: Sequence[Message], *, at_once: bool) -> None:
        # Else they come again when the time they are hidden is over, as on Lambda.
        if at_once:
            await self._hide(messages, 0)

    async def extend(self, messages: Sequence[Message]) -> None:
        await self._hide(messages, int(self.hold_s or _VISIBILITY_S))

    async def close(self) -> None:
        """The client is everybody's."""

    async def _hide(self, messages: Sequence[Message], seconds: int) -> None:
        for entries in _entries(messages):
            hidden = [entry | {"VisibilityTimeout": seconds} for entry in entries]
            await self._call("ChangeMessageVisibilityBatch", {"Entries": hidden})

    async def _visibility_s(self) -> float:
        asked = {"AttributeNames": ["VisibilityTimeout"]}
        answer = await self._call("GetQueueAttributes", asked)
        with contextlib.suppress(ValueError):
            return max(float((answer.get("Attributes") or {})["VisibilityTimeout"]), 1.0)
        return _VISIBILITY_S

    async def _call(
        self, operation: str, document: Mapping[str, Any], wait_s: float = 0
    ) -> dict[str, Any]:
        try:
            return await self._sqs.call(operation, self._queue, document, wait_s)
        except RemoteFailed as error:
            raise SourceFailed(error.message) from None


def _entries(messages: Sequence[Message]) -> Iterator[list[dict[str, Any]]]:
    for start in range(0, len(messages), _MESSAGES_MAX):
        some = messages[start : start + _MESSAGES_MAX]
        yield [
            {"Id": str(number), "ReceiptHandle": message.receipt}
            for number, message in enumerate(some)
        ]
