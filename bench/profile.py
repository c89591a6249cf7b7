"""`profile`: where the time of a warm call through a function URL goes, process by process.

Nothing is built into what is measured: the kernel says what CPU time each process took, and the
answer's own headers say what of it was the guest's.
"""

import itertools
import os
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import child, hello, peers, processes
from bench.accounting import Used, used
from bench.child import Child
from bench.failures import BenchFailure
from bench.findings import Findings
from bench.machine import this_machine
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import percentile
from bench.server import Server, running

NAME = "profile"
CONNECTIONS = (1, 16)
TITLES = {"python": "Python hello", "c": "C hello", "uvicorn": "uvicorn, constant bytes"}
_OURS = ("python", "c")
_GUEST_CPU, _GUEST_DURATION = b"x-wasmfaas-cpu-ms:", b"x-wasmfaas-duration-ms:"
#: What is accounted for: which processes, and whether of them the main threads or the others.
_MEASURED = {
    "load": ("load", None),
    "server": ("server", None),
    "loop": ("server", True),
    "threads": ("server", False),
    "worker": ("worker", None),
    "calls": ("worker", True),
    "watch": ("worker", False),
}
#: What the rows of a table are, in the order in which a request gets there.
_PARTS = {
    "load": "load generator",
    "loop": "server: event loop",
    "threads": "server: threads",
    "guest": "worker: guest's call",
    "calls": "worker: else, reset",
    "watch": "worker: threads",
}
_COLUMNS = ("CPU µs", "in kernel", "without a core", "switches")
_KEYS = ("cpu_us", "kernel_us", "queued_us", "switches")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long everything is measured."""

    rounds: int
    seconds: float
    warm_seconds: float
    #: Calls that are asked for what the guest took.
    guest_calls: int


FULL = Plan(rounds=4, seconds=2.5, warm_seconds=1.0, guest_calls=1000)
QUICK = Plan(rounds=1, seconds=0.3, warm_seconds=0.2, guest_calls=50)


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that is called: where, with what, and the process that answers."""

    port: int
    request: bytes
    pid: int


class Sums:
    """What a subject took at one number of connections. Lives as long as a run."""

    def __init__(self) -> None:
        self.latencies_ns: list[int] = []
        self.used = dict.fromkeys(_MEASURED, Used())


class _Run:
    """Measures slice by slice. Lives as long as a run."""

    def __init__(self, subjects: dict[str, Subject], load: Child, plan: Plan) -> None:
        self._subjects = subjects
        self._load = load
        self._plan = plan
        self.sums = {
            (name, connections): Sums() for name in subjects for connections in CONNECTIONS
        }

    def warm_up(self) -> None:
        for name, connections in reversed(self.sums):
            self._call(name, connections, self._plan.warm_seconds)

    def measure(self, name: str, connections: int) -> None:
        """One slice. Raises BenchFailure, NotMeasured."""
        subject, sums = self._subjects[name], self.sums[name, connections]
        pids = {
            "load": [self._load.pid],
            "server": [subject.pid],
            "worker": processes.workers_of(subject.pid),
        }
        before = {part: used(pids[who], main=main) for part, (who, main) in _MEASURED.items()}
        sums.latencies_ns += self._call(name, connections, self._plan.seconds)
        for part, (who, main) in _MEASURED.items():
            sums.used[part] += used(pids[who], main=main) - before[part]
        if processes.workers_of(subject.pid) != pids["worker"]:
            raise BenchFailure("A worker came or went while it was measured.")

    def _call(self, name: str, connections: int, seconds: float) -> list[int]:
        subject = self._subjects[name]
        message = {
            "host": "127.0.0.1",
            "port": subject.port,
            "request": subject.request.decode(),
            "expected": hello.GREETING,
            "connections": connections,
            "seconds": seconds,
            "warm_seconds": 0.0,
        }
        latencies: list[int] = self._load.exchange(message)["latencies_ns"]
        return latencies


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where a server or a call of it fails, NotMeasured."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    findings = Findings()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="wasmfaas-bench-")))
        # As many from the start as there may be: none comes while it is measured.
        workers = f"--workers-min={2 * machine.cores}"
        server = stack.enter_context(running(folder, options.cache_dir, steps.note, workers))
        subjects = stack.enter_context(_subjects(server))
        measured = _Run(subjects, stack.enter_context(child.started("bench.load")), plan)
        measured.warm_up()
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            for name, connections in measured.sums:
                measured.measure(name, connections)
        for name in _OURS:
            _ask_guest(findings, name, server, subjects[name].request, plan.guest_calls)
    _conclude(findings, measured.sums, plan)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[
            _sheet(findings, name, connections)
            for connections, name in itertools.product(CONNECTIONS, TITLES)
        ],
        figures=findings.figures,
        why=findings.why,
    )


