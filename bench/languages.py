"""`languages`: a hello in each language, from its source to its warm calls."""

import asyncio
import re
import tempfile
import time
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench import guests, hello
from bench.connection import Answer
from bench.failures import BenchFailure
from bench.findings import Findings
from bench.guests import Guest, Module
from bench.hello import Package
from bench.machine import this_machine
from bench.modules import NewModules
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.server import Server, running
from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.compilers import Compilers
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefacts

NAME = "languages"
_EVENT = b'{"name": "Ada"}'
_FUEL = re.compile(rb"\r\nx-wasmfaas-fuel: *(\d+)", re.IGNORECASE)
_KB = 1e3
_COLUMNS = {
    "lines": "lines",
    "module_kb": "KB",
    "build_s": "build s",
    "first_answer_ms": "deploy ms",
    "p50_ms": "p50 ms",
    "fuel": "fuel",
}
_RESET, _FRESH = "reset", "fresh"
_NO_BUILD = "Python is not built, and its runtime is shared by all functions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured, and how often."""

    #: None for all that there are.
    languages: tuple[str, ...] | None
    builds: int
    rounds: int
    #: Before those that are measured, in a round.
    unmeasured_calls: int
    calls: int


FULL = Plan(languages=None, builds=3, rounds=5, unmeasured_calls=50, calls=200)
QUICK = Plan(languages=("python", "c"), builds=1, rounds=1, unmeasured_calls=2, calls=5)


@dataclass(slots=True)
class _Subject:
    """A language whose hello can be deployed, and what was measured of it. Lives as long as a
    run."""

    guest: Guest
    #: None for Python.
    module: Module | None
    first_ms: list[float] = field(default_factory=list)
    warm_ms: list[float] = field(default_factory=list)
    fuel: list[int] = field(default_factory=list)

    def package(self, modules: NewModules) -> Package:
        """One that neither the server nor the compiler has seen."""
        if self.module is not None:
            return hello.c_package(modules.like(self.module.wasm), "")
        source = f"{self.guest.text}\n# {uuid.uuid4().hex}\n"
        return hello.python_files({"app.py": source.encode()})


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where the server or a call of it fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    findings = Findings()
    chosen = guests.guests(plan.languages)
    subjects = _built(chosen, plan, findings, steps)
    with (
        tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as folder,
        NewModules(options.cache_dir) as modules,
        running(Path(folder), options.cache_dir, steps.note) as server,
    ):
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            for subject in subjects:
                _measure(server, subject, modules, plan)
    for subject in subjects:
        name = subject.guest.name
        findings.add(f"{name}_first_answer_ms", median(subject.first_ms))
        findings.add(f"{name}_p50_ms", median(subject.warm_ms))
        findings.add(f"{name}_fuel", int(median(subject.fuel)))
    served = {subject.guest.name: _served(subject, options.cache_dir) for subject in subjects}
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[_sheet(chosen, served, findings)],
        figures=findings.figures,
        why=findings.why,
        tabulated=True,
    )


def _built(chosen: list[Guest], plan: Plan, findings: Findings, steps: Steps) -> list[_Subject]:
    """Those of *chosen* that could be built here."""
    subjects = []
    for guest in chosen:
        keys = {kind: f"{guest.name}_{kind}" for kind in _COLUMNS}
        findings.add(keys["lines"], guest.lines())
        if guest.name == guests.PYTHON:
            findings.lacks(keys["module_kb"], _NO_BUILD)
            findings.lacks(keys["build_s"], _NO_BUILD)
            subjects.append(_Subject(guest, None))
            continue
        steps.note(f"Building {guest.title}")
        with findings.attempt(*keys.values()):
            module = guests.built(guest, plan.builds)
            findings.add(keys["module_kb"], round(len(module.wasm) / _KB))
            findings.add(keys["build_s"], module.build_s)
            subjects.append(_Subject(guest, module))
    return subjects


def _measure(server: Server, subject: _Subject, modules: NewModules, plan: Plan) -> None:
    """One deployment of a hello, and calls of it."""
    name = f"{subject.guest.name}-{uuid.uuid4().hex[:8]}"
    package = subject.package(modules)
    request = server.invocation(name, _EVENT)
    server.settle()
    started_ns = time.perf_counter_ns()
    server.deploy(name, package)
    _checked(server.call(request), subject.guest)
    subject.first_ms.append((time.perf_counter_ns() - started_ns) / 1e6)
    for _ in range(plan.unmeasured_calls):
        server.call(request)
    for _ in range(plan.calls):
        answer = _checked(server.call(request), subject.guest)
        subject.warm_ms.append(answer.duration_ns / 1e6)
    found = _FUEL.search(answer.head)
    subject.fuel.append(int(found[1]) if found else 0)
    server.delete(name)


def _checked(answer: Answer, guest: Guest) -> Answer:
    if hello.GREETING.encode() not in answer.body:
        raise BenchFailure(f"The hello in {guest.title} answered {answer.body[:300]!r}")
    return answer


def _served(subject: _Subject, cache_dir: Path) -> str:
    """How a worker makes a sandbox pristine after a call."""
    if subject.module is None:
        return _RESET
    with tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as folder:
        path = Path(folder) / "bootstrap.wasm"
        path.write_bytes(subject.module.wasm)
        try:
            compilers = Compilers(Settings(cache_dir=cache_dir), Artefacts(cache_dir))
            artefact = asyncio.run(compilers.compile(path))
        except WasmfaasError as error:
            raise BenchFailure(error.message) from None
    return _RESET if artefact.inspection.restorable else _FRESH


def _sheet(chosen: list[Guest], served: dict[str, str], findings: Findings) -> Sheet:
    rows = [
        (
            guest.title,
            [
                *(findings.figures[f"{guest.name}_{kind}"] for kind in _COLUMNS),
                served.get(guest.name),
            ],
        )
        for guest in chosen
    ]
    return Sheet("hello in", [*_COLUMNS.values(), "served"], rows)


def _method(plan: Plan) -> list[str]:
    return [
        "The sample hello of each SDK in a project of wasmfaas init. Lines: without blank ones, "
        "comments and tests.",
        f"Build: median of {plan.builds} builds by wasmfaas build after the first, which installs "
        "dependencies; the source has changed before each.",
        f"Deploy: from CreateFunction, with a URL, to the first answer of Invoke; median of "
        f"{plan.rounds}, each of a module that nobody has compiled yet.",
        f"p50: of {plan.rounds * plan.calls} warm calls of Invoke, one after another on one "
        "connection, pristine; from sending the request to having its answer.",
        "KB: 1,000 bytes of the module. Served: reset puts memory and globals back after a call; "
        "fresh makes a new instance, ahead of the next call.",
    ]
