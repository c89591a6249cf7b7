"""Who waits for a worker: bounded in number and in bytes, function by function in turn."""

from collections import Counter, OrderedDict

from wasmfaas.errors import TooManyRequests
from wasmfaas.invoke.job import Job


class Waiting:
    """The invocations that wait. Lives as long as the server.

    Those that others wait for, who keep a worker meanwhile, go first. Within a function the rest
    are served in order. Functions take turns, so that a thousand
    invocations of one delay another's by as little as one does. Start-ups ahead of need come after
    all invocations, and do not count.
    """

    def __init__(self, depth_max: int, bytes_max: int) -> None:
        self._depth_max = depth_max
        self._bytes_max = bytes_max
        #: Functions by turn; no set is empty.
        self._functions: OrderedDict[str, OrderedDict[Job, None]] = OrderedDict()
        self._first: OrderedDict[Job, None] = OrderedDict()
        #: Start-ups ahead of need, one for each function.
        self._ahead: OrderedDict[str, Job] = OrderedDict()
        self._depth = 0
        self.bytes = 0

    def __len__(self) -> int:
        return self._depth

    def by_function(self) -> dict[str, int]:
        """How many wait, of each function of which any does."""
        found = Counter({function: len(jobs) for function, jobs in self._functions.items()})
        found.update(_function(job) for job in self._first)
        return found

    def enter(self, job: Job) -> None:
        """Begin to wait. Raises TooManyRequests where there is no room."""
        if self._depth >= self._depth_max:
            raise throttled(f"{self._depth} invocations wait for a worker already")
        if self.bytes + job.event_bytes > self._bytes_max:
            raise throttled(f"{self.bytes} bytes of events wait for a worker already")
        if job.goes_first:
            self._first[job] = None
        else:
            self._functions.setdefault(_function(job), OrderedDict())[job] = None
        self._depth += 1
        self.bytes += job.event_bytes

    def enter_ahead(self, job: Job) -> None:
        """Begin to wait for a start-up; one of the same function that waits already is refused."""
        function = _function(job)
        former = self._ahead.pop(function, None)
        self._ahead[function] = job
        if former is not None:
            former.refused(throttled(f"a later deployment of {function} waits"))

    def leave(self, job: Job) -> bool:
        """Wait no more; whether it still did."""
        function = _function(job)
        if self._ahead.get(function) is job:
            del self._ahead[function]
            return True
        if job in self._first:
            del self._first[job]
        else:
            jobs = self._functions.get(function)
            if jobs is None or job not in jobs:
                return False
            del jobs[job]
            if not jobs:
                del self._functions[function]
        self._depth -= 1
        self.bytes -= job.event_bytes
        return True

    def next(self) -> Job | None:
        """Whose turn it is; that one leaves."""
        if self._first:
            job = next(iter(self._first))
            self.leave(job)
            return job
        for function, jobs in self._functions.items():
            self._functions.move_to_end(function)
            job = next(iter(jobs))
            self.leave(job)
            return job
        return self._ahead.popitem(last=False)[1] if self._ahead else None


def _function(job: Job) -> str:
    return job.target.spec.function_name


def throttled(reason: str) -> TooManyRequests:
    """The error for an invocation that finds no place."""
    return TooManyRequests(f"Rate Exceeded: {reason}.", reason="ConcurrentInvocationLimitExceeded")
