"""`cold-start`: how long the first answer takes, and every further one.

Each of some rounds measures everything, so that a noisy moment hits all alike: deployments, first
calls on new workers, then warm calls in slices between slices of the baselines.
"""

import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from bench import baselines, first_calls, hello, imports
from bench.baselines import PlainWasmtime
from bench.connection import Answer
from bench.failures import BenchFailure, NotMeasured
from bench.first_calls import FirstCalls
from bench.hello import Package
from bench.machine import this_machine
from bench.modules import NewModules
from bench.options import Options
from bench.progress import Steps
from bench.report import Figures, Ratio, Report, quotients
from bench.runtime import ensure_runtime
from bench.samples import Samples
from bench.server import Server, running, was_cold
from bench.vendored import vendored

NAME = "cold-start"
TITLES = {
    "python_deploy_to_first_answer": "deploy, first answer",
    "python_first_call_new_worker": "first call, new worker",
    "python_warm": "warm call",
    "c_deploy_to_first_answer": "deploy, first answer",
    "c_deploy_compiled_to_first_answer": "… compiled before",
    "c_first_call_new_worker": "first call, new worker",
    "c_warm": "warm call",
    **first_calls.TITLES,
    "baseline_wasmtime_python": "wasmtime, Python",
    "baseline_wasmtime_python_without_init": "… without the import",
    "baseline_wasmtime_c": "wasmtime, C",
    "baseline_python_subprocess": "python -c",
}
GROUPS = {
    "Python": [name for name in TITLES if name.startswith("python_")],
    "C": [name for name in TITLES if name.startswith("c_")],
    "In a worker that serves others": list(first_calls.TITLES),
    "Baselines": [name for name in TITLES if name.startswith("baseline_")],
}
#: Of these, there are too few samples for more than a median.
_COLD = tuple(name for name in TITLES if not name.startswith("baseline") and "warm" not in name)
_PLAIN_PYTHON = ("baseline_wasmtime_python", "baseline_wasmtime_python_without_init")

_Item = TypeVar("_Item")


def _ratios() -> Iterator[Ratio]:
    """Ours divided by the baselines that do the same job, and by the price of a process."""
    process = "baseline_python_subprocess_p50_ms"
    for language, name in (("Python", "python"), ("C", "c")):
        plain = f"baseline_wasmtime_{name}_p50_ms"
        deploy, first = f"{name}_deploy_to_first_answer_ms", f"{name}_first_call_new_worker_ms"
        warm = f"{name}_warm_p50_ms"
        title = f"{language}: deploy, first answer"
        yield Ratio(f"{name}_deploy_vs_subprocess", title, "python -c", deploy, process)
        title = f"{language}: first call, new worker"
        yield Ratio(f"{name}_first_call_vs_wasmtime", title, "wasmtime", first, plain)
        yield Ratio(f"{name}_first_call_vs_subprocess", title, "python -c", first, process)
        title = f"{language}: warm call"
        yield Ratio(f"{name}_warm_p50_vs_wasmtime", title, "wasmtime", warm, plain)
        yield Ratio(f"{name}_warm_p50_vs_subprocess", title, "python -c", warm, process)
    yield Ratio(
        "python_warm_p50_vs_wasmtime_without_init",
        "Python: warm call, … without the import",
        "wasmtime",
        "python_warm_p50_ms",
        "baseline_wasmtime_python_without_init_p50_ms",
    )


