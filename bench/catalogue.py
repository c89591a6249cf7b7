"""The benchmarks that there are: a module and a row each."""

from collections.abc import Callable
from dataclasses import dataclass

from bench import (
    api,
    cold_start,
    density,
    determinism,
    events,
    http_load,
    languages,
    neighbours,
    profile,
    sandbox,
    scale,
    stages,
    workloads,
)
from bench.options import Options
from bench.progress import Steps
from bench.report import Report


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One benchmark. `run` raises BenchFailure where it cannot go on."""

    name: str
    summary: str
    run: Callable[[Options, Steps], Report]


BENCHMARKS = (
    Benchmark("sandbox", "what isolation costs inside a worker", sandbox.run),
    Benchmark("http", "requests per second, beside other servers", http_load.run),
    Benchmark("cold-start", "first answers and warm ones, in C and in Python", cold_start.run),
    Benchmark("density", "memory of a sandbox that stands ready", density.run),
    Benchmark("scale", "many functions, and many callers of one", scale.run),
    Benchmark("api", "calls of the Lambda API, with one function and with many", api.run),
    Benchmark("events", "the queue beside SQLite, and a backlog's neighbour", events.run),
    Benchmark("determinism", "one fuel value for one event", determinism.run),
    Benchmark("languages", "a hello in each language: size, times, fuel", languages.run),
    Benchmark("neighbours", "good functions beside one that misbehaves", neighbours.run),
    Benchmark("profile", "where the time of a warm call goes, by process", profile.run),
    Benchmark("stages", "what the stages of a warm call take of the server", stages.run),
    Benchmark("workloads", "real jobs, beside native CPython", workloads.run),
)
