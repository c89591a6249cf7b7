"""Compiling modules, in child processes of which there are few, and each module once.

A look at a module and its compilation are one run of the child: whoever wants only the look gets
it as soon as it is there, and finds the compilation under way or done when it comes to that.
"""

import asyncio
import contextlib
import hashlib
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from wasmfaas.errors import (
    InvalidParameterValue,
    ServiceFailure,
    ServiceUnavailable,
    WasmfaasError,
)
from wasmfaas.invoke.compiler import Compiler, Limits
from wasmfaas.models import Inspection
from wasmfaas.settings import MIB, Settings
from wasmfaas.store.artefacts import Artefact, Artefacts
from wasmfaas.store.locks import FileLock

_logger = logging.getLogger(__name__)

_CHILDREN_MAX = 2
_LOCK_POLL_S = 0.05
_SWEEP_EVERY_S = 6 * 3600.0


@dataclass(frozen=True, slots=True)
class _Job:
    """One module on its way: first the look, then the result."""

    inspected: asyncio.Future[Inspection]
    compiled: asyncio.Future[Artefact]

    def tell(self, inspection: Inspection) -> None:
        if not self.inspected.done():
            self.inspected.set_result(inspection)

    def fail(self, error: Exception) -> None:
        for future in (self.inspected, self.compiled):
            if not future.done():
                future.set_exception(error)
                # Whoever wanted only the look does not wait for the result.
                future.exception()


class Compilers:
    """Inspects and compiles modules, each at most once whoever asks, in this process or another.
    Lives as long as the server."""

    def __init__(self, settings: Settings, artefacts: Artefacts) -> None:
        self._limits = Limits.of(settings)
        self._artefacts = artefacts
        self._children = asyncio.Semaphore(_CHILDREN_MAX)
        self._jobs: dict[str, _Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._jail_reported = False
        self._closed = False

    async def inspect(self, wasm_path: Path, memory_bytes_max: int) -> Inspection:
        """What the module at *wasm_path* is, if it can run within *memory_bytes_max*.

        The file is not read any more when this returns, though the compilation goes on.
        Raises InvalidParameterValue, ServiceFailure, StorageFull.
        """
        found = await self._find(wasm_path, self._limits)
        if isinstance(found, Artefact):
            inspection = found.inspection
        else:
            inspection = await asyncio.shield(found.inspected)
        needed = inspection.memory_minimum_bytes
        if needed > memory_bytes_max:
            needed_mb = -(-needed // MIB)
            raise InvalidParameterValue(
                f"The module needs {needed_mb} MB of memory from the start, but MemorySize is "
                f"{memory_bytes_max // MIB} MB. Set MemorySize to {needed_mb} or more."
            )
        return inspection

    async def compile(self, wasm_path: Path, *, ours: bool = False) -> Artefact:
        """The compiled form of the module at *wasm_path*; one that is *ours*, the Python
        runtime, may take what it takes, however slow the machine is.

        Raises InvalidParameterValue, ServiceFailure, StorageFull.
        """
        found = await self._find(wasm_path, Limits() if ours else self._limits)
        return found if isinstance(found, Artefact) else await asyncio.shield(found.compiled)

    async def lookup(self, wasm_path: Path) -> Artefact | None:
        """The compiled form of the module at *wasm_path* if it is there. Raises ServiceFailure."""
        return await asyncio.to_thread(self._artefacts.lookup, await self._name(wasm_path))

    async def keep_swept(
        self, names: Callable[[], Awaitable[set[str]]], unused_days_max: int
    ) -> None:
        """Remove, now and then until cancelled, artefacts that have long been unused; *names* gives
        those that are in use here."""
        while True:
            try:
                in_use = await names() | self._jobs.keys()
                unused_s_max = unused_days_max * 24 * 3600.0
                await asyncio.to_thread(self._artefacts.sweep, in_use, unused_s_max)
            except (WasmfaasError, OSError) as error:
                _logger.warning("unused compiled modules stay in the cache for now: %s", error)
            await asyncio.sleep(_SWEEP_EVERY_S)

    async def close(self) -> None:
        """End every child; whoever waits gets ServiceUnavailable. May be called again."""
        self._closed = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _find(self, wasm_path: Path, limits: Limits) -> Artefact | _Job:
        """The artefact if it is there, else the job that makes it, begun now if need be."""
        name = await self._name(wasm_path)
        if name not in self._jobs:
            artefact = await asyncio.to_thread(self._artefacts.lookup, name)
            if artefact is not None:
                return artefact
        return self._jobs.get(name) or self._begin(name, wasm_path, limits)

    async def _name(self, wasm_path: Path) -> str:
        try:
            return self._artefacts.name_for(await asyncio.to_thread(_digest, wasm_path))
        except OSError as error:
            _logger.error("a module cannot be read: %s", error)
            raise ServiceFailure("The module cannot be read; the server's log says why.") from None

    def _begin(self, name: str, wasm_path: Path, limits: Limits) -> _Job:
        if self._closed:
            raise ServiceUnavailable("The server is stopping.")
        loop = asyncio.get_running_loop()
        job = self._jobs[name] = _Job(loop.create_future(), loop.create_future())
        task = loop.create_task(self._run(name, wasm_path, limits, job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def _run(self, name: str, wasm_path: Path, limits: Limits, job: _Job) -> None:
        try:
            async with hold(self._artefacts.lock(name)), self._children:
                artefact = await asyncio.to_thread(self._artefacts.lookup, name)
                if artefact is None:
                    artefact = await self._make(name, wasm_path, limits, job)
            job.tell(artefact.inspection)
            job.compiled.set_result(artefact)
        except WasmfaasError as error:
            job.fail(error)
        except asyncio.CancelledError:
            job.fail(ServiceUnavailable("The server is stopping."))
            raise
        except Exception:
            _logger.exception("a module could not be compiled")
            job.fail(ServiceFailure("Compiling the module failed; the server's log says why."))
        finally:
            del self._jobs[name]

    async def _make(self, name: str, wasm_path: Path, limits: Limits, job: _Job) -> Artefact:
        """Run a compiler and publish what it made; for the holder of the lock."""
        folder = await asyncio.to_thread(self._artefacts.building_path, name)
        try:
            built = folder / "module"
            compiler = Compiler(limits, job.tell, self._report_jail)
            inspection = await compiler.run(wasm_path, built)
            return await asyncio.to_thread(self._artefacts.publish, name, built, inspection)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _report_jail(self, missing: dict[str, str]) -> None:
        if missing and not self._jail_reported:
            self._jail_reported = True
            layers = "; ".join(f"{layer}: {reason}" for layer, reason in missing.items())
            _logger.warning("this system lacks layers of the compilers' jail: %s", layers)


@contextlib.asynccontextmanager
async def hold(lock: FileLock) -> AsyncIterator[None]:
    """Hold *lock*, waiting for another process to let go of it."""
    while not lock.try_acquire():  # noqa: ASYNC110 (another process cannot set an event of ours)
        await asyncio.sleep(_LOCK_POLL_S)
    with lock:
        yield


def _digest(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
