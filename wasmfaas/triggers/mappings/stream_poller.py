"""Polls streams: within a partition, a batch runs when the one before it has come to its end."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from wasmfaas.models import Outcome
from wasmfaas.sources.source import Message, Source
from wasmfaas.triggers.mappings import batches
from wasmfaas.triggers.mappings.calls import Calls, Stopped
from wasmfaas.triggers.mappings.discards import AGE_EXCEEDED, RETRIES_EXHAUSTED, TOO_LARGE, Discards
from wasmfaas.triggers.mappings.poller import IDLE_WAIT_S, Plan, Poller

_RETRY_S_MIN: Final = 1.0
_RETRY_S_MAX: Final = 60.0
#: While batches of some partitions run, how often the others are looked at.
_LOOK_EVERY_S: Final = 0.2
#: What is received and waits for its window, in events of the largest size.
_FORMING_EVENTS_MAX: Final = 8


@dataclass(frozen=True, slots=True)
class Item:
    """One message, and whether the function gets it."""

    message: Message
    wanted: bool


@dataclass(frozen=True, slots=True)
class Part:
    """Messages of a partition in their order, of which the first has been tried *attempts* times in
    vain."""

    items: Sequence[Item]
    attempts: int = 0

    @property
    def wanted(self) -> list[Message]:
        return [item.message for item in self.items if item.wanted]

    def split(self, message: Message, *, after: bool = False) -> "tuple[Part, Part]":
        """What comes before *message*, and from it on; with *after*, it is in the first."""
        places = (place for place, item in enumerate(self.items) if item.message is message)
        place = next(places) + after
        return Part(self.items[:place]), Part(self.items[place:])


@dataclass(slots=True)
class Forming:
    """A batch of one partition that is being received."""

    ends_at: float
    items: list[Item] = field(default_factory=list)
    wanted: int = 0
    size_bytes: int = 0


def retry_delay_s(attempts: int) -> float:
    """How long a batch waits after its *attempts*-th attempt."""
    return min(_RETRY_S_MIN * (1 << min(attempts - 1, 10)), _RETRY_S_MAX)


class StreamPoller(Poller):
    """Polls one stream. A batch that failed is tried again, and holds up its partition, until it
    succeeds, or its attempts or its time are over; then it is discarded.

    *clock* gives Unix time in seconds, *retry_delay* the seconds after a number of attempts.
    """

    def __init__(
        self,
        plan: Plan,
        source: Source,
        calls: Calls,
        discards: Discards,
        *,
        clock: Callable[[], float] = time.time,
        retry_delay: Callable[[int], float] = retry_delay_s,
    ) -> None:
        super().__init__(plan, source, calls)
        self._discards = discards
        self._clock = clock
        self._retry_delay = retry_delay
        self._forming: dict[str, Forming] = {}
        #: Partitions of which a batch runs.
        self._busy: set[str] = set()
        self._freed = asyncio.Event()

    async def _poll(self) -> None:
        try:
            while not self._calls.is_stopped:
                await self._until_free()
                await self._receive_more()
                self._begin_those_due()
        except Stopped:
            return

    async def _receive_more(self) -> None:
        """Receive, until a batch is due at most; while batches run, as soon as one ends."""
        forming = [(name, each) for name, each in self._forming.items() if name not in self._busy]
        ends_at = min((each.ends_at for _, each in forming), default=None)
        wait_s = IDLE_WAIT_S
        if ends_at is not None:
            wait_s = min(ends_at - asyncio.get_running_loop().time(), wait_s)
        if wait_s <= 0 or any(self._is_full(each) for _, each in forming):
            return
        if forming and self._holds_too_much():
            return
        self._freed.clear()
        busy = frozenset(self._busy)
        received = await self._receive(self._plan.batch_size, 0 if busy else wait_s, busy)
        await self._form(received)
        if busy and not received:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), min(wait_s, _LOOK_EVERY_S))

    async def _until_free(self) -> None:
        while len(self._busy) >= self._plan.concurrency_max:
            self._freed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._freed.wait(), 1.0)
            if self._calls.is_stopped:
                raise Stopped

    async def _form(self, messages: Sequence[Message]) -> None:
        for message in messages:
            item = Item(message, await self._passes(message))
            self._keep(message.partition, [item])

    def _keep(self, partition: str, items: Sequence[Item]) -> None:
        forming = self._forming.get(partition)
        if forming is None:
            ends_at = asyncio.get_running_loop().time() + self._plan.window_s
            forming = self._forming[partition] = Forming(ends_at)
        forming.items += items
        for item in items:
            forming.wanted += item.wanted
            # Also of what is filtered out: it is held until what came before it is done.
            forming.size_bytes += batches.size_of(item.message)

    def _is_full(self, forming: Forming) -> bool:
        return forming.wanted >= self._plan.batch_size or forming.size_bytes >= self._plan.bytes_max

    def _holds_too_much(self) -> bool:
        """Whether so much is being received, of all partitions together, that no window counts."""
        held = sum(each.size_bytes for each in self._forming.values())
        return held >= _FORMING_EVENTS_MAX * self._plan.bytes_max

    def _batch_of(self, items: Sequence[Item]) -> int:
        """How many of *items* make a batch: the function gets as many as a batch may have."""
        wanted = 0
        for place, item in enumerate(items):
            wanted += item.wanted
            if wanted == self._plan.batch_size:
                return place + 1
        return len(items)

    def _begin_those_due(self) -> None:
        now, too_much = asyncio.get_running_loop().time(), self._holds_too_much()
        for partition, forming in list(self._forming.items()):
            is_due = too_much or forming.ends_at <= now or self._is_full(forming)
            free = len(self._busy) < self._plan.concurrency_max
            if is_due and free and partition not in self._busy:
                del self._forming[partition]
                self._busy.add(partition)
                size = self._batch_of(forming.items)
                self._start(self._run(partition, forming.items[:size]))
                if forming.items[size:]:
                    self._keep(partition, forming.items[size:])

    async def _run(self, partition: str, items: Sequence[Item]) -> None:
        try:
            parts, defects = [Part(items)], 0
            while parts:
                try:
                    parts[-1:] = reversed(await self._step(parts[-1]))
                except Stopped:
                    raise
                except Exception as error:
                    # What comes behind it must not pass it: it would be acknowledged with that.
                    defects += 1
                    await self._calls.trouble(error)
                    await self._calls.pause(self._retry_delay(defects))
        except Stopped:
            pass  # What is in hand goes back when polling ends.
        finally:
            self._busy.discard(partition)
            self._freed.set()

    async def _step(self, part: Part) -> list[Part]:
        """Try the first of *part*; what is still to be done with it, in order."""
        wanted = part.wanted
        if not wanted:
            await self._done(part)
            return []
        if self._is_too_old(wanted[0]):
            old, rest = part.split(wanted[0], after=True)
            await self._discard(old, AGE_EXCEEDED, None)
            return [Part(rest.items, part.attempts)]
        cut = batches.cut(self._source, wanted, self._plan.bytes_max)
        if cut is None:
            large, rest = part.split(wanted[0], after=True)
            await self._discard(large, TOO_LARGE, None)
            return [rest]
        if cut.rest:
            first, rest = part.split(cut.rest[0])
            return [Part(first.items, part.attempts), rest]
        outcome = await self._calls.call(cut.event)
        return await self._after(part, outcome)

    async def _after(self, part: Part, outcome: Outcome) -> list[Part]:
        wanted = part.wanted
        failed = self._failures(outcome, wanted)
        if not failed:
            await self._done(part)
            return []
        lowest = next(message for message in wanted if message.id in failed)
        attempts = part.attempts + 1
        if lowest is not wanted[0]:
            # All before the first that failed is done with, and the rest has been tried once.
            done, part = part.split(lowest)
            await self._done(done)
            attempts = 1
        elif self._plan.bisects and len(wanted) > 1:
            first, second = part.split(wanted[len(wanted) // 2])
            await self._calls.pause(self._retry_delay(1))
            return [Part(first.items, part.attempts), Part(second.items, part.attempts)]
        if 0 <= self._plan.retries_max < attempts:
            await self._discard(Part(part.items, attempts), RETRIES_EXHAUSTED, outcome)
            return []
        await self._calls.pause(self._retry_delay(attempts))
        return [Part(part.items, attempts)]

    def _is_too_old(self, message: Message) -> bool:
        if self._plan.age_s_max < 0 or message.sent_at_ms is None:
            return False
        return self._clock() * 1000 - message.sent_at_ms > self._plan.age_s_max * 1000

    async def _discard(self, part: Part, condition: str, outcome: Outcome | None) -> None:
        """Give *part* up: its destination is told, and only then the source."""
        await self._calls.note(f"PROBLEM: messages were discarded ({condition})")
        await self._calls.persistently(
            lambda: self._discards.send(part.wanted, condition, outcome, part.attempts)
        )
        await self._done(part)

    async def _done(self, part: Part) -> None:
        messages = [item.message for item in part.items]
        await self._calls.persistently(lambda: self._source.acknowledge(messages))
        self._hand.drop(messages)
