"""`neighbours`: what well-behaved functions notice of one that is not.

Slices of the same calls alternate: alone, beside a neighbour that computes, beside one that behaves
badly.
"""

import itertools
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from bench import child, hello, misbehaving
from bench.child import Child
from bench.failures import BenchFailure
from bench.findings import Findings
from bench.machine import this_machine
from bench.misbehaving import Deed
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import percentile
from bench.server import Server, running

NAME = "neighbours"
TITLES = {"python": "Python hello", "c": "C hello"}
CONDITIONS = {
    "alone": "alone",
    "computing": "beside one that computes",
    "misbehaving": "beside one that misbehaves",
}
_UNITS = ("p50_ms", "p99_ms")
_SEED = 20_260


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long everything is measured, and how many callers there are."""

    rounds: int
    seconds: float
    warm_seconds: float
    good_callers: int
    bad_callers: int


FULL = Plan(rounds=4, seconds=5.0, warm_seconds=0.5, good_callers=2, bad_callers=1)
QUICK = Plan(rounds=1, seconds=0.3, warm_seconds=0.1, good_callers=2, bad_callers=2)


class _Run:
    """Measures slice by slice. Lives as long as a run."""

    def __init__(self, server: Server, load: Child, plan: Plan) -> None:
        self._server = server
        self._load = load
        self._plan = plan
        numbers = range(plan.bad_callers)
        self._deeds: dict[str, list[Iterator[Deed]]] = {
            "alone": [],
            "computing": [misbehaving.honest() for _ in numbers],
            "misbehaving": [misbehaving.bad(_SEED + number) for number in numbers],
        }
        self._requests: dict[str, bytes] = {}
        #: Nanoseconds of good calls, by function and condition.
        self.times: dict[tuple[str, str], list[int]] = {}
        #: How often the neighbour did what.
        self.deeds: Counter[Deed] = Counter()

    def deploy(self) -> None:
        mark = uuid.uuid4().hex
        self._server.deploy("python", hello.python_package(mark))
        self._server.deploy("c", hello.c_package(hello.C_MODULE.read_bytes(), mark))
        misbehaving.deploy(self._server)
        for name in TITLES:
            self._requests[name] = self._server.request(name, hello.QUERY)
            self._server.warm_up(self._requests[name])

    def measure(self, name: str, condition: str) -> None:
        """One slice. Raises BenchFailure where a good answer is wrong, or a bad end another one."""
        with misbehaving.calling(self._server, self._deeds[condition]) as callers:
            message = {
                "host": "127.0.0.1",
                "port": self._server.port,
                "request": self._requests[name].decode(),
                "expected": hello.GREETING,
                "connections": self._plan.good_callers,
                "seconds": self._plan.seconds,
                "warm_seconds": self._plan.warm_seconds,
            }
            latencies = self._load.exchange(message)["latencies_ns"]
        self.times.setdefault((name, condition), []).extend(latencies)
        for caller in callers:
            if caller.wrong:
                raise BenchFailure(f"The neighbour came to another end: {caller.wrong[0]}")
            if condition == "misbehaving":
                self.deeds.update(caller.ended)


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where the server or a call of it fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wasmfaas-bench-")))
        started = running(folder, options.cache_dir, steps.note)
        server = stack.enter_context(started)
        measured = _Run(server, stack.enter_context(child.started("bench.load")), plan)
        measured.deploy()
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            for name, condition in itertools.product(TITLES, CONDITIONS):
                measured.measure(name, condition)
    findings = Findings()
    _conclude(findings, measured)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[*(_sheet(findings, name) for name in TITLES), _deeds(measured.deeds)],
        figures=findings.figures,
        why=findings.why,
    )


def _conclude(findings: Findings, measured: _Run) -> None:
    for name in TITLES:
        for condition in CONDITIONS:
            times = measured.times[name, condition]
            for unit, share in zip(_UNITS, (0.5, 0.99), strict=True):
                findings.add(f"{name}_{condition}_{unit}", percentile(times, share) / 1e6)
        for unit in _UNITS:
            bad, short = f"{name}_misbehaving_{unit}", unit.removesuffix("_ms")
            findings.quotient(f"{name}_{short}_vs_alone", bad, f"{name}_alone_{unit}")
            findings.quotient(f"{name}_{short}_vs_computing", bad, f"{name}_computing_{unit}")
    findings.add("good_calls", sum(len(times) for times in measured.times.values()))
    findings.add("wrong_answers", 0)
    findings.add("bad_calls", measured.deeds.total())


def _sheet(findings: Findings, name: str) -> Sheet:
    rows = [
        (title, [findings.figures[f"{name}_{condition}_{unit}"] for unit in _UNITS])
        for condition, title in CONDITIONS.items()
    ]
    return Sheet(TITLES[name], ("p50 ms", "p99 ms"), rows)


def _deeds(deeds: Counter[Deed]) -> Sheet:
    rows = sorted(
        (f"{deed.act.replace('_', ' ')}: {deed.ends[0] or 'an answer'}", [count])
        for deed, count in deeds.items()
    )
    return Sheet("what the neighbour did, and how it ended", ("calls",), rows)


def _method(plan: Plan) -> list[str]:
    return [
        f"{plan.rounds} rounds of {plan.seconds:g} s for each function in each condition, after "
        f"{plan.warm_seconds:g} s that do not count. Good calls: {plan.good_callers} at once, "
        f"through a function URL. The neighbour: {plan.bad_callers} at once, one after another.",
        "Every good answer is read; a wrong one ends the run, and so does a bad call that comes to "
        "another end than it must.",
        "The neighbour that computes takes a core for as long as it is called. What differs beside "
        "it is the price of a busy core, not of misbehaviour.",
        "Default settings. Bad calls: memory grown, and grown too far; traps, exits, exceptions; a "
        "loop and a sleep past the timeout of 1 s, of which the latter costs a worker; fuel "
        "exhausted; files left open; 20 MB of log; 64 MB in /tmp, and more than may be; an answer "
        "too large.",
    ]
