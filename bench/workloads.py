"""`workloads`: real jobs rather than hello, as a guest and on native CPython.

Slices of native, pristine and reuse alternate, so that a noisy moment hits all alike.
"""

import base64
import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import child, deployments, hello
from bench.child import Child
from bench.failures import BenchFailure, NotMeasured
from bench.findings import Findings
from bench.machine import this_machine
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import Samples
from bench.sandbox import add_python, context
from bench.vendored import vendored
from wasmfaas.models import Isolation

NAME = "workloads"
JOBS = {
    "json_transform": "JSON transform, 100 KB",
    "jinja2_page": "jinja2 page",
    "markdown_page": "Markdown to HTML",
    "log_regex": "regex log parsing",
    "sha256_1mb": "SHA-256 over 1 MB",
    "nbody": "n-body",
    "pidigits": "pidigits",
}
WAYS = {"native": "native", "pristine": "pristine", "reuse": "reuse"}
#: What a job needs of PyPI; the others need nothing.
_NEEDS = {"jinja2_page": "jinja2", "markdown_page": "markdown"}
_APP = Path(__file__).parent / "workload_guest" / "app.py"
TITLES = {f"{job}_{way}": title for job in JOBS for way, title in WAYS.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often everything is measured."""

    rounds: int
    #: In a round.
    calls: int
    #: Whether packages may be fetched, for the jobs that need one.
    fetches: bool


FULL = Plan(rounds=10, calls=10, fetches=True)
QUICK = Plan(rounds=1, calls=1, fetches=False)


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where a job fails, or answers otherwise than natively."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    samples, findings = Samples(TITLES), Findings()
    compiled = deployments.compiled(options.cache_dir, hello.C_MODULE, steps.note)
    with ExitStack() as stack:
        prefix = "wasmfaas-bench-"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        missing = _package(folder / "task", options, plan, steps)
        jobs = _Jobs(*stack.enter_context(_processes(folder, compiled)), folder / "task", samples)
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            for job in JOBS:
                if job not in missing:
                    jobs.measure(job, number, plan.calls)
    _conclude(samples, findings, missing)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan, compiled.python_version),
        series=samples.series,
        sheets=[_sheet(findings)],
        figures=findings.figures,
        why=findings.why,
    )


def _package(task: Path, options: Options, plan: Plan, steps: Steps) -> dict[str, str]:
    """Write the package to *task*; which jobs it cannot do, and why."""
    task.mkdir()
    (task / "app.py").write_bytes(_APP.read_bytes())
    missing = {}
    for job, package in _NEEDS.items():
        try:
            if not plan.fetches:
                raise NotMeasured("a quick run fetches no packages")
            files = vendored(options.cache_dir, (package,), steps.note)
        except NotMeasured as reason:
            missing[job] = str(reason)
            continue
        for name, content in files.items():
            path = task / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    return missing


@contextmanager
def _processes(folder: Path, compiled: deployments.Compiled) -> Iterator[tuple[Child, Child]]:
    """What runs guests, and what runs native code."""
    (folder / "scratch").mkdir()
    with (
        child.started("bench.sandbox_child") as guests,
        child.started("bench.workload_native") as native,
    ):
        guests.exchange({"op": "host", "scratch_path": str(folder / "scratch")})
        for isolation in (Isolation.PRISTINE, Isolation.REUSE):
            key = isolation.value
            add_python(guests, compiled, key, folder / "task", isolation, folder)
        yield guests, native


class _Jobs:
    """Measures slices. Lives as long as a run."""

    def __init__(self, guests: Child, native: Child, task: Path, samples: Samples) -> None:
        self._guests = guests
        self._native = native
        self._task = task
        self._samples = samples
        self._answers: dict[str, Any] = {}

    def measure(self, job: str, number: int, count: int) -> None:
        """A slice of every way to do *job*; the order depends on the round's *number*."""
        ways = list(WAYS)
        start = number % len(ways)
        for way in ways[start:] + ways[:start]:
            # One more, which warms caches up and does not count.
            found = self._called(job, way, count + 1)
            self._samples.add(f"{job}_{way}", *found["wait_ns"][1:])
            answer = json.loads(base64.b64decode(found["payload"]))
            if self._answers.setdefault(job, answer) != answer:
                raise BenchFailure(f"{job}: {way} answered {answer}, not {self._answers[job]}.")

    def _called(self, job: str, way: str, count: int) -> dict[str, Any]:
        if way == "native":
            message = {"path": str(self._task), "job": job, "count": count}
            return self._native.exchange(message)
        event = json.dumps({"job": job})
        message = {"op": "measure", "key": way, "event": event, "context": context()}
        return self._guests.exchange({**message, "count": count})


def _conclude(samples: Samples, findings: Findings, missing: dict[str, str]) -> None:
    for job in JOBS:
        for way in WAYS:
            value = samples.series[f"{job}_{way}"].p50_ms
            if value is None:
                findings.lacks(f"{job}_{way}_ms", missing[job])
            else:
                findings.add(f"{job}_{way}_ms", value)
        findings.quotient(f"{job}_vs_native", f"{job}_pristine_ms", f"{job}_native_ms")
        findings.quotient(f"{job}_pristine_vs_reuse", f"{job}_pristine_ms", f"{job}_reuse_ms")


def _sheet(findings: Findings) -> Sheet:
    keys = ("native_ms", "reuse_ms", "pristine_ms", "vs_native", "pristine_vs_reuse")
    rows = [
        (title, [findings.figures[f"{job}_{key}"] for key in keys]) for job, title in JOBS.items()
    ]
    columns = ("native ms", "reuse ms", "pristine ms", "/ native", "/ reuse")
    return Sheet("p50", columns, rows)


def _method(plan: Plan, guest_python: str) -> list[str]:
    return [
        f"{plan.rounds} rounds of {plan.calls} calls of every job in every way, after one that "
        "does not count. All ways must give the same answer.",
        "Guest: what a caller waits for in a worker, without server or HTTP; pristine puts the "
        f"memory back after the answer. The guest's Python is {guest_python}.",
        "Native: the same source in a process of the Python that runs the benchmark, its version "
        "as above. A Python of another version would be another few per cent faster or slower.",
        "/ native: pristine divided by native. / reuse: pristine divided by reuse.",
    ]
