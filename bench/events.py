"""`events`: how fast asynchronous invocations are stored and ended, beside SQLite's own commits;
and what a backlog of one function does to the events of another.

All of it is the server's own queue on a database on disk, without functions: what is timed is what
durability costs.
"""

import asyncio
import sqlite3
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.findings import Findings
from bench.machine import this_machine
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import percentile
from wasmfaas.models import Usage
from wasmfaas.store.database import Database
from wasmfaas.store.events import Attempt, Claimed, EventState, NewEvent, Verdict
from wasmfaas.store.queue import EventQueue

NAME = "events"
_PAYLOAD = b'{"key": "%s"}' % (b"x" * 200)
_CALLERS = 256
#: Events that run at once, as on a server of two cores.
_RUNNING = 2
_RATES = {
    "sqlite_commits": "SQLite: an insert a commit",
    "sqlite_grouped": f"SQLite: {_CALLERS} inserts a commit",
    "enqueue_alone": "enqueue: one caller",
    "enqueue_together": f"enqueue: {_CALLERS} callers",
    "drain": f"claim and end: {_CALLERS} at once",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much there is of everything."""

    rounds: int
    #: What is written one by one in a round, and in groups.
    alone: int
    groups: int
    #: Events of one function that wait while those of another are timed.
    backlog: int
    probes: int


FULL = Plan(rounds=8, alone=100, groups=8, backlog=100_000, probes=500)
QUICK = Plan(rounds=1, alone=3, groups=1, backlog=300, probes=5)


@dataclass(slots=True)
class _Rates:
    """Per second, of each round, by what was done."""

    by_name: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in _RATES})

    def add(self, name: str, count: int, started: float) -> None:
        self.by_name[name].append(count / (time.perf_counter() - started))


def run(options: Options, steps: Steps) -> Report:
    """Measure."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as name:
        asyncio.run(_measure(Path(name), plan, steps, findings))
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[
            Sheet(
                "per second",
                ["median"],
                [(told, [findings.figures[f"{key}_per_s"]]) for key, told in _RATES.items()],
            ),
            Sheet(
                "an event, until it has ended",
                ["p50 ms", "p99 ms"],
                [
                    (told, [findings.figures[f"{key}_{unit}_ms"] for unit in ("p50", "p99")])
                    for key, told in (("idle", "nothing else waits"), ("behind", _behind(plan)))
                ],
            ),
        ],
        figures=findings.figures,
        why=findings.why,
    )


async def _measure(folder: Path, plan: Plan, steps: Steps, findings: Findings) -> None:
    rates = _Rates()
    async with _queue(folder / "rates") as queue:
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            _sqlite(folder / "plain", plan, rates)
            await _enqueue(queue, plan, rates)
            await _drain(queue, plan, rates)
    for name, values in rates.by_name.items():
        findings.add(f"{name}_per_s", median(values))
    findings.quotient("enqueue_vs_sqlite", "enqueue_alone_per_s", "sqlite_commits_per_s")
    findings.quotient("enqueue_grouping", "enqueue_together_per_s", "enqueue_alone_per_s")
    findings.quotient("sqlite_grouping", "sqlite_grouped_per_s", "sqlite_commits_per_s")
    async with _queue(folder / "turns") as queue:
        steps.note("An event while nothing else waits")
        _times(findings, "idle", await _probe(queue, plan))
        steps.note(f"Storing {plan.backlog} events")
        await _in_groups(plan.backlog, lambda: queue.enqueue(_event("noisy")))
        steps.note("The same event behind them")
        _times(findings, "behind", await _probe(queue, plan))
    findings.quotient("neighbour_p99_vs_idle", "behind_p99_ms", "idle_p99_ms")


@asynccontextmanager
async def _queue(path: Path) -> AsyncIterator[EventQueue]:
    database = await asyncio.to_thread(Database.open, path)
    queue = EventQueue(database, "bench", 10_000_000)
    try:
        await queue.resume(alone=True)
        yield queue
        await queue.close()
    finally:
        await asyncio.to_thread(database.close)


