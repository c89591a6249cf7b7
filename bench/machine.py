"""What the figures were measured on: without it they mean nothing."""

import importlib.metadata
import os
import platform
from dataclasses import dataclass
from pathlib import Path

import wasmfaas

_CPU_MODEL_FIELDS = ("model name", "Hardware", "Model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """The machine, as it was when the run began."""

    #: That this process may use.
    cores: int
    cpu_model: str
    kernel: str
    #: Over 1, 5 and 15 minutes; above the number of cores, the machine has other work to do.
    load_average: tuple[float, float, float]
    python: str
    wasmtime: str
    wasmfaas: str


def this_machine() -> Machine:
    """Look at this machine."""
    load = os.getloadavg()
    return Machine(
        cores=_cores(),
        cpu_model=_cpu_model(),
        kernel=f"{platform.system()} {platform.release()} {platform.machine()}",
        load_average=(round(load[0], 2), round(load[1], 2), round(load[2], 2)),
        python=f"{platform.python_implementation()} {platform.python_version()}",
        wasmtime=importlib.metadata.version("wasmtime"),
        wasmfaas=wasmfaas.__version__,
    )


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        name, _, value = line.partition(":")
        if name.strip() in _CPU_MODEL_FIELDS and value.strip():
            return value.strip()
    return platform.processor() or "unknown"
