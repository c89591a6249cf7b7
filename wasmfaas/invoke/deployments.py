"""Deployments: from a package that somebody sent to a function that can be invoked.

refused at once    not a package, or a module that cannot run here   → nothing is stored
Pending            package and row stored                            → survives a kill
Active | Failed    compiled in the background                        → one transaction
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final, Protocol, TypeVar

from wasmfaas import abi
from wasmfaas.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ServiceUnavailable,
    WasmfaasError,
)
from wasmfaas.invoke.packages import Packages
from wasmfaas.models import Deployment, Function, Inspection, PackageKind, layers_of
from wasmfaas.settings import MIB
from wasmfaas.store.artefacts import Artefact
from wasmfaas.store.code import Code
from wasmfaas.store.registry import Registry

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: Wait before the outcome of a deployment is written again, where the disk was full.
_RETRY_S: Final = 2.0


class Compilers(Protocol):
    """What inspects and compiles modules; each raises InvalidParameterValue and ServiceFailure."""

    async def inspect(self, wasm_path: Path, memory_bytes_max: int) -> Inspection: ...
    async def compile(self, wasm_path: Path) -> Artefact: ...


class PythonRuntime(Protocol):
    """What provides the component that runs Python functions."""

    async def ensure(self, progress: Callable[[str], None]) -> Artefact: ...


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that a deployment needs on disk in order to run."""

    kind: PackageKind
    artefact: Artefact
    task_path: Path
    #: The merged layers; None where there are none.
    layers_path: Path | None = None


