"""Event loops where there are neither sockets nor threads nor signals.

Stands in for the module of the standard library: `asyncio` takes its default event loop from here.
A loop waits for timers, and so for everything that timers and other tasks bring about.
"""

import concurrent.futures
import selectors
import time
from asyncio import events, selector_events
from collections.abc import Callable, Mapping
from typing import Any, Never

__all__ = ("EventLoop", "SelectorEventLoop", "_DefaultEventLoopPolicy")

#: What is due within this time is due. A sleep may end a little early: whether it takes another
#: turn must not depend on that, as the same event has to burn the same fuel.
_CLOCK_RESOLUTION_S = 0.001


class Deadlock(RuntimeError):
    """Every task waits, and nothing is left that could wake one."""


class _Clock(selectors.BaseSelector):
    """Lets time pass: there is no file that could become ready."""

    def register(self, fileobj: Any, events: int, data: Any = None) -> Never:
        raise OSError("a function has no sockets or pipes that an event loop could wait for")

    def unregister(self, fileobj: Any) -> Never:
        raise KeyError(fileobj)

    def get_key(self, fileobj: Any) -> Never:
        raise KeyError(fileobj)

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return {}

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise Deadlock(
                "all tasks wait, and nothing is left to wake one: a function has no other threads "
                "and no sockets"
            )
        if timeout > 0:
            time.sleep(timeout)
        return []


class SelectorEventLoop(selector_events.BaseSelectorEventLoop):
    """The event loop of functions."""

    def __init__(self, selector: selectors.BaseSelector | None = None) -> None:
        super().__init__(_Clock() if selector is None else selector)
        self._clock_resolution = _CLOCK_RESOLUTION_S

    def run_in_executor(
        self, executor: concurrent.futures.Executor | None, func: Callable[..., Any], *args: Any
    ) -> Any:
        """Call *func* at once, in the only thread there is, unless *executor* says otherwise: what
        is written for threads runs, but other tasks wait for it."""
        if executor is not None:
            return super().run_in_executor(executor, func, *args)
        future = self.create_future()
        try:
            result = func(*args)
        except Exception as error:
            future.set_exception(error)
        else:
            future.set_result(result)
        return future

    # Of other threads and signals, which is what the pipe to itself would be for, there are none.
    def _make_self_pipe(self) -> None:
        self._ssock = self._csock = None

    def _close_self_pipe(self) -> None:
        pass

    def _write_to_self(self) -> None:
        pass


EventLoop = SelectorEventLoop


class _DefaultEventLoopPolicy(events._BaseDefaultEventLoopPolicy):
    """Makes event loops of functions."""

    _loop_factory = SelectorEventLoop
