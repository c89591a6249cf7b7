"""What pollers of queues and of streams have in common."""

import asyncio
import contextlib
import logging
from collections.abc import Coroutine, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.models import Outcome
from wasmfaas.patterns import EventTooComplex
from wasmfaas.sources.filters import Filters
from wasmfaas.sources.source import Message, Source, SourceFailed
from wasmfaas.triggers.mappings import batches
from wasmfaas.triggers.mappings.calls import Calls, Stopped
from wasmfaas.triggers.mappings.hand import Hand

_log = logging.getLogger(__name__)

#: How long a source is asked for messages at a time, where nothing else is due.
IDLE_WAIT_S: Final = 20.0
#: Of Kafka, Lambda gives up after so many where a destination is told, and none are said.
_KAFKA_RETRIES: Final = 10
#: What is being received when polling stops has so long to arrive.
_LEAVE_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a mapping wants its source read, within the bounds of the server."""

    batch_size: int
    window_s: float
    #: Of an event.
    bytes_max: int
    #: Batches that run at once.
    concurrency_max: int
    #: Whether the function's answer says which messages failed.
    reports: bool
    filters: Filters
    #: Of streams: -1 is without end.
    retries_max: int
    age_s_max: int
    bisects: bool
    #: The ARN of what is told of discarded batches.
    on_failure: str | None

    @classmethod
    def of(
        cls, configuration: Mapping[str, Any], *, bytes_max: int, concurrency_max: int
    ) -> "Plan":
        """From the configuration of a mapping. Raises patterns.InvalidPattern."""
        wanted = (configuration.get("ScalingConfig") or {}).get("MaximumConcurrency")
        destinations = configuration.get("DestinationConfig") or {}
        on_failure = (destinations.get("OnFailure") or {}).get("Destination")
        retries_max = int(configuration.get("MaximumRetryAttempts", -1))
        if retries_max < 0 and on_failure and "SelfManagedEventSource" in configuration:
            retries_max = _KAFKA_RETRIES
        return cls(
            batch_size=int(configuration["BatchSize"]),
            window_s=float(configuration.get("MaximumBatchingWindowInSeconds") or 0),
            bytes_max=bytes_max,
            concurrency_max=min(concurrency_max, int(wanted)) if wanted else concurrency_max,
            reports=batches.REPORTS in (configuration.get("FunctionResponseTypes") or ()),
            filters=Filters.of(configuration),
            retries_max=retries_max,
            age_s_max=int(configuration.get("MaximumRecordAgeInSeconds", -1)),
            bisects=bool(configuration.get("BisectBatchOnFunctionError", False)),
            on_failure=on_failure,
        )


class Poller:
    """Reads the source of one mapping until it is stopped. Lives as long as that takes."""

    def __init__(self, plan: Plan, source: Source, calls: Calls) -> None:
        self._plan = plan
        self._source = source
        self._calls = calls
        self._hand = Hand(source)
        self._running: set[asyncio.Task[None]] = set()

    def stop(self) -> None:
        """Receive nothing more; `run` returns when what runs has come to its end."""
        self._calls.stop()

    async def run(self) -> None:
        """Poll until `stop`, or until cancelled: then what runs is left to be delivered again."""
        keeping = asyncio.ensure_future(self._hand.keep())
        try:
            await self._poll()
            if self._running:
                await asyncio.wait(self._running)
        finally:
            for task in (keeping, *self._running):
                task.cancel()
            await asyncio.gather(keeping, *self._running, return_exceptions=True)
            with contextlib.suppress(SourceFailed, TimeoutError):
                await asyncio.wait_for(self._give_back(self._hand.messages), _LEAVE_S)
            await self._source.close()

    async def _poll(self) -> None:
        raise NotImplementedError

    async def _give_back(self, messages: Sequence[Message]) -> None:
        """Have *messages*, which were not tried, come again."""
        self._hand.drop(messages)
        if messages:
            await self._source.fail(messages, at_once=True)

    async def _receive(
        self, limit: int, wait_s: float, busy: AbstractSet[str] = frozenset()
    ) -> Sequence[Message]:
        """What there is, now in hand. Raises Stopped; what goes wrong with the source is waited
        for, and shown."""
        return await self._calls.persistently(lambda: self._receive_once(limit, wait_s, busy))

    async def _receive_once(
        self, limit: int, wait_s: float, busy: AbstractSet[str]
    ) -> Sequence[Message]:
        receiving = asyncio.ensure_future(self._source.receive(limit, wait_s, busy))
        await self._calls.either(receiving, _LEAVE_S)
        if not receiving.done():
            receiving.cancel()
            await asyncio.gather(receiving, return_exceptions=True)
            raise Stopped
        try:
            messages = receiving.result()
        except SourceFailed:
            raise
        except Exception as error:
            # Somebody else's code, perhaps; it is not to end the polling.
            _log.exception("the source of an event source mapping failed")
            raise SourceFailed(f"{type(error).__name__} while receiving: {error}") from None
        self._hand.take(messages)
        if self._calls.is_stopped:
            raise Stopped
        return messages

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        if not task.cancelled() and task.exception() is not None:
            _log.error("a batch was given up", exc_info=task.exception())

    async def _passes(self, message: Message) -> bool:
        """Whether the function gets *message*; it does where the filters cannot say."""
        try:
            return self._plan.filters.passes(message)
        except EventTooComplex as error:
            await self._calls.note(f"PROBLEM: message {message.id} was not filtered: {error}")
            return True

    def _failures(self, outcome: Outcome, messages: Sequence[Message]) -> frozenset[str]:
        """Ids of the messages that were not handled."""
        if outcome.error_type is not None:
            return frozenset(message.id for message in messages)
        if not self._plan.reports:
            return frozenset()
        return batches.failures(outcome.payload, messages)
