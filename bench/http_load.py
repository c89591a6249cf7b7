"""`http`: requests per second and latency through function URLs, beside other servers.

Slices of all of them alternate, so that a noisy moment hits all alike.
"""

import itertools
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import child, hello, peers
from bench.child import Child
from bench.failures import NotMeasured
from bench.findings import Findings
from bench.machine import this_machine
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import percentile
from bench.server import Server, running

NAME = "http"
CONNECTIONS = (1, 16, 64)
TITLES = {
    "python": "Python hello",
    "c": "C hello",
    "uvicorn": "uvicorn, constant bytes",
    "wasmtime_serve": "wasmtime serve, Python",
    "workerd": "workerd, JavaScript",
}
#: Key, what is divided by what: a subject and a number of connections each.
_RATIOS = (
    ("python_rps_vs_wasmtime_serve", "python", "wasmtime_serve", "rps", 16),
    ("python_p50_vs_uvicorn", "python", "uvicorn", "p50_ms", 1),
    ("python_p50_vs_wasmtime_serve", "python", "wasmtime_serve", "p50_ms", 1),
    ("python_rps_vs_uvicorn", "python", "uvicorn", "rps", 16),
    ("c_rps_vs_uvicorn", "c", "uvicorn", "rps", 16),
    ("c_p50_vs_uvicorn", "c", "uvicorn", "p50_ms", 1),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long everything is measured."""

    rounds: int
    #: Of a slice, beyond what does not count.
    seconds: float
    warm_seconds: float
    #: Others than uvicorn.
    with_peers: bool


FULL = Plan(rounds=4, seconds=2.0, warm_seconds=0.5, with_peers=True)
QUICK = Plan(rounds=1, seconds=0.1, warm_seconds=0.1, with_peers=False)


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is called: a port, and the bytes to send there."""

    port: int
    request: str


class Load:
    """Calls from a process of its own. Lives as long as a run."""

    def __init__(self, process: Child, plan: Plan) -> None:
        self._process = process
        self._plan = plan

    def call(self, subject: Subject, connections: int) -> list[int]:
        """Nanoseconds of every call within a slice. Raises BenchFailure."""
        message = {
            "host": "127.0.0.1",
            "port": subject.port,
            "request": subject.request,
            "expected": hello.GREETING,
            "connections": connections,
            "seconds": self._plan.seconds,
            "warm_seconds": self._plan.warm_seconds,
        }
        latencies: list[int] = self._process.exchange(message)["latencies_ns"]
        return latencies


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where a server fails or answers wrongly."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    findings, times = Findings(), dict[tuple[str, int], list[int]]()
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        subjects = stack.enter_context(_subjects(options, plan, missing, steps))
        load = Load(stack.enter_context(child.started("bench.load")), plan)
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            for connections in CONNECTIONS:
                names = list(subjects)
                for name in names[number % len(names) :] + names[: number % len(names)]:
                    latencies = load.call(subjects[name], connections)
                    times.setdefault((name, connections), []).extend(latencies)
    _conclude(findings, times, missing, plan)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[_sheet(findings, connections) for connections in CONNECTIONS],
        figures=findings.figures,
        why=findings.why,
    )


@contextmanager
def _subjects(
    options: Options, plan: Plan, missing: dict[str, str], steps: Steps
) -> Iterator[dict[str, Subject]]:
    """Everything that there is to call; what there is not is in *missing*."""
    with ExitStack() as stack:
        prefix = "wasmfaas-bench-"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        server = stack.enter_context(running(folder, options.cache_dir, steps.note))
        subjects = _ours(server)
        subjects["uvicorn"] = _other(stack.enter_context(peers.uvicorn()))
        installed = peers.Folder(options.cache_dir)
        others: dict[str, Callable[[], AbstractContextManager[int]]] = {
            "wasmtime_serve": lambda: peers.wasmtime_serve(installed, steps.note),
            "workerd": lambda: peers.workerd(installed, folder),
        }
        for name, started in others.items():
            try:
                if not plan.with_peers:
                    raise NotMeasured("a quick run leaves it out")
                subjects[name] = _other(stack.enter_context(started()))
            except NotMeasured as reason:
                missing[name] = str(reason)
        yield subjects


def _ours(server: Server) -> dict[str, Subject]:
    module = hello.C_MODULE.read_bytes()
    packages = {
        "python": hello.python_package(uuid.uuid4().hex),
        "c": hello.c_package(module, uuid.uuid4().hex),
    }
    found = {}
    for name, package in packages.items():
        server.deploy(name, package)
        request = server.request(name, hello.QUERY)
        server.warm_up(request)
        found[name] = Subject(server.port, request.decode())
    return found


def _other(port: int) -> Subject:
    return Subject(port, f"GET /?{hello.QUERY} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n")


def _conclude(
    findings: Findings,
    times: dict[tuple[str, int], list[int]],
    missing: dict[str, str],
    plan: Plan,
) -> None:
    for name, connections in itertools.product(TITLES, CONNECTIONS):
        keys = [_key(name, connections, what) for what in ("rps", "p50_ms", "p99_ms")]
        latencies = times.get((name, connections))
        if not latencies:
            for key in keys:
                findings.lacks(key, missing.get(name, "no call ended in time"))
            continue
        findings.add(keys[0], len(latencies) / plan.seconds / plan.rounds)
        findings.add(keys[1], percentile(latencies, 0.5) / 1e6)
        findings.add(keys[2], percentile(latencies, 0.99) / 1e6)
    for ratio, ours, theirs, what, connections in _RATIOS:
        above, below = _key(ours, connections, what), _key(theirs, connections, what)
        findings.quotient(ratio, above, below)


def _key(name: str, connections: int, what: str) -> str:
    return f"{name}_{connections}_{what}"


def _sheet(findings: Findings, connections: int) -> Sheet:
    units = ("rps", "p50_ms", "p99_ms")
    rows = [
        (title, [findings.figures[_key(name, connections, unit)] for unit in units])
        for name, title in TITLES.items()
    ]
    noun = "connection" if connections == 1 else "connections"
    return Sheet(f"{connections} {noun}", ("requests/s", "p50 ms", "p99 ms"), rows)


def _method(plan: Plan) -> list[str]:
    return [
        f"{plan.rounds} rounds; in each, {plan.seconds:g} s for everyone at every number of "
        f"connections, after {plan.warm_seconds:g} s that do not count, in turn.",
        "Client: one process, one thread, epoll, prepared bytes, connections that stay open; the "
        "next request follows the answer at once. It shares the cores with what it calls.",
        "Ours: `wasmfaas up`, default settings, pristine, through the function's URL; with limits, "
        "log and bill.",
        "uvicorn: one process, uvloop, httptools, an ASGI application that sends constant bytes.",
        "wasmtime serve: its defaults, the same Python handler as a wasi:http component, compiled "
        "ahead, a new instance per request. workerd: a hello in JavaScript, without isolation.",
    ]