class Deployments:
    """Creates and updates functions. Lives as long as the server.

    A deployment that has been accepted goes on when its caller is gone, and after a restart
    (`resume`). Methods raise StorageFull where the disk is full, ServiceUnavailable after `close`.
    """

    def __init__(
        self,
        registry: Registry,
        packages: Packages,
        compilers: Compilers,
        python_runtime: PythonRuntime,
        retry_s: float = _RETRY_S,
    ) -> None:
        self._registry = registry
        self._packages = packages
        self._compilers = compilers
        self._python_runtime = python_runtime
        self._retry_s = retry_s
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    async def create(
        self,
        configuration: Mapping[str, Any],
        package: bytes,
        tags: Mapping[str, str],
        publish: bool = False,
    ) -> Function:
        """A new function of the complete *configuration*, in state Pending; with *publish*, also as
        its first version.

        Raises InvalidParameterValue and RequestEntityTooLarge for a package or a module that cannot
        be used, ResourceConflict where the function exists.
        """

        async def enter(code: Code) -> Function:
            await self._check(configuration, code.digest)
            return self._started(await self._registry.create(configuration, code, tags, publish))

        return await self._finished(self._packages.take_in(package, enter))

    async def update_code(
        self,
        name: str,
        package: bytes,
        revision_id: str | None = None,
        dry_run: bool = False,
        publish: bool = False,
    ) -> Function:
        """The function with *package* as its pending deployment, with *publish* as a version too;
        with *dry_run*, the function as it would be, after all checks.

        Raises as `create`, ResourceNotFound, ResourceConflict while another change is on its way,
        and PreconditionFailed where *revision_id* is not the latest.
        """

        async def enter(code: Code) -> Function:
            if dry_run:
                return await self._try_update(name, code, revision_id)
            return await self._update(name, None, code, revision_id, publish)

        return await self._finished(self._packages.take_in(package, enter))

    async def update_configuration(
        self, name: str, configuration: Mapping[str, Any], revision_id: str | None = None
    ) -> Function:
        """The function with the complete *configuration* in its pending deployment. Raises as
        `update_code`."""
        return await self._finished(self._update(name, configuration, None, revision_id))

    async def delete(self, name: str, version: str | None = None) -> None:
        """Remove the function or one published version of it, which may be gone already. Raises
        ResourceNotFound, and ResourceConflict where an alias refers to the version."""
        if version is None:
            await self._registry.delete(name)
        else:
            await self._registry.versions.delete(name, version)

    async def resume(self) -> None:
        """Go on, when the server starts, with what a stop or a kill has interrupted."""
        await self._packages.sweep(0.0)
        for function in await self._registry.pending():
            self._started(function)

    async def prepare(self, deployment: Deployment) -> Prepared:
        """What *deployment* needs in order to run; what is there already is used, what a cleaned
        cache has lost is made again.

        Raises InvalidParameterValue where the module cannot be used, ServiceFailure, StorageFull.
        """
        task_path = await self._packages.task_path(deployment.code_digest)
        layers_path = await self._packages.layers_path(deployment.layers)
        configuration = deployment.configuration
        if configuration["Runtime"] in abi.PYTHON_RUNTIMES:
            artefact = await self._python_runtime.ensure(_log.info)
            return Prepared(PackageKind.PYTHON, artefact, task_path, layers_path)
        artefact = await self._compilers.compile(
            module_path(task_path, configuration.get("Handler", ""))
        )
        return Prepared(artefact.kind, artefact, task_path, layers_path)

    async def close(self) -> None:
        """Stop what runs in the background; `resume` goes on with it. May be called again."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _update(
        self,
        name: str,
        configuration: Mapping[str, Any] | None,
        code: Code | None,
        revision_id: str | None,
        publish: bool = False,
    ) -> Function:
        while True:
            before = await self._registry.get(name)
            self._registry.check_updatable(before, revision_id)
            proposed = before.shown.configuration if configuration is None else configuration
            await self._check(proposed, code.digest if code else before.shown.code_digest)
            try:
                function = await self._registry.update(
                    name,
                    configuration=proposed,
                    code=code,
                    revision_id=before.revision_id,
                    publish=publish,
                )
            except PreconditionFailed:
                # Another update came between: what was checked is not what is there now.
                continue
            return self._started(function)

    async def _try_update(self, name: str, code: Code, revision_id: str | None) -> Function:
        """The function as `_update` would leave it."""
        before = await self._registry.get(name)
        self._registry.check_updatable(before, revision_id)
        await self._check(before.shown.configuration, code.digest)
        await self._packages.discard_unused(code.digest)
        proposed = replace(
            before.shown,
            code_sha256=code.sha256,
            code_digest=code.digest,
            code_size_bytes=code.size_bytes,
        )
        return replace(before, pending=proposed)

    async def _check(self, configuration: Mapping[str, Any], digest: str) -> None:
        """Refuse what can be told to fail before anything is compiled."""
        await self._packages.check_size(digest, layers_of(configuration))
        runtime = configuration.get("Runtime")
        if runtime in abi.PYTHON_RUNTIMES:
            return
        if runtime not in abi.PROVIDED_RUNTIMES:
            accepted = ", ".join((*abi.PYTHON_RUNTIMES, *abi.PROVIDED_RUNTIMES))
            raise InvalidParameterValue(
                f"Runtime {runtime!r} is not one that runs here. Use one of: {accepted}."
            )
        task_path = await self._packages.task_path(digest)
        module = module_path(task_path, configuration.get("Handler", ""))
        await self._compilers.inspect(module, int(configuration["MemorySize"]) * MIB)

    def _started(self, function: Function) -> Function:
        """*function*, its pending deployment being completed in the background."""
        if function.pending is not None:
            self._spawn(self._complete(function.pending))
        return function

    async def _complete(self, deployment: Deployment) -> None:
        """Bring a pending deployment to its end, whatever that is."""
        name = deployment.function_name
        try:
            prepared = await self.prepare(deployment)
            await self._registry.activate(
                name, deployment.id, prepared.kind, prepared.artefact.name
            )
        except InvalidParameterValue as error:
            await self._give_up(deployment, error.message, "InvalidZipFileException")
        except WasmfaasError as error:
            _log.warning("function %s cannot be deployed: %s", name, error.message)
            await self._give_up(deployment, error.message, "InternalError")
        except Exception:
            _log.exception("function %s cannot be deployed", name)
            reason = "The deployment failed; the server's log has the cause. Try again."
            await self._give_up(deployment, reason, "InternalError")

    async def _give_up(self, deployment: Deployment, reason: str, code: str) -> None:
        name = deployment.function_name
        while True:
            try:
                await self._registry.fail(name, deployment.id, reason, code)
            except WasmfaasError as error:
                _log.warning("function %s stays pending for now: %s", name, error.message)
                await asyncio.sleep(self._retry_s)
            else:
                return

    async def _finished(self, work: Coroutine[Any, Any, Result]) -> Result:
        """The result of *work*, which goes on where the caller is cancelled."""
        if self._closed:
            work.close()
            raise ServiceUnavailable("The server is stopping.")
        return await asyncio.shield(self._spawn(work))

    def _spawn(self, work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, WasmfaasError):
            # Whoever asked for it may be gone.
            _log.error("a deployment failed", exc_info=error)


def module_path(task_path: Path, handler: str) -> Path:
    """The Wasm module of a package: the file that *handler* names, with or without `.wasm`, else
    `bootstrap`, else the only `*.wasm` at the root.

    Raises InvalidParameterValue, which says what was looked for.
    """
    names = ["bootstrap", "bootstrap.wasm"]
    parts = PurePosixPath(handler).parts
    if parts and not {"/", ".."} & set(parts):
        path = str(PurePosixPath(handler))
        names = [path, f"{path}.wasm", *names]
    for name in names:
        if (task_path / name).is_file():
            return task_path / name
    at_root = sorted(task_path.glob("*.wasm"))
    if len(at_root) == 1:
        return at_root[0]
    found = ", ".join(path.name for path in at_root[:5]) or "none"
    raise InvalidParameterValue(
        f"The package has no Wasm module to run. Looked for {', '.join(names)} and for a single "
        f".wasm file at the package's root (found: {found}). Name the module in Handler."
    )
