"""Polls queues: messages stand for themselves, and several batches run at once."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Final

from wasmfaas.sources.source import Message, Source, SourceFailed
from wasmfaas.triggers.mappings import batches
from wasmfaas.triggers.mappings.calls import Calls, Stopped
from wasmfaas.triggers.mappings.poller import IDLE_WAIT_S, Plan, Poller

#: Batches that run at once as soon as there are some, and how many more a second there may be.
_CONCURRENCY_FIRST: Final = 5
_GROWTH_PER_S: Final = 1
#: How long a batch stays in hand for a function that has no capacity, or is not there.
_PATIENCE_S: Final = 900.0


class Scale:
    """How many batches may run at once: more while there is a backlog, fewer while they fail.

    *clock* gives seconds, and never runs back.
    """

    def __init__(self, concurrency_max: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = concurrency_max
        self._clock = clock
        self.limit = min(_CONCURRENCY_FIRST, concurrency_max)
        self._grew_at = clock()

    def backlog(self) -> None:
        """All that may run does, and there is more."""
        now = self._clock()
        growth = int((now - self._grew_at) * _GROWTH_PER_S)
        if growth > 0:
            self.limit = min(self.limit + growth, self._most)
            self._grew_at = now

    def idle(self) -> None:
        """There was nothing to receive."""
        self.limit = min(self.limit, max(_CONCURRENCY_FIRST, self.limit // 2))
        self._grew_at = self._clock()

    def failed(self) -> None:
        """A batch failed."""
        self.limit = max(1, self.limit - 1)
        self._grew_at = self._clock()

    def succeeded(self) -> None:
        """A batch went well."""
        self.limit = max(self.limit, min(self.limit + 1, _CONCURRENCY_FIRST, self._most))


class QueuePoller(Poller):
    """Polls one queue. Messages that were handled, or filtered out, are acknowledged; those that
    failed are left to the queue, which delivers them again, or gives them up as its redrive policy
    says."""

    def __init__(self, plan: Plan, source: Source, calls: Calls) -> None:
        super().__init__(plan, source, calls)
        self.scale = Scale(plan.concurrency_max)
        self._freed = asyncio.Event()
        #: Received, and not in a batch yet.
        self._waiting: list[Message] = []

    async def _poll(self) -> None:
        try:
            while not self._calls.is_stopped:
                await self._until_free()
                await self._calls.until_ready()
                await self._collect()
                await self._begin()
        except Stopped:
            return

    async def _until_free(self) -> None:
        while len(self._running) >= self.scale.limit:
            self.scale.backlog()
            self._freed.clear()
            if len(self._running) < self.scale.limit:
                return
            try:
                await asyncio.wait_for(self._freed.wait(), 1.0)
            except TimeoutError:
                if self._calls.is_stopped:
                    raise Stopped from None

    async def _collect(self) -> None:
        """Receive until a batch is full, or its window has passed."""
        plan, loop = self._plan, asyncio.get_running_loop()
        size = sum(map(batches.size_of, self._waiting))
        ends_at = loop.time() + plan.window_s if self._waiting else None
        while len(self._waiting) < plan.batch_size and size < plan.bytes_max:
            wait_s = IDLE_WAIT_S if ends_at is None else ends_at - loop.time()
            if wait_s <= 0:
                return
            room = plan.batch_size - len(self._waiting)
            received = await self._receive(room, min(wait_s, IDLE_WAIT_S))
            if not received:
                if ends_at is None:
                    self.scale.idle()
                continue
            wanted = await self._filtered(received)
            self._waiting += wanted
            size += sum(map(batches.size_of, wanted))
            if ends_at is None and self._waiting:
                ends_at = loop.time() + plan.window_s

    async def _filtered(self, messages: Sequence[Message]) -> list[Message]:
        """Those of *messages* that the function gets; the others are acknowledged."""
        wanted: list[Message] = []
        unwanted: list[Message] = []
        for message in messages:
            (wanted if await self._passes(message) else unwanted).append(message)
        await self._settle(unwanted, [])
        return wanted

    async def _begin(self) -> None:
        """Run a batch of what waits; what does not fit in waits for the next."""
        if not self._waiting:
            return
        cut = batches.cut(self._source, self._waiting, self._plan.bytes_max)
        if cut is None:
            message = self._waiting.pop(0)
            await self._calls.note(
                f"PROBLEM: message {message.id} makes an event of more than "
                f"{self._plan.bytes_max} bytes, the most that a function can be invoked with"
            )
            await self._settle([], [message])
            return
        self._waiting = list(cut.rest)
        self._start(self._run(cut.messages, cut.event)).add_done_callback(
            lambda task: self._freed.set()
        )

    async def _run(self, messages: Sequence[Message], event: bytes) -> None:
        try:
            outcome = await self._calls.call(event, _PATIENCE_S)
            failed = self._failures(outcome, messages)
            if failed:
                self.scale.failed()
            else:
                self.scale.succeeded()
            await self._settle(
                [message for message in messages if message.id not in failed],
                [message for message in messages if message.id in failed],
            )
        except Stopped:
            with contextlib.suppress(SourceFailed):
                await self._give_back(self._hand.among(messages))
        except Exception:
            # Not extended any more, so that the queue delivers it again.
            self._hand.drop(messages)
            raise

    async def _settle(self, done: Sequence[Message], failed: Sequence[Message]) -> None:
        """Acknowledge *done*, and leave *failed* to the queue."""
        self._hand.drop(failed)
        if done:
            await self._calls.persistently(lambda: self._source.acknowledge(done))
            self._hand.drop(done)
        if failed:
            await self._calls.persistently(lambda: self._source.fail(failed, at_once=False))
