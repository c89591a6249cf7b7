"""What `sandbox_child` is told of deployments: artefacts and specs, made without a server."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.failures import BenchFailure
from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.compilers import Compilers
from wasmfaas.invoke.python_runtime import PythonRuntime
from wasmfaas.models import Isolation, PackageKind, SandboxSpec
from wasmfaas.settings import MIB, Settings
from wasmfaas.store.artefacts import Artefact, Artefacts

#: A deployment gets a minute a call: nothing here may time out.
_TIMEOUT_MS = 60_000
_MEMORY_BYTES_MAX = 512 * MIB


@dataclass(frozen=True, slots=True)
class Compiled:
    """The Python runtime and a module, compiled."""

    python: Artefact
    component_path: Path
    memory_path: Path
    module: Artefact
    #: Of the guest.
    python_version: str

    def python_spec(self, key: str, task_path: Path, isolation: Isolation) -> SandboxSpec:
        """Of the package in *task_path*, whose handler is `app.lambda_handler`."""
        return _spec(
            self.python,
            key,
            task_path,
            isolation,
            kind=PackageKind.PYTHON,
            handler="app.lambda_handler",
            memory_path=str(self.memory_path),
        )

    def module_spec(self, key: str, task_path: Path, isolation: Isolation) -> SandboxSpec:
        return _spec(
            self.module, key, task_path, isolation, kind=self.module.kind, handler="bootstrap"
        )


def compiled(cache_dir: Path, module: Path, note: Callable[[str], None]) -> Compiled:
    """Find both in *cache_dir*, or make them. Raises BenchFailure."""
    try:
        return asyncio.run(_compiled(cache_dir, module, note))
    except WasmfaasError as error:
        raise BenchFailure(error.message) from None


def members(spec: SandboxSpec, **more: Any) -> Mapping[str, Any]:
    """*spec* as it goes to the child, with *more*."""
    return {**asdict(spec), **more}


async def _compiled(cache_dir: Path, module: Path, note: Callable[[str], None]) -> Compiled:
    settings = Settings(cache_dir=cache_dir)
    compilers = Compilers(settings, Artefacts(cache_dir))
    runtime = PythonRuntime(settings, compilers)
    python = await runtime.ensure(note)
    artefact = await compilers.compile(module)
    return Compiled(python, runtime.component_path, runtime.memory_path, artefact, runtime.version)


def _spec(
    artefact: Artefact,
    key: str,
    task_path: Path,
    isolation: Isolation,
    *,
    kind: PackageKind,
    handler: str,
    memory_path: str | None = None,
) -> SandboxSpec:
    defaults = Settings()
    return SandboxSpec(
        key=key,
        function_name="bench",
        function_version="$LATEST",
        kind=kind,
        isolation=isolation,
        handler=handler,
        artefact_path=str(artefact.path),
        artefact_sha256=artefact.sha256,
        restorable=artefact.inspection.restorable,
        memory_path=memory_path,
        task_path=str(task_path),
        environment={},
        memory_bytes_max=_MEMORY_BYTES_MAX,
        tmp_bytes_max=defaults.tmp_bytes_max,
        timeout_ms=_TIMEOUT_MS,
        fuel_max=defaults.fuel_max,
        log_bytes_max=defaults.log_bytes_invocation_max,
        response_bytes_max=defaults.response_bytes_max,
    )
