"""Ends what runs too long: advances the engine's epoch when the deadline passes."""

import os
import threading
import time
import traceback
from collections.abc import Callable

import wasmtime

#: How often a running invocation's output and scratch space are looked after.
TICK_S = 0.1


class Watch:
    """One thread beside the one that runs guests. Lives as long as the process.

    While nothing runs it sleeps; while something does, it wakes every `TICK_S` or at the deadline.
    It never touches the invocation other than by the epoch, and through *on_tick*, which is
    given the deadline, by the monotonic clock, and has to return by then.
    """

    def __init__(self, engine: wasmtime.Engine, on_tick: Callable[[float], None]) -> None:
        self._engine = engine
        self._on_tick = on_tick
        self._deadline: float | None = None
        self._asleep = True
        self._wake = threading.Event()
        self._lock = threading.Lock()
        #: Whether the deadline passed since the last `start`.
        self.expired = False
        threading.Thread(target=self._guarded, name="watch", daemon=True).start()

    def start(self, timeout_s: float) -> None:
        """Begin to watch; the store's epoch deadline must be one tick from now."""
        with self._lock:
            self.expired = False
            self._deadline = time.monotonic() + timeout_s
        if self._asleep:
            self._asleep = False
            self._wake.set()

    def stop(self) -> None:
        """Cease to watch. A deadline that passed at the same moment may still have advanced the
        epoch, which the next `Store.set_epoch_deadline` makes harmless."""
        with self._lock:
            self._deadline = None

    def expire(self) -> None:
        """End the guest that runs now, for a reason that the caller keeps."""
        self._engine.increment_epoch()

    def _guarded(self) -> None:
        try:
            self._run()
        except BaseException:
            # Without it nothing would end a guest, nor make room for what it writes.
            traceback.print_exc()
            os._exit(1)

    def _run(self) -> None:
        while True:
            deadline = self._deadline
            if deadline is None:
                self._asleep = True
                # A `start` just before the line above saw no reason to wake us.
                if self._deadline is None:
                    self._wake.wait()
                self._wake.clear()
                self._asleep = False
                continue
            left = deadline - time.monotonic()
            if left <= 0:
                self._expire_if(deadline)
                continue
            time.sleep(min(left, TICK_S))
            if (deadline := self._deadline) is not None:
                self._on_tick(deadline)

    def _expire_if(self, deadline: float) -> None:
        with self._lock:
            if self._deadline == deadline:
                self.expired = True
                self._deadline = None
                self._engine.increment_epoch()
