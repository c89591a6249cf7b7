"""`scale`: many functions on one server, and many callers of one function.

Two servers run side by side, one with a single function and one with more and more; slices of
calls of both alternate, so that a noisy moment hits both alike.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import child, hello
from bench.failures import BenchFailure
from bench.findings import Findings
from bench.hello import Package
from bench.machine import this_machine
from bench.memory import private
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import percentile
from bench.server import Server, running

NAME = "scale"
#: What `p50_10000_vs_1` compares with one function.
_MANY = 10_000
_MARK = "scale"
_UNITS = ("p50_ms", "p99_ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many there are of everything."""

    functions: tuple[int, ...]
    callers: tuple[int, ...]
    #: Of calls; each of both servers.
    slices: int
    calls: int
    #: Functions called one after another.
    spread: int
    seconds: float


FULL = Plan(
    functions=(1, 100, 1000, _MANY),
    callers=(1, 2, 4, 8, 16, 32, 64),
    slices=20,
    calls=100,
    spread=300,
    seconds=3.0,
)
QUICK = Plan(functions=(1, 20), callers=(1, 4), slices=2, calls=50, spread=20, seconds=0.2)


@dataclass(slots=True)
class _Step:
    """What was measured with one number of functions."""

    functions: int
    one: list[float]
    many: list[float]
    spread: list[float]
    deploy_ms: float
    memory_bytes: int


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where a server or a call of it fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    findings = Findings()
    prefix = "wasmfaas-bench-"
    with tempfile.TemporaryDirectory(prefix=prefix) as name:
        folder = Path(name)
        measured = _grow(folder, plan, options, steps)
        with _restarted(folder / "many", plan.functions[-1], findings, options, steps):
            pass
        with _restarted(folder / "one", 1, findings, options, steps) as server:
            steps.note("Calling one function from many connections")
            callers = _callers(server, plan)
    _conclude(findings, plan, measured)
    for count, times in callers.items():
        findings.add(f"callers_{count}_rps", len(times) / plan.seconds)
        findings.add(f"callers_{count}_p50_ms", percentile(times, 0.5))
        findings.add(f"callers_{count}_p99_ms", percentile(times, 0.99))
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=_sheets(findings, plan),
        figures=findings.figures,
        why=findings.why,
    )


def _grow(folder: Path, plan: Plan, options: Options, steps: Steps) -> list[_Step]:
    """Deploy more and more, and measure at every number of them."""
    package = hello.c_package(hello.C_MODULE.read_bytes(), _MARK)
    measured = []
    with two_servers(folder, options, steps) as (one, many):
        one.deploy(function_name(0), package)
        deployed = 0
        for functions in plan.functions:
            steps.note(f"Deploying {functions} functions")
            started_ns = time.perf_counter_ns()
            create_many(many, range(deployed, functions), package)
            took_ms = (time.perf_counter_ns() - started_ns) / 1e6
            step = _Step(functions, [], [], [], took_ms / (functions - deployed), 0)
            deployed = functions
            _call(one, many, plan, step)
            step.memory_bytes = private([many.pid]).total
            measured.append(step)
    return measured


@contextmanager
def two_servers(folder: Path, options: Options, steps: Steps) -> Iterator[tuple[Server, Server]]:
    """Servers on `one` and `many` in *folder*; gone when the block ends."""
    with ExitStack() as stack:
        servers = []
        for name in ("one", "many"):
            (folder / name).mkdir()
            started = running(folder / name, options.cache_dir, steps.note)
            servers.append(stack.enter_context(started))
        for server in servers:
            # The first has been idle while the second came up.
            server.reconnect()
        yield servers[0], servers[1]


def create_many(server: Server, numbers: range, package: Package) -> None:
    """Create the functions of these numbers with URLs; returns once they are active."""
    for number in numbers:
        server.create(function_name(number), package)
    for number in numbers:
        server.wait_until_active(function_name(number))