@contextmanager
def _subjects(server: Server) -> Iterator[dict[str, Subject]]:
    mark = uuid.uuid4().hex
    server.deploy("python", hello.python_package(mark))
    server.deploy("c", hello.c_package(hello.C_MODULE.read_bytes(), mark))
    subjects = {}
    for name in _OURS:
        request = server.request(name, hello.QUERY)
        server.warm_up(request)
        subjects[name] = Subject(server.port, request, server.pid)
    with peers.uvicorn() as port:
        request = f"GET /?{hello.QUERY} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode()
        (pid,) = processes.children_of(os.getpid(), b"bench.asgi_hello")
        subjects["uvicorn"] = Subject(port, request, pid)
        yield subjects


def _ask_guest(findings: Findings, name: str, server: Server, request: bytes, calls: int) -> None:
    """What the headers of answers say of the guest's call."""
    server.reconnect()
    heads = [server.call(request).head for _ in range(calls)]
    for key, header in (("cpu_us", _GUEST_CPU), ("duration_us", _GUEST_DURATION)):
        values = [milliseconds(head, header) * 1e3 for head in heads]
        findings.add(f"{name}_guest_{key}", sum(values) / len(values))


def milliseconds(head: bytes, header: bytes) -> float:
    """The number in a header of an answer. Raises BenchFailure where there is none."""
    _, found, rest = head.lower().partition(header)
    if not found:
        raise BenchFailure(f"An answer has no header {header.decode()} in {head!r}")
    return float(rest.split(b"\r", 1)[0])


def _conclude(findings: Findings, sums: dict[tuple[str, int], Sums], plan: Plan) -> None:
    for (name, connections), each in sums.items():
        prefix, count = f"{name}_{connections}", len(each.latencies_ns)
        if not count:
            raise BenchFailure(f"No call of {name} ended within {plan.seconds:g} s.")
        findings.add(f"{prefix}_p50_us", percentile(each.latencies_ns, 0.5) / 1e3)
        findings.add(f"{prefix}_rps", count / plan.seconds / plan.rounds)
        for part, total in each.used.items():
            if _MEASURED[part][0] == "worker" and name not in _OURS:
                continue
            values = (total.cpu_ns, total.kernel_ns, total.waited_ns, total.switches * 1e3)
            for key, value in zip(_KEYS, values, strict=True):
                findings.add(f"{prefix}_{part}_{key}", value / 1e3 / count)
    for name, connections in itertools.product(_OURS, CONNECTIONS):
        key = f"{name}_{connections}_server_cpu"
        findings.quotient(f"{key}_vs_uvicorn", f"{key}_us", f"uvicorn_{connections}_server_cpu_us")


def _sheet(findings: Findings, name: str, connections: int) -> Sheet:
    figures, prefix = findings.figures, f"{name}_{connections}"
    rows: list[tuple[str, list[float | None]]] = []
    for part, title in _PARTS.items():
        if part == "guest":
            if name in _OURS:
                rows.append((title, [figures[f"{name}_guest_cpu_us"], None, None, None]))
        elif f"{prefix}_{part}_cpu_us" in figures:
            values = [figures[f"{prefix}_{part}_{key}"] for key in _KEYS]
            if part == "calls":
                values[0] = (values[0] or 0) - (figures[f"{name}_guest_cpu_us"] or 0)
            rows.append((title, values))
    rows.append(("a caller waits (p50)", [figures[f"{prefix}_p50_us"], None, None, None]))
    noun = "connection" if connections == 1 else "connections"
    return Sheet(f"{TITLES[name]}, {connections} {noun}", _COLUMNS, rows)


def _method(plan: Plan) -> list[str]:
    return [
        f"Per request, in µs: {plan.rounds} rounds of {plan.seconds:g} s for each subject at each "
        "number of connections, warm, in turn.",
        "CPU and waiting for a core: /proc/PID/task/*/schedstat of each process, before and after, "
        "divided by the requests. In the kernel: /proc/PID/stat, in steps of 10 ms. Switches: how "
        "often another thread got the core.",
        f"The guest's call: the mean of the header X-Wasmfaas-Cpu-Ms of {plan.guest_calls} calls "
        "on one connection. Else: the rest of the thread that calls guests, that is, receiving the "
        "event, sending the answer, and, after that, putting the memory back. Threads: in the "
        "server, what writes to disk; in a worker, what watches deadlines.",
        "Default settings, but for workers: all that there may be are there from the start. The "
        "load generator is one process with one thread; all share the cores. With several "
        "connections, requests wait for each other, so that the wait is not a sum of the parts.",
    ]
