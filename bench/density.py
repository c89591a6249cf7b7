"""`density`: what a sandbox that stands ready, and does nothing, costs in memory."""

import tempfile
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bench import hello, imports
from bench.failures import NotMeasured
from bench.findings import Findings
from bench.hello import Package
from bench.machine import this_machine
from bench.memory import Private, private
from bench.options import Options
from bench.processes import workers_of
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.server import Server, running, was_cold
from bench.vendored import vendored

NAME = "density"
_SUBJECTS = {"python": "Python hello", "python_imports": "Python, many imports", "c": "C hello"}
_MB = 1e6
_MEMORY_BYTES_MAX = 64 * 1024**3
_SPARE = 8
_CALLS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured."""

    subjects: tuple[str, ...]
    #: Sandboxes beside the first.
    more: int


FULL = Plan(subjects=tuple(_SUBJECTS), more=30)
QUICK = Plan(subjects=("python", "c"), more=2)


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where the server or a call of it fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    findings = Findings()
    files = {}
    if "python_imports" in plan.subjects:
        with suppress(NotMeasured):
            files = vendored(options.cache_dir, imports.PYPI, steps.note)
    for number, name in enumerate(plan.subjects):
        steps.round(number + 1, len(plan.subjects))
        keys = [_key(name, what) for what in ("private", "private_dirty", "unmapped")]
        with (
            findings.attempt(*keys, _key(name, "worker")),
            tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as folder,
        ):
            first, more = _measure(name, files, Path(folder), plan, options, steps)
            findings.add(keys[0], (more.total - first.total) / plan.more / _MB)
            findings.add(keys[1], (more.dirty - first.dirty) / plan.more / _MB)
            findings.add(keys[2], (more.unmapped - first.unmapped) / plan.more / _MB)
            findings.add(_key(name, "worker"), first.total / _MB)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[_sheet(findings, plan)],
        figures=findings.figures,
        why=findings.why,
    )


def _measure(
    name: str,
    files: Mapping[str, bytes],
    folder: Path,
    plan: Plan,
    options: Options,
    steps: Steps,
) -> tuple[Private, Private]:
    """What the worker has with one sandbox, and with all. Raises NotMeasured."""
    flags = (
        "--workers-max=1",
        f"--sandboxes-per-worker-max={plan.more + _SPARE}",
        f"--worker-memory-bytes-max={_MEMORY_BYTES_MAX}",
    )
    with running(folder, options.cache_dir, steps.note, *flags) as server:
        requests = []
        for number in range(plan.more + 1):
            server.deploy(f"{number}", _package(name, files))
            requests.append(server.request(f"{number}", hello.QUERY))
            server.call(requests[-1])
        server.settle()
        # The first sandbox of a deployment was made in another way than all others.
        server.renew_workers()
        _ready(server, requests[:1])
        first = private(workers_of(server.pid))
        _ready(server, requests)
        return first, private(workers_of(server.pid))


def _ready(server: Server, requests: list[bytes]) -> None:
    """Have a sandbox stand ready for each of *requests*. Raises NotMeasured."""
    for request in requests:
        for _ in range(_CALLS):
            server.call(request)
    cold = sum(was_cold(server.call(request)) for request in requests)
    if cold:
        raise NotMeasured(f"of {len(requests)} sandboxes, {cold} were not kept ready")
    server.settle()


def _package(name: str, files: Mapping[str, bytes]) -> Package:
    mark = uuid.uuid4().hex
    if name == "c":
        return hello.c_package(hello.C_MODULE.read_bytes(), mark)
    return hello.python_package(mark) if name == "python" else imports.package(files, mark)


def _key(name: str, what: str) -> str:
    return f"{name}_{what}_mb"


def _sheet(findings: Findings, plan: Plan) -> Sheet:
    columns = ("private", "of it, dirty", "memfds", "worker with one")
    kinds = ("private", "private_dirty", "unmapped", "worker")
    rows = [
        (_SUBJECTS[name], [findings.figures[_key(name, kind)] for kind in kinds])
        for name in plan.subjects
    ]
    return Sheet("MB of an extra idle warm sandbox", columns, rows)


def _method(plan: Plan) -> list[str]:
    return [
        f"One worker that keeps ready one sandbox, then {plan.more} more, each of another "
        "deployment and called four times; what is added, divided by their number.",
        "Private: Private_Dirty + Private_Clean of /proc/PID/smaps_rollup, that is, without what "
        "workers share. Clean pages are of files that only this worker maps: with a second worker "
        "that holds the same function ready they are shared, and the kernel may take them back.",
        "Memfds: what is in them comes on top of that. A worker reads pages from them to put "
        "memory back, without mapping them, so that the kernel does not count them as its own.",
    ]
