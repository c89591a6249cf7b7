"""The workers that nobody has."""

from collections import OrderedDict
from collections.abc import Callable, Iterator

from wasmfaas.invoke.worker import Worker

#: A worker is idle from its answer on, but puts its sandbox back first: one that has been idle for
#: this long is through with that.
_SETTLED_S = 0.001


class IdleWorkers:
    """Those that run nothing, longest idle first. Lives as long as the workers. *clock* is a
    monotonic one, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        #: With the moment since which they are.
        self._workers: OrderedDict[Worker, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._workers)

    def __iter__(self) -> Iterator[Worker]:
        return iter(self._workers)

    def since(self) -> list[tuple[Worker, float]]:
        """Each of them, and since when it is idle."""
        return list(self._workers.items())

    def add(self, worker: Worker) -> None:
        """*worker* has become idle."""
        self._workers[worker] = self._clock()

    def take(self, worker: Worker) -> None:
        """*worker*, one of these, is about to run something."""
        del self._workers[worker]
        worker.is_idle = False

    def discard(self, worker: Worker) -> None:
        """*worker* has ended, idle or not."""
        self._workers.pop(worker, None)

    def ready(self, key: str) -> Worker | None:
        """One that has the deployment *key* ready: of these the one that was idle last and has put
        its sandbox back; where none has, the one that is nearest to that."""
        settled = self._clock() - _SETTLED_S
        found = None
        for worker in reversed(self._workers):
            if key in worker.ready_keys:
                found = worker
                if self._workers[worker] < settled:
                    break
        return found

    def longest(self) -> Worker | None:
        """The one that has been idle longest."""
        return next(iter(self._workers), None)
