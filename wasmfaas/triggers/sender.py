"""Sends what is in the outbox: at least once, in bounded time, no destination in another's way."""

import asyncio
import contextlib
import functools
import logging
from collections import Counter
from typing import Final, Protocol

from wasmfaas.errors import WasmfaasError
from wasmfaas.services.errors import RemoteFailed
from wasmfaas.settings import Settings
from wasmfaas.store.deliveries import Delivery, DeliveryEnd
from wasmfaas.store.events import EventState
from wasmfaas.store.outbox import Entry, Outbox

_log = logging.getLogger(__name__)

#: Beside being woken: for what is due again, or comes from other servers.
_POLL_S: Final = 1.0
_TROUBLE_S: Final = 1.0
_LEAVE_S: Final = 5.0
_DELAY_MS_MIN: Final = 1000
_DELAY_MS_MAX: Final = 300_000
#: The share of all senders that one destination may keep busy: one that hangs stops no other.
_SHARE: Final = 4


class Carrier(Protocol):
    """What brings deliveries to their destinations."""

    async def carry(self, delivery: Delivery) -> Entry | None: ...


class Sender:
    """Claims deliveries that are due and sends them. Lives as long as the server."""

    def __init__(self, settings: Settings, outbox: Outbox, carrier: Carrier) -> None:
        self._concurrency_max = settings.deliveries_concurrency_max
        self._each_max = max(1, settings.deliveries_concurrency_max // _SHARE)
        self._age_ms_max = settings.delivery_age_s_max * 1000
        self._outbox = outbox
        self._carrier = carrier
        self._sending: set[asyncio.Task[None]] = set()
        #: By destination: how many are on their way.
        self._busy: Counter[str] = Counter()
        self._stopped = False

    async def run(self) -> None:
        """Send until cancelled, or until `stop`."""
        while not self._stopped:
            try:
                await self.step()
            except WasmfaasError as error:
                _log.warning("the outbox cannot be read: %s", error.message)
                await asyncio.sleep(_TROUBLE_S)
            except Exception:
                _log.exception("the outbox cannot be read")
                await asyncio.sleep(_TROUBLE_S)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._outbox.woken.wait(), _POLL_S)

    async def step(self) -> None:
        """Begin to send as many of the deliveries that are due as may be sent at once."""
        self._outbox.woken.clear()
        free = self._concurrency_max - len(self._sending)
        if free <= 0:
            return
        # A destination that is busy waits until it is not at all: then it gets its share anew.
        for delivery in await self._outbox.claim(free, self._each_max, [*self._busy]):
            self._busy[delivery.destination] += 1
            task = asyncio.ensure_future(self._send(delivery))
            self._sending.add(task)
            task.add_done_callback(functools.partial(self._ended, delivery.destination))

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        self._outbox.woken.set()

    async def settled(self) -> None:
        """Wait until nothing is on its way."""
        while self._sending:
            await asyncio.wait(self._sending)

    async def close(self) -> None:
        """Let what is on its way arrive, for a while; what has not, is sent again when the next
        server starts."""
        self.stop()
        if self._sending:
            await asyncio.wait(self._sending, timeout=_LEAVE_S)
        for task in self._sending:
            task.cancel()
        await asyncio.gather(*self._sending, return_exceptions=True)

    def _ended(self, destination: str, task: "asyncio.Task[None]") -> None:
        self._sending.discard(task)
        self._busy[destination] -= 1
        if self._busy[destination] <= 0:
            del self._busy[destination]
        self._outbox.woken.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("a delivery was given up", exc_info=task.exception())

    async def _send(self, delivery: Delivery) -> None:
        entry: Entry | None = None
        failure: RemoteFailed | None = None
        try:
            entry = await self._carrier.carry(delivery)
        except RemoteFailed as error:
            failure = error
        except Exception as error:
            _log.exception("delivery %s could not be sent", delivery.id)
            failure = RemoteFailed(f"Inside the server: {type(error).__name__}.", reason="Internal")
        while True:
            end = functools.partial(self._end, delivery, failure)
            try:
                await self._outbox.settle(delivery, end, None if failure else entry)
                return
            except RemoteFailed as error:
                failure = error
            except WasmfaasError as error:
                _log.warning("a delivery has to wait: %s", error.message)
                await asyncio.sleep(_TROUBLE_S)

    def _end(self, delivery: Delivery, failure: RemoteFailed | None, now_ms: int) -> DeliveryEnd:
        if failure is None:
            return DeliveryEnd(EventState.DONE)
        if failure.is_final:
            return DeliveryEnd(EventState.DEAD, error=failure.message)
        delay_ms = min(_DELAY_MS_MIN << min(delivery.failures, 20), _DELAY_MS_MAX)
        if now_ms - delivery.enqueued_at_ms + delay_ms > self._age_ms_max:
            return DeliveryEnd(EventState.EXPIRED, error=failure.message)
        return DeliveryEnd(EventState.QUEUED, delay_ms=delay_ms, error=failure.message)
