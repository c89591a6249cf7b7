"""`api`: how long the Lambda API takes, with one function and with many.

Two servers run side by side, one with a single function and one with many; calls of both
alternate, so that a noisy moment hits both alike.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from bench import hello
from bench.failures import BenchFailure
from bench.findings import Findings
from bench.hello import Package
from bench.machine import this_machine
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import percentile
from bench.scale import create_many, function_name, two_servers
from bench.server import FUNCTIONS_PATH, Server

NAME = "api"
_MANY = 10_000
_MARK = "api"
_OPERATIONS = ("create", "get", "list")
#: What Lambda returns at most in one answer.
_PAGE = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many there are of everything."""

    functions: int
    #: Calls of each operation, of both servers.
    calls: int


FULL = Plan(functions=_MANY, calls=300)
QUICK = Plan(functions=20, calls=5)


@dataclass(slots=True)
class _Times:
    """Milliseconds of the calls of one server, by operation."""

    functions: int
    by_operation: dict[str, list[float]] = field(
        default_factory=lambda: {operation: [] for operation in _OPERATIONS}
    )


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where a server or a call of it fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    if options.functions is not None:
        plan = Plan(functions=options.functions, calls=plan.calls)
    if plan.functions < 2:
        raise BenchFailure(f"Two servers are compared; {plan.functions} functions are not many.")
    findings = Findings()
    with tempfile.TemporaryDirectory(prefix="wasmfaas-bench-") as name:
        one, many = _measure(Path(name), plan, options, steps)
    _conclude(findings, one, many)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        sheets=[_sheet(findings, (1, plan.functions))],
        figures=findings.figures,
        why=findings.why,
    )


def _measure(folder: Path, plan: Plan, options: Options, steps: Steps) -> tuple[_Times, _Times]:
    package = hello.c_package(hello.C_MODULE.read_bytes(), _MARK)
    one, many = _Times(1), _Times(plan.functions)
    with two_servers(folder, options, steps) as servers:
        for server, times in zip(servers, (one, many), strict=True):
            steps.note(f"Creating {times.functions} functions")
            create_many(server, range(times.functions), package)
        pairs = list(zip(servers, (one, many), strict=True))
        for operation, call in _calls(package).items():
            steps.note(f"Calling {operation}")
            for server, _ in pairs:
                server.settle()
            for server, _ in pairs:
                server.reconnect()
            for number in range(plan.calls):
                for server, times in pairs if number % 2 else reversed(pairs):
                    took_ms = call(server, number, times.functions)
                    times.by_operation[operation].append(took_ms)
    return one, many


def _calls(package: Package) -> dict[str, Callable[[Server, int, int], float]]:
    """What is called by number, on a server with so many functions; how long it took."""

    def create(server: Server, number: int, functions: int) -> float:
        name = f"created-{number}"
        took_ms = server.api_ms("POST", FUNCTIONS_PATH, server.members(name, package))
        # Not beside the next call.
        server.wait_until_active(name)
        server.delete(name)
        return took_ms

    def get(server: Server, number: int, functions: int) -> float:
        # A stride that shares no factor with the numbers of functions used here.
        name = function_name(number * 7919 % functions)
        return server.api_ms("GET", f"{FUNCTIONS_PATH}/{name}")

    def list_page(server: Server, number: int, functions: int) -> float:
        return server.api_ms("GET", f"{FUNCTIONS_PATH}?MaxItems={_PAGE}")

    return dict(zip(_OPERATIONS, (create, get, list_page), strict=True))


def _conclude(findings: Findings, one: _Times, many: _Times) -> None:
    for times in (one, many):
        for operation, taken in times.by_operation.items():
            key = f"{operation}_{times.functions}"
            findings.add(f"{key}_p50_ms", percentile(taken, 0.5))
            findings.add(f"{key}_p99_ms", percentile(taken, 0.99))
    for operation in _OPERATIONS:
        findings.quotient(
            f"{operation}_p50_many_vs_1",
            f"{operation}_{many.functions}_p50_ms",
            f"{operation}_1_p50_ms",
        )


def _sheet(findings: Findings, counts: tuple[int, int]) -> Sheet:
    columns = [f"{count} functions: {unit}" for count in counts for unit in ("p50 ms", "p99 ms")]
    keys = [f"{count}_{unit}" for count in counts for unit in ("p50_ms", "p99_ms")]
    labels = ("CreateFunction", "GetFunction", "ListFunctions")
    rows = [
        (label, [findings.figures[f"{operation}_{key}"] for key in keys])
        for label, operation in zip(labels, _OPERATIONS, strict=True)
    ]
    return Sheet("API", columns, rows)


def _method(plan: Plan) -> list[str]:
    return [
        f"{plan.calls} calls of each operation, one after another on one connection, of a server "
        f"with one function and of one with {plan.functions}, in turn. Default settings.",
        "CreateFunction: a zip of the C hello, whose module is compiled already; until the answer, "
        "which says Pending. Each is deleted before the next call.",
        f"ListFunctions: the first {_PAGE}, or the only one.",
    ]
