"""What the project has set itself to reach, as figures of benchmarks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Target:
    """A bound for one figure: `most` for what should be small, `least` for what should be great."""

    benchmark: str
    key: str
    what: str
    most: float | None = None
    least: float | None = None

    @property
    def bound(self) -> str:
        """`≤ 1.3`."""
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"

    def is_reached(self, value: float) -> bool:
        if self.most is not None:
            return value <= self.most
        return self.least is not None and value >= self.least


TARGETS = (
    Target(
        "sandbox",
        "python_wait_vs_reuse",
        "Python hello, pristine: what a caller waits for, against reuse",
        most=1.3,
    ),
    Target("sandbox", "python_cpu_vs_reuse", "CPU of call and reset, against reuse", most=4),
    Target(
        "sandbox",
        "python_cpu_vs_naive",
        "CPU of call and reset, against instantiate, call, drop",
        most=0.08,
    ),
    Target(
        "http",
        "python_rps_vs_wasmtime_serve",
        "requests/s at 16 connections, against wasmtime serve",
        least=20,
    ),
    Target("http", "python_p50_vs_uvicorn", "p50 at 1 connection, against uvicorn", most=2.5),
    Target(
        "http",
        "c_rps_vs_uvicorn",
        "C hello: requests/s at 16 connections, against uvicorn",
        least=0.3,
    ),
    Target(
        "cold-start",
        "deploy_to_first_answer_ms",
        "first answer after the deployment of a .py, ms",
        most=300,
    ),
    Target("cold-start", "first_call_c_ms", "C, not loaded by this worker: first call, ms", most=3),
    Target(
        "cold-start",
        "first_call_python_ms",
        "Python without imports, not loaded by this worker: first call, ms",
        most=15,
    ),
    Target(
        "cold-start",
        "second_sandbox_ms",
        "another sandbox of a function with many imports, ms",
        most=20,
    ),
    Target(
        "cold-start",
        "second_sandbox_after_restart_ms",
        "the same, after a restart of the server, ms",
        most=20,
    ),
    Target(
        "density", "python_private_mb", "private memory of an extra idle Python sandbox, MB", most=3
    ),
    Target("scale", "p50_10000_vs_1", "p50 with 10,000 functions, against 1", most=1.1),
    Target(
        "determinism",
        "distinct_fuel_values",
        "one event, 10,000 times, two workers, idle and loaded: fuel values",
        most=1,
    ),
    Target("determinism", "distinct_answers", "the same: answers", most=1),
)
