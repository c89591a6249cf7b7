"""Who waits for a worker: bounded in number and in bytes, function by function in turn."""

import asyncio
from collections import OrderedDict
from dataclasses import dataclass

from wasmfaas.errors import TooManyRequests
from wasmfaas.invoke.worker import Worker


@dataclass(slots=True, eq=False)
class Waiter:
    """One invocation that waits. Its lease is set when it is its turn."""

    function: str
    event_bytes: int
    lease: asyncio.Future[Worker]


class Waiting:
    """The invocations that wait. Lives as long as the server.

    Within a function they are served in order. Functions take turns, so that a thousand
    invocations of one delay another's by as little as one does. Start-ups ahead of need come after
    all invocations, and do not count.
    """

    def __init__(self, depth_max: int, bytes_max: int) -> None:
        self._depth_max = depth_max
        self._bytes_max = bytes_max
        #: Functions by turn; no set is empty.
        self._functions: OrderedDict[str, OrderedDict[Waiter, None]] = OrderedDict()
        #: Start-ups ahead of need, one for each function.
        self._ahead: OrderedDict[str, Waiter] = OrderedDict()
        self._depth = 0
        self.bytes = 0

    def __len__(self) -> int:
        return self._depth

    def by_function(self) -> dict[str, int]:
        """How many wait, of each function of which any does."""
        return {function: len(waiters) for function, waiters in self._functions.items()}

    def enter(self, function: str, event_bytes: int) -> Waiter:
        """Begin to wait. Raises TooManyRequests where there is no room."""
        if self._depth >= self._depth_max:
            raise throttled(f"{self._depth} invocations wait for a worker already")
        if self.bytes + event_bytes > self._bytes_max:
            raise throttled(f"{self.bytes} bytes of events wait for a worker already")
        waiter = Waiter(function, event_bytes, asyncio.get_running_loop().create_future())
        self._functions.setdefault(function, OrderedDict())[waiter] = None
        self._depth += 1
        self.bytes += event_bytes
        return waiter

    def enter_ahead(self, function: str) -> Waiter:
        """Begin to wait for a start-up; one of *function* that waits already is refused."""
        former = self._ahead.pop(function, None)
        if former is not None and not former.lease.done():
            former.lease.set_exception(throttled(f"a later deployment of {function} waits"))
        waiter = Waiter(function, 0, asyncio.get_running_loop().create_future())
        self._ahead[function] = waiter
        return waiter

    def leave(self, waiter: Waiter) -> None:
        """Wait no more; does nothing for one that has left."""
        if self._ahead.get(waiter.function) is waiter:
            del self._ahead[waiter.function]
        waiters = self._functions.get(waiter.function)
        if waiters is None or waiter not in waiters:
            return
        del waiters[waiter]
        if not waiters:
            del self._functions[waiter.function]
        self._depth -= 1
        self.bytes -= waiter.event_bytes

    def next(self) -> Waiter | None:
        """Whose turn it is; that one leaves."""
        while self._functions:
            function, waiters = next(iter(self._functions.items()))
            self._functions.move_to_end(function)
            waiter = next(iter(waiters))
            self.leave(waiter)
            if not waiter.lease.done():
                return waiter
        while self._ahead:
            _, waiter = self._ahead.popitem(last=False)
            if not waiter.lease.done():
                return waiter
        return None


def throttled(reason: str) -> TooManyRequests:
    """The error for an invocation that finds no place."""
    return TooManyRequests(f"Rate Exceeded: {reason}.", reason="ConcurrentInvocationLimitExceeded")
