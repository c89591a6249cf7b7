"""The component that runs every Python function: built once per machine from `sandbox/guest`,
with componentize-py, and compiled once like any other module."""

import asyncio
import contextlib
import hashlib
import importlib.metadata
import json
import logging
import os
import re
import shutil
import sys
import tempfile
from asyncio.subprocess import DEVNULL
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import tzdata

import wasmfaas
from wasmfaas.errors import ServiceFailure, StorageFull
from wasmfaas.invoke.compilers import Compilers, hold
from wasmfaas.invoke.worker import child_environment
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefact
from wasmfaas.store.datadir import storage_errors, sync_directory
from wasmfaas.store.locks import FileLock

_logger = logging.getLogger(__name__)

_WORLD = "python"
_KEY_CHARACTERS = 16
#: What becomes of the component after it is built; changes whenever that does.
_FORM = "hollow,immortal;v1"
_MEMORY = "memory.img"
_WHOLE = "whole.wasm"
_BUILD_S_MAX = 900
_OUTPUT_BYTES_KEPT = 16 * 1024
_NO_SPACE = "No space left on device"
_PYTHON_VERSION = re.compile(r"3\.\d{1,3}\.\d{1,3}[a-z0-9+]{0,8}")
_ENTRY = "_wasmfaas_entry"
#: Imported when the component is built, by the Python in it: who else could tell its version?
_ENTRY_SOURCE = """\
import os, sys
folder = os.path.dirname(__file__)
with open(os.path.join(folder, "python-version"), "w") as file:
    file.write(sys.version.split()[0])
from wasmfaas_runtime import RUNTIME, WitWorld
with open(os.path.join(folder, "immortals"), "wb") as file:
    RUNTIME.settle(file)
"""


@dataclass(frozen=True, slots=True)
class _Component:
    path: Path
    #: What its memory holds right after instantiation.
    memory_path: Path
    python_version: str


class PythonRuntime:
    """Builds and compiles the Python runtime component, or finds it in the cache. Lives as long as
    the server."""

    def __init__(self, settings: Settings, compilers: Compilers) -> None:
        self._path = settings.cache_dir.absolute() / "python-runtime"
        self._compilers = compilers
        self._ensuring = asyncio.Lock()
        self._component: _Component | None = None
        self._artefact: Artefact | None = None

    @property
    def version(self) -> str:
        """Of the guest's Python, like `3.14.0`; known once `ensure` has returned."""
        if self._component is None:
            raise RuntimeError("the Python runtime is not there yet")
        return self._component.python_version

    @property
    def component_path(self) -> Path:
        """The component as componentize-py makes it; known once `ensure` has returned."""
        return self.memory_path.with_name(_WHOLE)

    @property
    def memory_path(self) -> Path:
        """What the runtime's memory holds right after instantiation; the compiled runtime has it
        not. Known once `ensure` has returned."""
        if self._component is None:
            raise RuntimeError("the Python runtime is not there yet")
        return self._component.memory_path

    async def ensure(self, progress: Callable[[str], None]) -> Artefact:
        """The compiled runtime. *progress* is told of every step that takes long.

        Raises ServiceFailure, StorageFull.
        """
        if self._artefact is not None and self._artefact.path.is_file():
            return self._artefact
        async with self._ensuring:
            try:
                component = await self._ensure_component(progress)
            except OSError as error:
                _logger.error("the cache directory failed: %s", error)
                raise ServiceFailure(
                    f"The cache directory {self._path.parent} cannot be used: {error.strerror}."
                ) from error
            artefact = await self._compilers.lookup(component.path)
            if artefact is None:
                progress("Compiling the Python runtime (once per machine, some 10 s)")
                artefact = await self._compilers.compile(component.path, ours=True)
            self._component, self._artefact = component, artefact
            return artefact

    async def _ensure_component(self, progress: Callable[[str], None]) -> _Component:
        key = await asyncio.to_thread(_key)
        folder = self._path / key
        component = _read(folder)
        if component is None:
            with storage_errors():
                folder.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                async with hold(FileLock(folder.with_suffix(".lock"))):
                    component = _read(folder)
                    if component is None:
                        progress("Building the Python runtime (once per machine, some 20 s)")
                        component = await _build(folder)
        return component


async def _build(folder: Path) -> _Component:
    """Make *folder*, whole or not at all; for the holder of its lock."""
    workshop = folder.with_suffix(".building")
    await asyncio.to_thread(_prepare, workshop)
    try:
        await _componentize(workshop)
        await asyncio.to_thread(_publish, workshop, folder)
    finally:
        await asyncio.to_thread(shutil.rmtree, workshop, ignore_errors=True)
    component = _read(folder)
    if component is None:
        raise _failed("what was built does not say its version")
    return component


