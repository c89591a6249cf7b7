"""How many workers there may be: so many that run guests, and one more for each invocation that
waits for a function it has called. So nobody waits for a worker that waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager

from wasmfaas.errors import TooManyRequests


class Capacity:
    """Lives as long as the workers."""

    def __init__(self, workers_max: int, callers_max: int) -> None:
        """*callers_max*: how many invocations may wait for functions they have called."""
        self._workers_max = workers_max
        self._callers_max = callers_max
        self._callers = 0
        #: How many there were lately: a worker more or less is not for every call.
        self._peak = 0

    @property
    def workers_max(self) -> int:
        """How many workers there may be now."""
        return self._workers_max + self._callers

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """An invocation, and its worker with it, waits for a function that it has called. Raises
        TooManyRequests where too many do already."""
        if self._callers >= self._callers_max:
            raise TooManyRequests(
                f"{self._callers} invocations wait for functions that they have called, and at "
                f"most {self._callers_max} may (--callers-max).",
                reason="ConcurrentInvocationLimitExceeded",
            )
        self._callers += 1
        self._peak = max(self._peak, self._callers)
        try:
            yield
        finally:
            self._callers -= 1

    def settle(self) -> None:
        """Called now and then: what is not needed any more goes, one by one."""
        self._peak = max(self._callers, self._peak - 1)

    def is_surplus(self, workers: int) -> bool:
        """Whether one of so many *workers* has been there for callers only."""
        return workers > self._workers_max + self._peak