def _call(one: Server, many: Server, plan: Plan, step: _Step) -> None:
    pairs = [
        (server, server.request(function_name(0), hello.QUERY), times)
        for server, times in ((one, step.one), (many, step.many))
    ]
    for server, request, _ in pairs:
        server.reconnect()
        server.settle()
        server.warm_up(request)
    for number in range(plan.slices):
        for server, request, times in pairs if number % 2 else reversed(pairs):
            for _ in range(plan.calls):
                times.append(server.call(request).duration_ns / 1e6)
    stride = max(step.functions // plan.spread, 1)
    for number in range(0, step.functions, stride):
        request = many.request(function_name(number), hello.QUERY)
        step.spread.append(many.call(request).duration_ns / 1e6)


@contextmanager
def _restarted(
    folder: Path, functions: int, findings: Findings, options: Options, steps: Steps
) -> Iterator[Server]:
    """A server on *folder*, which has this many functions, after its first answer."""
    started_ns = time.perf_counter_ns()
    with running(folder, options.cache_dir, steps.note) as server:
        server.call(server.request(function_name(0), hello.QUERY))
        findings.add(f"start_{functions}_ms", (time.perf_counter_ns() - started_ns) / 1e6)
        server.settle()
        memory_bytes = private([server.pid]).total
        findings.add(f"server_{functions}_restarted_mb", memory_bytes / 1e6)
        yield server


def _callers(server: Server, plan: Plan) -> dict[int, list[float]]:
    """Milliseconds of all calls, by how many called at once."""
    found = {}
    with child.started("bench.load") as load:
        request = server.request(function_name(0), hello.QUERY)
        server.warm_up(request)
        for count in plan.callers:
            message = {
                "host": "127.0.0.1",
                "port": server.port,
                "request": request.decode(),
                "expected": hello.GREETING,
                "connections": count,
                "seconds": plan.seconds,
                "warm_seconds": plan.seconds / 2,
            }
            times = load.exchange(message)["latencies_ns"]
            if not times:
                raise BenchFailure(f"No call of {count} callers ended within {plan.seconds:g} s.")
            found[count] = [duration / 1e6 for duration in times]
    return found


def _conclude(findings: Findings, plan: Plan, measured: list[_Step]) -> None:
    first, last = measured[0], measured[-1]
    for step in measured:
        count = step.functions
        for unit, share in zip(_UNITS, (0.5, 0.99), strict=True):
            findings.add(f"functions_{count}_{unit}", percentile(step.many, share))
            findings.add(f"functions_{count}_reference_{unit}", percentile(step.one, share))
            findings.add(f"functions_{count}_in_turn_{unit}", percentile(step.spread, share))
        findings.add(f"functions_{count}_deploy_ms", step.deploy_ms)
        findings.add(f"functions_{count}_server_mb", step.memory_bytes / 1e6)
    more = last.functions - first.functions
    added = last.memory_bytes - first.memory_bytes
    findings.add("server_kb_per_function", added / more / 1e3)
    if last.functions == _MANY:
        above, below = f"functions_{_MANY}_p50_ms", f"functions_{_MANY}_reference_p50_ms"
        findings.quotient(f"p50_{_MANY}_vs_1", above, below)
    else:
        findings.lacks(f"p50_{_MANY}_vs_1", f"this run deployed {last.functions} functions at most")


def _sheets(findings: Findings, plan: Plan) -> list[Sheet]:
    figures = findings.figures
    columns = ("p50 ms", "p99 ms", "only 1: p50", "p99", "in turn: p50", "server MB")
    keys = (
        *("p50_ms", "p99_ms", "reference_p50_ms", "reference_p99_ms", "in_turn_p50_ms"),
        "server_mb",
    )
    functions = [
        (f"{count}", [figures[f"functions_{count}_{key}"] for key in keys])
        for count in plan.functions
    ]
    callers = [
        (f"{count}", [figures[f"callers_{count}_{key}"] for key in ("rps", "p50_ms", "p99_ms")])
        for count in plan.callers
    ]
    return [
        Sheet("functions", columns, functions),
        Sheet("callers at once", ("requests/s", "p50 ms", "p99 ms"), callers),
    ]


def function_name(number: int) -> str:
    """What `create_many` calls the function of that number."""
    return f"function-{number}"


def _method(plan: Plan) -> list[str]:
    return [
        "The C hello, the same package for all functions, each created through the API with a URL "
        "of its own. Default settings.",
        f"p50, p99: of one warm function, {plan.slices * plan.calls} calls one after another on "
        "one connection. Only 1: the same, in turn, of a second server that has one function.",
        f"In turn: calls of up to {plan.spread} different functions, most of which had no sandbox "
        "ready.",
        "Server MB: private memory of the server's process, without workers. Start: from starting "
        "the process to the first answer of a function.",
        f"Callers: {plan.seconds:g} s for each number of connections, after a warm-up of half of "
        "that; the load generator shares the cores.",
    ]
