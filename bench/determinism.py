"""`determinism`: the same event burns the same fuel and gets the same answer, whatever happens.

Two workers; idle, beside processes that take all cores, in new workers, and after a restart of the
server. Every answer counts, from the first one on.
"""

import json
import subprocess
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import hello
from bench.accounting import used
from bench.connection import Connection
from bench.failures import BenchFailure
from bench.findings import Findings
from bench.hello import Package
from bench.machine import this_machine
from bench.options import Options
from bench.processes import workers_of
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.server import Server, running

NAME = "determinism"
TITLES = {"python": "Python", "c": "C"}
_WORKERS = 2
_CONNECTIONS = 4
_HOGS_PER_CORE = 2
_CALL_S_MAX = 60.0
_FUEL = b"x-wasmfaas-fuel:"
_GUEST = Path(__file__).with_name("determinism_guest") / "app.py"
_EVENT = json.dumps({"name": "Ada", "text": "to be or not to be", "numbers": list(range(50))})


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many calls of each function there are in each phase."""

    idle: int
    loaded: int
    new_workers: int
    restarted: int

    @property
    def calls(self) -> int:
        return self.idle + self.loaded + self.new_workers + self.restarted


FULL = Plan(idle=4000, loaded=4000, new_workers=1000, restarted=1000)
QUICK = Plan(idle=100, loaded=100, new_workers=50, restarted=50)


@dataclass(slots=True)
class Seen:
    """What the calls of one function gave, by how often."""

    fuel: Counter[int] = field(default_factory=Counter)
    answers: Counter[bytes] = field(default_factory=Counter)

    def add(self, other: "Seen") -> None:
        self.fuel.update(other.fuel)
        self.answers.update(other.answers)


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where the server or a call of it fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    with tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as name:
        folder = Path(name)
        phases = _first_server(folder, plan, options, steps)
        with _server(folder, options, steps) as server:
            steps.note(f"{plan.restarted} calls of each function after a restart of the server")
            phases["restarted server"] = _call_both(server, plan.restarted)
    findings = Findings()
    _conclude(findings, phases)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[_sheet(language, phases) for language in TITLES],
        figures=findings.figures,
        why=findings.why,
    )


def _first_server(
    folder: Path, plan: Plan, options: Options, steps: Steps
) -> dict[str, dict[str, Seen]]:
    """What was seen, by phase and function."""
    phases = {}
    with _server(folder, options, steps) as server:
        for language, package in _packages().items():
            server.deploy(language, package)
        steps.note(f"{plan.idle} calls of each function")
        phases["idle"] = _call_both(server, plan.idle)
        steps.note(f"{plan.loaded} calls of each function on busy cores")
        with _busy_cores():
            phases["loaded"] = _call_both(server, plan.loaded)
        steps.note(f"{plan.new_workers} calls of each function in new workers")
        server.renew_workers()
        phases["new workers"] = _call_both(server, plan.new_workers)
    return phases


@contextmanager
def _server(folder: Path, options: Options, steps: Steps) -> Iterator[Server]:
    flags = (f"--workers-min={_WORKERS}", f"--workers-max={_WORKERS}")
    with running(folder, options.cache_dir, steps.note, *flags) as server:
        yield server


def _packages() -> dict[str, Package]:
    mark = uuid.uuid4().hex
    return {
        "python": hello.python_files({"app.py": _GUEST.read_bytes()}),
        "c": hello.c_package(hello.C_MODULE.read_bytes(), mark),
    }


def _call_both(server: Server, calls: int) -> dict[str, Seen]:
    """Each function is called *calls* times, by several callers at once.

    Raises BenchFailure where one worker did it all, NotMeasured.
    """
    found = {}
    before = _cpu_ns(server)
    for language in TITLES:
        request = server.invocation(language, _EVENT.encode())
        shares = [calls // _CONNECTIONS + (n < calls % _CONNECTIONS) for n in range(_CONNECTIONS)]
        with ThreadPoolExecutor(_CONNECTIONS) as callers:
            seen = [callers.submit(_call, server.port, request, share) for share in shares]
        found[language] = Seen()
        for each in seen:
            found[language].add(each.result())
    after = _cpu_ns(server)
    busy = [pid for pid in before if after.get(pid, 0) > before[pid]]
    if len(busy) < _WORKERS:
        raise BenchFailure(f"Of {_WORKERS} workers, {len(busy)} had something to do.")
    return found


def _cpu_ns(server: Server) -> dict[int, int]:
    """CPU time of each worker, among which may be one for a while that takes a snapshot."""
    return {pid: used([pid]).cpu_ns for pid in workers_of(server.pid)}


def _call(port: int, request: bytes, calls: int) -> Seen:
    seen = Seen()
    with Connection("127.0.0.1", port, _CALL_S_MAX) as connection:
        for _ in range(calls):
            answer = connection.exchange(request)
            seen.answers[answer.body] += 1
            seen.fuel[fuel_of(answer.head)] += 1
    return seen


def fuel_of(head: bytes) -> int:
    """The fuel that the head of an answer tells; -1 where it tells none."""
    _, _, rest = head.lower().partition(_FUEL)
    return int(rest.split(b"\r", 1)[0] or -1)


@contextmanager
def _busy_cores() -> Iterator[None]:
    """Processes that take all the time that they can get."""
    command = [sys.executable, "-c", "while True: pass"]
    hogs = [
        subprocess.Popen(command, stdin=subprocess.DEVNULL)
        for _ in range(_HOGS_PER_CORE * this_machine().cores)
    ]
    try:
        yield
    finally:
        for hog in hogs:
            hog.kill()
            hog.wait()


def _conclude(findings: Findings, phases: dict[str, dict[str, Seen]]) -> None:
    fuels, answers = [], []
    for language in TITLES:
        seen = _together(phases, language)
        fuels.append(len(seen.fuel))
        answers.append(len(seen.answers))
        findings.add(f"{language}_invocations", seen.fuel.total())
        findings.add(f"{language}_distinct_fuel_values", fuels[-1])
        findings.add(f"{language}_distinct_answers", answers[-1])
        findings.add(f"{language}_fuel", seen.fuel.most_common(1)[0][0])
    findings.add("workers", _WORKERS)
    findings.add("distinct_fuel_values", max(fuels))
    findings.add("distinct_answers", max(answers))


def _together(phases: dict[str, dict[str, Seen]], language: str) -> Seen:
    seen = Seen()
    for phase in phases.values():
        seen.add(phase[language])
    return seen


def _sheet(language: str, phases: dict[str, dict[str, Seen]]) -> Sheet:
    columns = ("invocations", "fuel values", "least", "most", "answers")
    rows = [
        (
            phase,
            [
                seen[language].fuel.total(),
                len(seen[language].fuel),
                min(seen[language].fuel),
                max(seen[language].fuel),
                len(seen[language].answers),
            ],
        )
        for phase, seen in phases.items()
    ]
    return Sheet(TITLES[language], columns, rows)


def _method(plan: Plan) -> list[str]:
    return [
        f"{plan.calls} invocations of each function, pristine, with the same event, through the "
        f"Invoke operation; {_WORKERS} workers, {_CONNECTIONS} callers at once.",
        "Every answer counts, also the first ones, which wait for a sandbox to start, and those of "
        "sandboxes that took a snapshot over instead of importing the function.",
        f"Loaded: {_HOGS_PER_CORE} processes per core that take all the time that they can get. "
        "New workers: all were killed. Restarted server: on the same data directory.",
        "Fuel: the header x-wasmfaas-fuel. Python's answer tells the order of a set, a hash and an "
        "address, so that equal answers are of equal memories.",
    ]
