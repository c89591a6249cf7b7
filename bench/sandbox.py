"""`sandbox`: what isolation costs inside a worker, without a server around it.

Slices of each way to serve a call alternate, so that a noisy moment hits all alike.
"""

import json
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import child, deployments, hello
from bench.child import Child
from bench.deployments import Compiled
from bench.findings import Findings
from bench.machine import this_machine
from bench.options import Options
from bench.progress import Steps
from bench.report import Report, Sheet
from bench.samples import Samples, percentile
from wasmfaas.models import Isolation

NAME = "sandbox"
LANGUAGES = {"python": "Python", "c": "C"}
MODES = {
    "naive": "instantiate, call, drop",
    "fresh": "fresh",
    "pristine": "pristine",
    "reuse": "reuse",
}
_HOSTED = tuple(mode for mode in MODES if mode != "naive")
TITLES = {
    f"{language}_{mode}_{what}": f"{title}, {unit}"
    for language in LANGUAGES
    for mode, title in MODES.items()
    for what, unit in (("wait", "the caller waits"), ("cpu", "CPU"))
}

#: Pages restored, and the least and the greatest fuel of a call, by language and mode.
Facts = dict[str, tuple[int | None, int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How often everything is measured."""

    rounds: int
    #: In a round.
    calls: int
    #: Of those that make an instance for every call.
    slow_calls: int


FULL = Plan(rounds=20, calls=100, slow_calls=15)
QUICK = Plan(rounds=1, calls=20, slow_calls=2)


def run(options: Options, steps: Steps) -> Report:
    """Measure. Raises BenchFailure where a call fails."""
    machine = this_machine()
    plan = QUICK if options.quick else FULL
    compiled = deployments.compiled(options.cache_dir, hello.C_MODULE, steps.note)
    samples, findings = Samples(TITLES), Findings()
    facts: Facts = {}
    with sandboxes(compiled, options.cache_dir) as process:
        for number in range(plan.rounds):
            steps.round(number + 1, plan.rounds)
            for language in LANGUAGES:
                for mode in MODES:
                    times = _measured(process, language, mode, plan)
                    _keep(samples, facts, f"{language}_{mode}", times)
    for language in LANGUAGES:
        _conclude(language, samples, findings)
    return Report(
        benchmark=NAME,
        machine=machine,
        method=_method(plan),
        series=samples.series,
        groups={
            title: [name for name in TITLES if name.startswith(f"{language}_")]
            for language, title in LANGUAGES.items()
        },
        sheets=[_facts(facts)],
        figures=findings.figures,
        why=findings.why,
    )


@contextmanager
def sandboxes(compiled: Compiled, cache_dir: Path) -> Iterator[Child]:
    """A process with the hello of both languages in it, in every mode."""
    with ExitStack() as stack:
        prefix = "wasmfaas-bench-"
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix=prefix)))
        task, tmp, scratch = folder / "task", folder / "plain", folder / "scratch"
        for path in (task, tmp, scratch):
            path.mkdir()
        (task / "app.py").write_bytes(hello.PYTHON_SOURCE.read_bytes())
        process = stack.enter_context(child.started("bench.sandbox_child"))
        process.exchange({"op": "host", "scratch_path": str(scratch)})
        for mode in _HOSTED:
            isolation = Isolation(mode)
            add_python(process, compiled, f"python_{mode}", task, isolation, folder)
            spec = compiled.module_spec(f"c_{mode}", task, isolation)
            process.exchange({"op": "spec", "spec": deployments.members(spec)})
        process.exchange(_plain(compiled, cache_dir, task, tmp))
        yield process


def add_python(
    process: Child, compiled: Compiled, key: str, task: Path, isolation: Isolation, folder: Path
) -> None:
    """A Python deployment, with a snapshot as the server has one taken, in *folder*."""
    spec = compiled.python_spec(key, task, isolation)
    snapshot = folder / f"{key}.snapshot"
    first = deployments.members(spec, take_snapshot=str(snapshot))
    process.exchange({"op": "spec", "spec": first})
    path = str(snapshot) if snapshot.exists() else None
    process.exchange({"op": "spec", "spec": deployments.members(spec, snapshot_path=path)})


def context() -> str:
    """The context of a call as a worker gets it: JSON that it adds the deadline to, and ends."""
    members = json.loads(hello.context())
    del members["deadlineMs"]
    return json.dumps(members).removesuffix("}")


def _plain(compiled: Compiled, cache_dir: Path, task: Path, tmp: Path) -> dict[str, Any]:
    return {
        "op": "plain",
        "component_path": str(compiled.component_path),
        "module_path": str(hello.C_MODULE),
        "cache_path": str(cache_dir / "bench"),
        "handler": hello.PYTHON_HANDLER,
        "task_path": str(task),
        "tmp_path": str(tmp),
        "event": hello.event(),
        "context": hello.context(),
        "greeting": hello.GREETING,
    }


def _measured(process: Child, language: str, mode: str, plan: Plan) -> dict[str, Any]:
    slow = mode == "naive" or (mode == "fresh" and language == "python")
    count = plan.slow_calls if slow else plan.calls
    if mode == "naive":
        return process.exchange({"op": "measure-plain", "subject": language, "count": count})
    message = {
        "op": "measure",
        "key": f"{language}_{mode}",
        "event": hello.event(),
        "context": context(),
        "count": count,
    }
    return process.exchange(message)


def _keep(samples: Samples, facts: Facts, name: str, times: dict[str, Any]) -> None:
    for what in ("wait", "cpu"):
        samples.add(f"{name}_{what}", *times[f"{what}_ns"])
    if "fuel" in times:
        seen = facts.get(name)
        fuel = times["fuel"]
        least = min(fuel[0], seen[1]) if seen else fuel[0]
        most = max(fuel[-1], seen[2]) if seen else fuel[-1]
        pages = times["pages"] if name.endswith("_pristine") else None
        facts[name] = (pages, least, most)


def _conclude(language: str, samples: Samples, findings: Findings) -> None:
    for mode in MODES:
        wait, cpu = (samples.series[f"{language}_{mode}_{what}"] for what in ("wait", "cpu"))
        findings.add(f"{language}_{mode}_wait_p50_us", percentile(wait.values_ms, 0.5) * 1000)
        findings.add(f"{language}_{mode}_wait_p99_us", percentile(wait.values_ms, 0.99) * 1000)
        # The mean: what a call saves at the expense of a later one is not saved.
        mean_ms = sum(cpu.values_ms) / cpu.count
        findings.add(f"{language}_{mode}_cpu_mean_us", mean_ms * 1000)
        findings.add(f"{language}_{mode}_cpu_p50_us", percentile(cpu.values_ms, 0.5) * 1000)
    pristine, reuse = f"{language}_pristine", f"{language}_reuse"
    findings.quotient(
        f"{language}_wait_vs_reuse", f"{pristine}_wait_p50_us", f"{reuse}_wait_p50_us"
    )
    findings.quotient(f"{language}_cpu_vs_reuse", f"{pristine}_cpu_p50_us", f"{reuse}_cpu_p50_us")
    naive = f"{language}_naive_cpu_p50_us"
    findings.quotient(f"{language}_cpu_vs_naive", f"{pristine}_cpu_p50_us", naive)


def _facts(facts: Facts) -> Sheet:
    rows = []
    for name, values in facts.items():
        language, _, mode = name.partition("_")
        rows.append((f"{LANGUAGES[language]}, {mode}", values))
    return Sheet("of a call", ("pages restored", "fuel, least", "fuel, most"), rows)


def _method(plan: Plan) -> list[str]:
    return [
        f"{plan.rounds} rounds; in each, {plan.calls} calls a mode, {plan.slow_calls} where every "
        "call makes an instance.",
        "In one process with one thread for guests, as a worker, without a server or HTTP. Python "
        "sandboxes adopt a snapshot, as they do in a server.",
        "The caller waits: from the request to the answer. CPU: of the whole process, from the "
        "request until a sandbox is ready for the next one: restored, or made anew.",
        "Instantiate, call, drop: wasmtime-py, default engine, precompiled, the whole component; "
        "without the import of the handler, which a component could have built in.",
        "Pages restored: those that differ from the image after the calls up to then.",
    ]