async def _componentize(workshop: Path) -> None:
    # Without an environment of its own, componentize-py takes the packages of ours along.
    environment = {"VIRTUAL_ENV": str(workshop / "environment"), "TMPDIR": str(workshop)}
    arguments = (
        *("--quiet", "--wit-path", "app", "--world", _WORLD),
        *("componentize", "--python-path", "app", "--output", f"result/{_WHOLE}", _ENTRY),
    )
    with tempfile.TemporaryFile(dir=workshop) as output:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "wasmfaas.sandbox.componentize", str(os.getpid())),
            *(f"result/{_WHOLE}", "result/runtime.wasm", f"result/{_MEMORY}", "app/immortals"),
            *arguments,
            stdin=DEVNULL,
            stdout=output,
            stderr=output,
            env=child_environment() | environment,
            cwd=workshop,
        )
        try:
            async with asyncio.timeout(_BUILD_S_MAX):
                status = await child.wait()
        except TimeoutError:
            raise ServiceFailure(
                f"Building the Python runtime took more than {_BUILD_S_MAX} s and was given up."
            ) from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        if status != 0:
            raise _failure(status, _tail(output))


def _failure(status: int, output: str) -> ServiceFailure | StorageFull:
    if _NO_SPACE in output:
        return StorageFull(
            "The disk that holds the cache directory is full: the Python runtime was not built. "
            "Make room (some 100 MB), then start again."
        )
    return _failed(f"componentize-py ended with status {status}:\n{output}")


def _failed(why: str) -> ServiceFailure:
    _logger.error("the Python runtime could not be built: %s", why)
    return ServiceFailure("The Python runtime could not be built; the server's log says why.")


def _tail(file: IO[bytes]) -> str:
    size = file.seek(0, os.SEEK_END)
    file.seek(max(size - _OUTPUT_BYTES_KEPT, 0))
    return file.read().decode("utf-8", "replace")


def _sources() -> dict[str, bytes]:
    """The guest's files, by their names relative to its folder, and the time zones of the world."""
    root = Path(wasmfaas.__file__).parent / "sandbox" / "guest"
    paths = sorted(path for path in root.rglob("*") if path.suffix in {".py", ".wit"})
    sources = {str(path.relative_to(root)): path.read_bytes() for path in paths}
    zones = Path(tzdata.__file__).parent
    for path in sorted(zones.rglob("*")):
        if path.is_file() and path.suffix != ".pyc":
            sources[f"library/tzdata/{path.relative_to(zones)}"] = path.read_bytes()
    return sources


def _key() -> str:
    """Changes with all that the component is made of."""
    made_of = hashlib.sha256(importlib.metadata.version("componentize-py").encode())
    made_of.update(_FORM.encode())
    for name, content in {**_sources(), _ENTRY: _ENTRY_SOURCE.encode()}.items():
        made_of.update(f"\0{name}\0{len(content)}\0".encode())
        made_of.update(content)
    return made_of.hexdigest()[:_KEY_CHARACTERS]


def _prepare(workshop: Path) -> None:
    with storage_errors():
        shutil.rmtree(workshop, ignore_errors=True)
        for folder in ("app", "result", "environment/lib/python3/site-packages"):
            (workshop / folder).mkdir(parents=True)
        for name, content in _sources().items():
            path = workshop / "app" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        (workshop / "app" / f"{_ENTRY}.py").write_text(_ENTRY_SOURCE)


def _publish(workshop: Path, folder: Path) -> None:
    result, version_path = workshop / "result", workshop / "app" / "python-version"
    if not (result / "runtime.wasm").is_file() or not version_path.is_file():
        raise _failed("componentize-py left no component")
    with storage_errors():
        version = version_path.read_text()
        (result / "runtime.json").write_text(json.dumps({"python": version}))
        for path in result.iterdir():
            with open(path, "rb") as file:
                os.fsync(file.fileno())
        shutil.rmtree(folder, ignore_errors=True)
        result.rename(folder)
        sync_directory(folder.parent)


def _read(folder: Path) -> _Component | None:
    """What is in the cache; None where that is nothing, or not what a build leaves."""
    try:
        version = json.loads((folder / "runtime.json").read_bytes())["python"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    path = folder / "runtime.wasm"
    if not isinstance(version, str) or not _PYTHON_VERSION.fullmatch(version):
        return None
    memory_path = folder / _MEMORY
    if not path.is_file() or not memory_path.is_file():
        return None
    return _Component(path, memory_path, version)
