"""Handlers of SQS's operations that move messages out of dead-letter queues."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.api.calls import Reply
from wasmfaas.api.sqs.calls import QueueCall, QueueHandler
from wasmfaas.queue_errors import MoveResourceNotFound, QueueParameterInvalid
from wasmfaas.store.message_queues.moves import KEPT_MAX, Move, MoveState
from wasmfaas.store.message_queues.queues import MessageQueues

_HANDLE_CHARACTERS_MAX: Final = 1000


class MoveOperations:
    """Lifetime: process."""

    def __init__(self, queues: MessageQueues) -> None:
        self._queues = queues
        self._moves = queues.moves

    def rows(self) -> Mapping[str, QueueHandler]:
        return {
            "CancelMessageMoveTask": self.cancel,
            "ListMessageMoveTasks": self.list,
            "StartMessageMoveTask": self.start,
        }

    async def start(self, call: QueueCall) -> Reply:
        asked = call.parameters
        source = self._named(call, "SourceArn")
        target = self._named(call, "DestinationArn") if asked.get("DestinationArn") else None
        rate = asked.get("MaxNumberOfMessagesPerSecond")
        task = await self._moves.start(source, target, rate)
        return Reply({"TaskHandle": self._handle(task, source)})

    async def list(self, call: QueueCall) -> Reply:
        limit = call.parameters.get("MaxResults", 1)
        if not 1 <= limit <= KEPT_MAX:
            reason = f"Must be between 1 and {KEPT_MAX}, if provided."
            raise QueueParameterInvalid.of(limit, "MaxResults", reason)
        found = await self._moves.of(self._named(call, "SourceArn"), limit)
        return Reply({"Results": [self._members(move) for move in found]})

    async def cancel(self, call: QueueCall) -> Reply:
        moved = await self._moves.cancel(_task_of(call.parameters["TaskHandle"]))
        return Reply({"ApproximateNumberOfMessagesMoved": moved})

    def _named(self, call: QueueCall, member: str) -> str:
        """The queue whose ARN is in a *member* of the request."""
        arn = call.parameters[member]
        if not arn.startswith("arn:") or arn.count(":") != 5:
            raise QueueParameterInvalid(
                f"You must use this format to specify the {member}: "
                "arn:<partition>:<service>:<region>:<account-id>:<resource-id>"
            )
        name = self._queues.name_of(arn)
        if name is None:
            raise MoveResourceNotFound(
                f"The resource that you specified for the {member} parameter doesn't exist."
            )
        return name

    def _members(self, move: Move) -> dict[str, Any]:
        running = move.state is MoveState.RUNNING
        return {
            # As on SQS, of those only that can be cancelled.
            "TaskHandle": self._handle(move.id, move.source) if running else None,
            "Status": move.state,
            "SourceArn": self._queues.arn(move.source),
            "DestinationArn": None if move.target is None else self._queues.arn(move.target),
            "MaxNumberOfMessagesPerSecond": move.rate_per_s,
            "ApproximateNumberOfMessagesMoved": move.moved,
            "ApproximateNumberOfMessagesToMove": move.to_move,
            "FailureReason": move.failure,
            "StartedTimestamp": move.started_at_ms,
        }

    def _handle(self, task: str, source: str) -> str:
        document = {"taskId": task, "sourceArn": self._queues.arn(source)}
        return base64.b64encode(json.dumps(document).encode()).decode()


def _task_of(handle: str) -> str:
    """The id of the task of a handle. Raises QueueParameterInvalid."""
    try:
        if len(handle) > _HANDLE_CHARACTERS_MAX:
            raise ValueError
        return str(json.loads(base64.b64decode(handle, validate=True))["taskId"])
    except (ValueError, KeyError, TypeError, RecursionError, binascii.Error):
        raise QueueParameterInvalid("Value for parameter TaskHandle is invalid.") from None