def _sqlite(path: Path, plan: Plan, rates: _Rates) -> None:
    """As plain as it gets, and as durable: WAL, and a sync at every commit."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE IF NOT EXISTS events (id TEXT PRIMARY KEY, payload BLOB)")
        started = time.perf_counter()
        for _ in range(plan.alone):
            _insert(connection, 1)
        rates.add("sqlite_commits", plan.alone, started)
        started = time.perf_counter()
        for _ in range(plan.groups):
            _insert(connection, _CALLERS)
        rates.add("sqlite_grouped", plan.groups * _CALLERS, started)
    finally:
        connection.close()


def _insert(connection: sqlite3.Connection, count: int) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for _ in range(count):
        connection.execute("INSERT INTO events VALUES (?, ?)", (_id(), _PAYLOAD))
    connection.execute("COMMIT")


async def _enqueue(queue: EventQueue, plan: Plan, rates: _Rates) -> None:
    started = time.perf_counter()
    for _ in range(plan.alone):
        await queue.enqueue(_event("f"))
    rates.add("enqueue_alone", plan.alone, started)
    count = plan.groups * _CALLERS
    started = time.perf_counter()
    await _in_groups(count, lambda: queue.enqueue(_event("f")))
    rates.add("enqueue_together", count, started)


async def _drain(queue: EventQueue, plan: Plan, rates: _Rates) -> None:
    ended = 0
    started = time.perf_counter()
    while claimed := await queue.claim(_CALLERS):
        await asyncio.gather(*(_end(queue, event) for event in claimed))
        ended += len(claimed)
    rates.add("drain", ended, started)


async def _probe(queue: EventQueue, plan: Plan) -> list[float]:
    """Milliseconds from handing an event over to its end, of one after another, while all that
    waits is worked off."""
    ended: dict[str, asyncio.Event] = {}
    working = asyncio.ensure_future(_work(queue, ended))
    taken_ms = []
    try:
        for _ in range(plan.probes):
            event = _event("quiet")
            ended[event.id] = asyncio.Event()
            started = time.perf_counter()
            await queue.enqueue(event)
            await ended[event.id].wait()
            taken_ms.append((time.perf_counter() - started) * 1000)
    finally:
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    return taken_ms


async def _work(queue: EventQueue, ended: dict[str, asyncio.Event]) -> None:
    while True:
        queue.woken.clear()
        claimed = await queue.claim(_RUNNING)
        await asyncio.gather(*(_end(queue, event) for event in claimed))
        for event in claimed:
            if event.id in ended:
                ended.pop(event.id).set()
        if not claimed:
            await queue.woken.wait()


async def _end(queue: EventQueue, event: Claimed) -> None:
    usage = Usage(
        request_id=event.id, attempt=event.attempt, function_name=event.function_name,
        function_version="$LATEST", started_at_ms=1, fuel_counted=1, fuel=1, duration_us=1,
        billed_duration_ms=1, cpu_us=1, memory_bytes_peak=1, init_us=None, request_bytes=1,
        response_bytes=1, error_type=None,
    )  # fmt: skip
    done = Verdict(state=EventState.DONE, failures=0, condition="Success")
    await queue.settle(
        event, Attempt(usage=usage, error_type=None, error=None), lambda now_ms: done
    )
    queue.let_go(event.id)


async def _in_groups(count: int, step: Callable[[], Awaitable[object]]) -> None:
    """Run *count* steps, by as many callers as there are, each one after another."""
    left = iter(range(count))

    async def caller() -> None:
        for _ in left:
            await step()

    await asyncio.gather(*(caller() for _ in range(_CALLERS)))


def _event(function_name: str) -> NewEvent:
    return NewEvent(id=_id(), function_name=function_name, payload=_PAYLOAD)


def _id() -> str:
    return str(uuid.uuid4())


def _times(findings: Findings, key: str, taken_ms: list[float]) -> None:
    findings.add(f"{key}_p50_ms", percentile(taken_ms, 0.5))
    findings.add(f"{key}_p99_ms", percentile(taken_ms, 0.99))


def _behind(plan: Plan) -> str:
    return f"{plan.backlog} of another function wait"


def _method(plan: Plan) -> list[str]:
    return [
        f"{plan.rounds} rounds; in each, {plan.alone} writes one by one, and {plan.groups} times "
        f"{_CALLERS} together, on databases in the same folder. Every commit is synced.",
        "The queue as the server has it, in one process, with events of 200 bytes; no function "
        "runs. To claim and to end an event writes its state, its attempt and its ledger row.",
        f"{plan.probes} events of one function, each handed over when the one before has ended, "
        f"while {_RUNNING} events run at once: first alone, then while {_behind(plan)}.",
    ]
