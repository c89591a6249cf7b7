"""The worker processes, and who has which.

A lease is one worker for one invocation. Requests prefer a worker that holds a ready sandbox of
their deployment; what finds no worker waits, within bounds of count, bytes and time. Workers, and
what they hold ready, follow demand.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Any

from wasmfaas import trees
from wasmfaas.errors import ServiceUnavailable
from wasmfaas.invoke.capacity import Capacity
from wasmfaas.invoke.demand import Demand, Flow
from wasmfaas.invoke.figures import holdings, totals
from wasmfaas.invoke.idle import IdleWorkers
from wasmfaas.invoke.job import Errand, Job, WorkerDied
from wasmfaas.invoke.launcher import Launcher, until_started
from wasmfaas.invoke.target import Target
from wasmfaas.invoke.waiting import Waiting, throttled
from wasmfaas.invoke.worker import INIT_MS_MAX, Worker
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefact

_logger = logging.getLogger(__name__)

_FAILED_STARTS_MAX = 5
_SCALE_EVERY_S = 1.0
_STOPPING = "The server is stopping."


class Workers:
    """Starts, leases and replaces workers. Lives as long as the server."""

    def __init__(self, settings: Settings, scratch_path: Path, read_paths: list[Path]) -> None:
        self._settings = settings
        self._scratch_path = scratch_path
        self._launcher = Launcher(settings, scratch_path, read_paths)
        self._workers: set[Worker] = set()
        self._idle = IdleWorkers(time.monotonic)
        self._waiting = Waiting(settings.queue_depth_max, settings.queue_bytes_max)
        self.capacity = Capacity(settings.workers_max, settings.callers_max)
        self._demand = Demand()
        self._starting = 0
        self._failed_starts = 0
        self._closing = False
        self._tasks: set[asyncio.Task[None]] = set()
        #: Folders of workers that have ended, on their way out.
        self._removals: set[asyncio.Future[None]] = set()

    async def start(self, prewarmed: Artefact | None = None) -> None:
        """Bring up the least number of workers; each loads *prewarmed*, a component, before
        anybody asks for it. Raises ServiceUnavailable if none comes up."""
        self._launcher.prewarmed = prewarmed
        trees.remove(self._scratch_path)
        self._scratch_path.mkdir(mode=0o700, parents=True)
        count = self._settings.workers_min
        for _ in range(count):
            self._spawn()
        await asyncio.gather(*self._tasks)
        if not self._workers:
            raise ServiceUnavailable(
                "No worker process could be started; the messages above say why."
            )

    async def scale(self) -> None:
        """Follow demand: start workers and prepare sandboxes that will be asked for, and let go
        what has been idle for long; ends with the server."""
        settled = time.monotonic()
        while True:
            await asyncio.sleep(_SCALE_EVERY_S)
            if self._closing:
                return
            before, settled = settled, time.monotonic()
            self.capacity.settle()
            self._demand.settle(settled - before)
            expected = self._demand.workers()
            # One more than there is work for stands by, once there is work.
            wanted = max(self._settings.workers_min, expected + 1 if expected else 0)
            self._let_go(wanted)
            if len(self._workers) + self._starting < wanted and not self._failed_starts:
                self._grow()
            for flow, count in self._demand.sandboxes():
                self._spread(flow, count)

    def _let_go(self, workers_min: int) -> None:
        since = time.monotonic() - self._settings.worker_idle_s_max
        for worker, idle_since in self._idle.since():
            kept = {key for key, floor in self._demand.floors().items() if self.held(key) <= floor}
            spare = len(self._workers) > workers_min and not kept & worker.ready_keys
            if idle_since < since and spare:
                self._idle.take(worker)
                worker.close()
            else:
                worker.drop_unused(self._settings.sandbox_idle_s_max, kept)

    def _spread(self, flow: Flow, count: int) -> None:
        """Have a sandbox ready in *count* workers, as far as there are idle ones to spare."""
        key = flow.target.spec.key
        missing = count - self.held(key)
        for worker in list(self._idle):
            full = len(self._workers) + self._starting >= self.capacity.workers_max
            if missing <= 0 or len(self._waiting) or (len(self._idle) == 1 and not full):
                return
            if not worker.holds(key):
                missing -= 1
                self._idle.take(worker)
                self._background(self._load_ahead(worker, flow))

    async def _load_ahead(self, worker: Worker, flow: Flow) -> None:
        try:
            error = await self._load(worker, flow.target)
        except WorkerDied as death:
            error = str(death).encode()
        flow.prepared(error)

    def provision(self, function: str, floors: Sequence[tuple[Target, int]]) -> None:
        """Have so many sandboxes of each of these targets of *function* ready, whatever the demand,
        and none of its others."""
        self._demand.provision(function, floors)
        for worker in self._workers:
            worker.keep(self._demand.floors())

    def held(self, key: str) -> int:
        """How many workers run the deployment *key*, or can at once."""
        return sum(worker.holds(key) for worker in self._workers)

    def provisioned(self, key: str) -> tuple[int, bytes | None]:
        """`held`, and what the start-up of the deployment failed with, if that was tried ahead."""
        return self.held(key), self._demand.failure(key)

    def cut_short(self) -> None:
        """End every worker now, whatever it runs, and refuse whoever waits or comes."""
        self._closing = True
        self._refuse_waiting(_STOPPING)
        for worker in list(self._workers):
            worker.close()

    async def close(self) -> None:
        """End every worker, and clean up after them."""
        workers = list(self._workers)
        self.cut_short()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        # Whoever else works on a folder may have its removal given up.
        await asyncio.gather(*(worker.ended.wait() for worker in workers))
        await asyncio.gather(*self._removals, return_exceptions=True)
        trees.remove(self._scratch_path)

    def figures(self) -> dict[str, int]:
        """How many workers there are, idle, busy, what they hold ready, and how many invocations
        wait."""
        return totals(self._workers, len(self._idle), len(self._waiting), self._waiting.bytes)

    def by_function(self) -> dict[str, Counter[str]]:
        """Of each function: sandboxes that are `ready` and `busy`, and invocations `waiting`."""
        held = [worker.functions_held() for worker in self._workers]
        return holdings(held, self._waiting.by_function())

    def submit(self, job: Job, *, ahead: bool = False) -> None:
        """Have *job* run on a worker of its own, as soon as there is one; `refused` where none
        comes free in time. *ahead* is for what no invocation has to wait for.

        Raises TooManyRequests, ServiceUnavailable where it is refused at once.
        """
        if self._closing:
            raise ServiceUnavailable(_STOPPING)
        if not ahead:
            job.flow = self._demand.arrive(job.target)
        worker = self._pick(job.target.spec.key)
        if worker is not None:
            self._idle.take(worker)
            self._run(worker, job)
            return
        if ahead:
            self._waiting.enter_ahead(job)
        else:
            self._waiting.enter(job)
        wait_s = self._settings.queue_wait_ms_max / 1000
        job.timer = asyncio.get_running_loop().call_later(wait_s, self._overdue, job)
        if not self._idle:
            self._grow()

    def withdraw(self, job: Job) -> bool:
        """Have *job* wait no more; whether it still did."""
        if job.timer is not None:
            job.timer.cancel()
        return self._waiting.leave(job)

    async def load(self, target: Target) -> bytes | None:
        """Have a sandbox ready in one worker, once no invocation waits; the start-up's error
        payload, if it failed.

        Raises WorkerDied, TooManyRequests where that takes too long.
        """
        if self.held(target.spec.key):
            return None
        errand = Errand(target, {"op": "load"}, _start_error)
        self.submit(errand, ahead=True)
        try:
            error: bytes | None = await errand.result
            return error
        finally:
            self.withdraw(errand)

    async def _load(self, worker: Worker, target: Target) -> bytes | None:
        errand = Errand(target, {"op": "load"}, _start_error)
        worker.run(errand, start_ms=INIT_MS_MAX, run_ms=0)
        error: bytes | None = await errand.result
        return error

    async def save(self, target: Target, path: Path) -> None:
        """Have the memory of a started sandbox written to *path*, by a worker that does nothing
        else; where it can't be, there is no file. Raises WorkerDied, TimeoutError, OSError."""
        worker = await self._launcher.launch(None, self._ended)
        try:
            await until_started(worker)
            written = worker.scratch_path / "snapshot"
            errand = Errand(target, {"op": "save", "path": str(written)}, _start_error)
            worker.run(errand, start_ms=INIT_MS_MAX, run_ms=0)
            await errand.result
            if written.exists():
                written.replace(path)
        finally:
            worker.close()

    def _run(self, worker: Worker, job: Job) -> None:
        spec = job.target.spec
        if job.message["op"] == "load":
            worker.run(job, start_ms=INIT_MS_MAX, run_ms=0)
            return
        job.was_ready = spec.key in worker.ready_keys
        worker.run(
            job,
            start_ms=0 if job.was_ready else INIT_MS_MAX,
            run_ms=spec.timeout_ms + self._settings.kill_grace_ms,
        )

    def _overdue(self, job: Job) -> None:
        self._waiting.leave(job)
        waited = self._settings.queue_wait_ms_max
        job.refused(throttled(f"no worker came free within {waited} ms"))

    def _pick(self, key: str) -> Worker | None:
        """An idle worker: one that has *key* ready, of these the one that was idle last and has put
        its sandbox back; else the one that has been idle longest, whatever it has ready; none
        where one that has just served *key* is about to be ready again, which is sooner than any
        start-up."""
        found = self._idle.ready(key)
        if found is not None:
            return found
        returning = sum(worker.returning_key == key for worker in self._workers)
        if len(self._waiting) < min(returning, self._settings.queue_depth_max):
            return None
        return self._idle.longest()

    def _idle_now(self, worker: Worker) -> None:
        """Give an idle worker to whoever has waited longest, or keep it."""
        if worker in self._workers and worker.is_idle:
            if self.capacity.is_surplus(len(self._workers)):
                worker.close()
                return
            self._idle.add(worker)
            self._serve(worker)

    def _serve(self, worker: Worker) -> None:
        job = self._waiting.next()
        if job is not None:
            if job.timer is not None:
                job.timer.cancel()
            self._idle.take(worker)
            self._run(worker, job)

    def _refuse_waiting(self, reason: str) -> None:
        while (job := self._waiting.next()) is not None:
            if job.timer is not None:
                job.timer.cancel()
            job.refused(ServiceUnavailable(reason))

    def _grow(self) -> None:
        if len(self._workers) + self._starting < self.capacity.workers_max:
            self._spawn()

    def _spawn(self) -> None:
        # Counted now, not when the task runs: a thousand invocations may ask before it does.
        self._starting += 1
        self._background(self._start_one())

    def _background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _start_one(self) -> None:
        try:
            try:
                worker = await self._launcher.launch(self._idle_now, self._ended)
                self._workers.add(worker)
            finally:
                self._starting -= 1
            await until_started(worker)
            worker.keep(self._demand.floors())
            self._failed_starts = 0
        except (WorkerDied, TimeoutError, OSError) as error:
            self._failed_starts += 1
            _logger.error("a worker could not be started: %r", error)
            if not self._workers and not self._starting:
                self._refuse_waiting("No worker process can be started; the server's log says why.")

    def _ended(self, worker: Worker) -> None:
        was_pooled = worker in self._workers
        self._workers.discard(worker)
        self._idle.discard(worker)
        if self._closing:
            return
        # A guest may have left many files.
        loop = asyncio.get_running_loop()
        removal = loop.run_in_executor(None, trees.remove, worker.scratch_path)
        self._removals.add(removal)
        removal.add_done_callback(self._removals.discard)
        # Whoever waited for this one in particular takes any other.
        for idle in list(self._idle):
            self._serve(idle)
        if was_pooled and not worker.retired and self._failed_starts < _FAILED_STARTS_MAX:
            self._grow()


def _start_error(answer: dict[str, Any] | WorkerDied) -> bytes | None:
    if isinstance(answer, WorkerDied):
        raise answer
    error = answer["error"]
    return error if isinstance(error, bytes) else None
