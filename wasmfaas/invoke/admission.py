"""Who is let in: how many invocations may be under way, of one function and of all."""

from collections.abc import Mapping

from wasmfaas.errors import TooManyRequests

_WITHOUT_LIMIT = 1 << 62


class _Pool:
    """What functions without a reservation share. Lives as long as the server."""

    __slots__ = ("limit", "running")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.running = 0


class Gate:
    """Counts the invocations of one function that run or wait. Lives as long as the function."""

    __slots__ = ("limit", "running", "shared")

    def __init__(self, shared: _Pool) -> None:
        #: What is reserved for the function.
        self.limit = _WITHOUT_LIMIT
        self.running = 0
        #: What it takes its share of; None where it has a reservation.
        self.shared: _Pool | None = shared

    def enter(self) -> None:
        """Count one more; `leave` has to follow. Raises TooManyRequests where that is one too
        many."""
        if self.running >= self.limit:
            raise _throttled("ReservedFunctionConcurrentInvocationLimitExceeded")
        shared = self.shared
        if shared is not None:
            if shared.running >= shared.limit:
                raise _throttled("ConcurrentInvocationLimitExceeded")
            shared.running += 1
        self.running += 1

    def leave(self) -> None:
        self.running -= 1
        if self.shared is not None:
            self.shared.running -= 1


class Admission:
    """The gates of all functions. Lives as long as the server.

    What is reserved for some is not there for the others: they share the rest of
    *concurrency_max*.
    """

    def __init__(self, concurrency_max: int) -> None:
        self._pool = _Pool(concurrency_max)
        self._gates: dict[str, Gate] = {}
        self._reserved: dict[str, int] = {}

    def gate(self, name: str) -> Gate:
        """The gate of the function *name*."""
        gate = self._gates.get(name)
        if gate is None:
            gate = self._gates[name] = Gate(self._pool)
        return gate

    def reserve(self, name: str, concurrency: int | None) -> None:
        """Let in at most *concurrency* invocations of *name* at once, whatever others do; None for
        its share of what is left. Those that are under way count."""
        before = self._reserved.pop(name, None)
        if concurrency is not None:
            self._reserved[name] = concurrency
        self._pool.limit += (before or 0) - (concurrency or 0)
        gate = self.gate(name)
        gate.limit = _WITHOUT_LIMIT if concurrency is None else concurrency
        shared = self._pool if concurrency is None else None
        if shared is not gate.shared:
            self._pool.running += gate.running if shared is not None else -gate.running
            gate.shared = shared

    def reserve_all(self, concurrency: Mapping[str, int]) -> None:
        """`reserve` for each function of a mapping."""
        for name, reserved in concurrency.items():
            self.reserve(name, reserved)

    def forget(self, name: str) -> None:
        """The function is gone, and its reservation with it."""
        self.reserve(name, None)
        if not self._gates[name].running:
            del self._gates[name]


def _throttled(reason: str) -> TooManyRequests:
    return TooManyRequests("Rate Exceeded.", reason=reason)
