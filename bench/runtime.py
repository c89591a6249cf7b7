"""The Python runtime component that the measured server and the baseline share."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.failures import BenchFailure
from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.compilers import Compilers
from wasmfaas.invoke.python_runtime import PythonRuntime
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefacts


@dataclass(frozen=True, slots=True)
class Runtime:
    """A component in the cache directory, built and compiled."""

    component_path: Path
    python_version: str


def ensure_runtime(cache_dir: Path, note: Callable[[str], None]) -> Runtime:
    """Find the Python runtime in *cache_dir*, or make it. Raises BenchFailure."""
    try:
        return asyncio.run(_ensure(cache_dir, note))
    except WasmfaasError as error:
        raise BenchFailure(error.message) from None


async def _ensure(cache_dir: Path, note: Callable[[str], None]) -> Runtime:
    settings = Settings(cache_dir=cache_dir)
    runtime = PythonRuntime(settings, Compilers(settings, Artefacts(cache_dir)))
    await runtime.ensure(note)
    return Runtime(runtime.component_path, runtime.version)