RATIOS = tuple(_ratios())


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often everything is measured."""

    rounds: int
    #: Of warm calls and baselines, in a round.
    slices: int
    #: In a slice.
    warm_calls: int
    plain_python_calls: int
    plain_c_calls: int
    subprocess_calls: int
    restarts: int


FULL = Plan(
    rounds=10,
    slices=5,
    warm_calls=100,
    plain_python_calls=8,
    plain_c_calls=100,
    subprocess_calls=2,
    restarts=10,
)
QUICK = Plan(
    rounds=1,
    slices=1,
    warm_calls=100,
    plain_python_calls=2,
    plain_c_calls=10,
    subprocess_calls=2,
    restarts=1,
)


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where the server or a call of it fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    runtime = ensure_runtime(options.cache_dir, steps.note)
    samples = Samples(TITLES)
    files = _imported(options, steps)
    with ExitStack() as stack:
        prefix = "wasmfaas-bench-"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        cache = options.cache_dir
        plain = stack.enter_context(
            baselines.plain_wasmtime(folder, cache, runtime.component_path, steps.note)
        )
        modules = stack.enter_context(NewModules(cache))
        server = stack.enter_context(running(folder, cache, steps.note))
        rounds = _Rounds(server, plain, samples, plan, modules)
        rounds.prepare()
        first = FirstCalls(server, samples, files)
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            rounds.measure(number)
            first.measure(number, rounds.python_request)
        first_calls.after_restarts(
            folder / "restarts", cache, files, samples, plan.restarts, steps.note
        )
    figures = figures_of(samples)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan, runtime.python_version, with_packages=bool(files)),
        series=samples.series,
        groups=GROUPS,
        ratios=RATIOS,
        figures=figures,
        why=why_of(figures, samples),
    )


def figures_of(samples: Samples) -> Figures:
    """The times, then their ratios."""
    figures: dict[str, float | None] = {}
    for name, series in samples.series.items():
        figures |= zip(_keys(name), (series.p50_ms, series.p99_ms), strict=False)
    figures["deploy_to_first_answer_ms"] = figures["python_deploy_to_first_answer_ms"]
    return figures | quotients(RATIOS, figures)


def _imported(options: Options, steps: Steps) -> dict[str, bytes]:
    """The packages that a function imports; none where they cannot be fetched."""
    try:
        return vendored(options.cache_dir, imports.PYPI, steps.note)
    except NotMeasured as reason:
        steps.note(f"Going on without: {reason}")
        return {}


def _keys(name: str) -> tuple[str, ...]:
    """What the figures of the series *name* are called: the median, the 99th percentile."""
    return (f"{name}_ms",) if name in _COLD else (f"{name}_p50_ms", f"{name}_p99_ms")


def why_of(figures: Figures, samples: Samples) -> dict[str, str]:
    """A reason for every figure that there is none of."""
    why = {key: reason for name, reason in samples.missing.items() for key in _keys(name)}
    if (reason := why.get("python_deploy_to_first_answer_ms")) is not None:
        why["deploy_to_first_answer_ms"] = reason
    for ratio in RATIOS:
        for side in (ratio.numerator, ratio.denominator):
            if side in why:
                why.setdefault(ratio.key, f"there is no {side}")
    return {key: reason for key, reason in why.items() if figures[key] is None}


class _Rounds:
    """Measures round by round. Lives as long as a run."""

    def __init__(
        self,
        server: Server,
        plain: PlainWasmtime,
        samples: Samples,
        plan: Plan,
        modules: NewModules,
    ) -> None:
        self._server = server
        self._plain = plain
        self._samples = samples
        self._plan = plan
        self._modules = modules
        self._requests = {
            name: server.request(f"warm-{name}", hello.QUERY) for name in ("python", "c")
        }

    @property
    def python_request(self) -> bytes:
        """Calls the Python hello that is called again and again."""
        return self._requests["python"]

    def prepare(self) -> None:
        """Deploy what is called again and again, and call everything once."""
        self._server.deploy("warm-python", hello.python_package(uuid.uuid4().hex))
        module = hello.C_MODULE.read_bytes()
        self._server.deploy("warm-c", hello.c_package(module, uuid.uuid4().hex))
        for request in self._requests.values():
            _checked(self._server.call(request))
        baselines.python_subprocess()

    def measure(self, number: int) -> None:
        """Round *number*, from 0."""
        for measure in _turned(
            [self._deploy_python, self._deploy_c, self._deploy_compiled], number
        ):
            measure()
        for language in _turned(list(self._requests), number):
            self._first_call(language)
        for request in self._requests.values():
            self._server.warm_up(request)
        slices = [self._warm_python, self._warm_c, self._plain_python, self._plain_c, self._python]
        for index in range(self._plan.slices):
            for measure in _turned(slices, number + index):
                measure()

    def _deploy_python(self) -> None:
        package = hello.python_package(uuid.uuid4().hex)
        self._deploy("python_deploy_to_first_answer", package)

    def _deploy_c(self) -> None:
        package = hello.c_package(self._modules.c(), "")
        self._deploy("c_deploy_to_first_answer", package)

    def _deploy_compiled(self) -> None:
        package = hello.c_package(hello.C_MODULE.read_bytes(), uuid.uuid4().hex)
        self._deploy("c_deploy_compiled_to_first_answer", package)

    def _deploy(self, series: str, package: Package) -> None:
        name = f"deployed-{uuid.uuid4().hex[:12]}"
        request = self._server.request(name, hello.QUERY)
        self._server.settle()
        started_ns = time.perf_counter_ns()
        self._server.deploy(name, package)
        answer = self._server.call(request)
        duration_ns = time.perf_counter_ns() - started_ns
        self._samples.add(series, duration_ns, cold=was_cold(_checked(answer)))
        self._server.delete(name)

    def _first_call(self, language: str) -> None:
        series = f"{language}_first_call_new_worker"
        with self._samples.attempt(series):
            self._server.renew_workers()
            self._called(series, language)

    def _warm_python(self) -> None:
        for _ in range(self._plan.warm_calls):
            self._called("python_warm", "python")

    def _warm_c(self) -> None:
        for _ in range(self._plan.warm_calls):
            self._called("c_warm", "c")

    def _called(self, series: str, language: str) -> None:
        answer = _checked(self._server.call(self._requests[language]))
        self._samples.add(series, answer.duration_ns, cold=was_cold(answer))

    def _plain_python(self) -> None:
        with self._samples.attempt(*_PLAIN_PYTHON):
            times = self._plain.measure("python", self._plan.plain_python_calls)
            with_init, without_init = _PLAIN_PYTHON
            self._samples.add(with_init, *times.total_ns)
            pairs = zip(times.total_ns, times.init_ns, strict=True)
            self._samples.add(without_init, *(total - init for total, init in pairs))

    def _plain_c(self) -> None:
        with self._samples.attempt("baseline_wasmtime_c"):
            times = self._plain.measure("c", self._plan.plain_c_calls)
            self._samples.add("baseline_wasmtime_c", *times.total_ns)

    def _python(self) -> None:
        for _ in range(self._plan.subprocess_calls):
            self._samples.add("baseline_python_subprocess", baselines.python_subprocess())


def _turned(items: Sequence[_Item], steps: int) -> list[_Item]:
    """*items* in turn, from another one in every round, so that none always follows the same."""
    start = steps % len(items)
    return [*items[start:], *items[:start]]


def _checked(answer: Answer) -> Answer:
    """Raises BenchFailure where the answer is no hello."""
    if hello.GREETING.encode() not in answer.body:
        raise BenchFailure(f"A call was answered with {answer.body[:300]!r}")
    return answer


def _method(plan: Plan, guest_python: str, *, with_packages: bool) -> list[str]:
    imported = "jinja2, yaml and 20 standard modules" if with_packages else "20 standard modules"
    return [
        f"{plan.rounds} rounds of everything, in a new order each; {plan.slices} slices of warm "
        "calls and baselines in a round.",
        "Server: `wasmfaas up`, default settings, a data directory of its own. Client: one "
        "blocking connection, kept open; first byte sent to last byte received.",
        "Deploy, first answer: CreateFunction, CreateFunctionUrlConfig, GetFunctionConfiguration "
        "every 5 ms until Active, GET. The C module is new, and so is compiled; in “compiled "
        f"before” it is not. Python runs on the {guest_python} of the runtime built before.",
        "First call, new worker: all workers killed, new ones idle, one call.",
        "In a worker that serves others: new workers, four calls of another Python function, one "
        f"call of this one, which was served before elsewhere. Imports: {imported}.",
        "wasmtime: wasmtime-py in its own process, default engine, precompiled; a new store and "
        "instance per call, the import of the handler in it, the same event.",
        "python -c: a process per call, the same handler, the event in its arguments.",
        "cold: answers that waited for a sandbox to start.",
    ]
