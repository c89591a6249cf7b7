"""Snapshots: the memory of a Python function after its start-up, taken once per deployment.

Every later sandbox, in any worker and after any restart, adopts it instead of running the start-up
again. A snapshot is taken in a worker of its own that runs nothing else, as what it writes will
become the memory of other sandboxes of the deployment.
"""

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable
from pathlib import Path

from wasmfaas.errors import WasmfaasError
from wasmfaas.invoke.job import WorkerDied
from wasmfaas.invoke.python_runtime import PythonRuntime
from wasmfaas.invoke.target import Target
from wasmfaas.invoke.workers import Workers
from wasmfaas.models import Deployment, Inspection, PackageKind
from wasmfaas.store.artefacts import Artefacts

_logger = logging.getLogger(__name__)

#: Each has a worker of its own, beside those that serve.
_TAKEN_AT_ONCE_MAX = 2


class Snapshots:
    """Takes, finds and drops snapshots. Lives as long as the server.

    *files* are signed with the key of this installation, so that nothing else becomes the memory of
    a function.
    """

    def __init__(self, files: Artefacts, workers: Workers, runtime: PythonRuntime) -> None:
        self._files = files
        self._workers = workers
        self._runtime = runtime
        #: Deployments of which a snapshot is being taken, or of which there can be none.
        self._settled: set[str] = set()
        self._turns = asyncio.Semaphore(_TAKEN_AT_ONCE_MAX)

    @property
    def memory_path(self) -> Path:
        """What a Python sandbox's memory holds before its start-up."""
        return self._runtime.memory_path

    async def find(self, deployment: Deployment) -> Path | None:
        """The snapshot of *deployment*, if there is one."""
        found = await asyncio.to_thread(self._files.lookup, self._name(deployment.id))
        return None if found is None else found.path

    async def take(self, target: Target) -> bool:
        """Take a snapshot where there is none, unless that has been tried; whether there is a new
        one now."""
        deployment_id, spec = target.spec.key, target.spec
        if spec.kind is not PackageKind.PYTHON or spec.snapshot_path is not None:
            return False
        if deployment_id in self._settled:
            return False
        self._settled.add(deployment_id)
        try:
            async with self._turns:
                return await self._take(self._name(deployment_id), target)
        except (WasmfaasError, WorkerDied, OSError, TimeoutError) as error:
            _logger.warning("no snapshot of %s: %s", target.spec.function_name, error)
            return False

    async def sweep(self, deployment_ids: set[str]) -> None:
        """Remove the snapshots of all other deployments."""
        await asyncio.to_thread(self._files.keep, {_prefix(name) for name in deployment_ids})

    async def keep_swept(
        self, deployment_ids: Callable[[], Awaitable[set[str]]], interval_s: float
    ) -> None:
        """Sweep every *interval_s* seconds, until cancelled. What fails is logged.

        A sandbox that is to adopt a snapshot just then runs the start-up instead.
        """
        while True:
            await asyncio.sleep(interval_s)
            try:
                await self.sweep(await deployment_ids())
            except (WasmfaasError, OSError) as error:
                _logger.warning("snapshots of former deployments stay for now: %s", error)

    def _name(self, deployment_id: str) -> str:
        """Of the deployment and of the runtime: its build is named by all that it is made of."""
        return f"{_prefix(deployment_id)}-{self._runtime.memory_path.parent.name}"

    async def _take(self, name: str, target: Target) -> bool:
        folder = await asyncio.to_thread(self._files.building_path, name)
        try:
            built = folder / "snapshot"
            await self._workers.save(target, built)
            if not built.exists():
                return False
            facts = Inspection(
                kind=PackageKind.PYTHON,
                memory_minimum_bytes=built.stat().st_size,
                has_init=True,
            )
            await asyncio.to_thread(self._files.publish, name, built, facts)
            return True
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _prefix(deployment_id: str) -> str:
    return deployment_id.replace("-", "")
