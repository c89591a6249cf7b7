"""What the tests of deployments share: packages, fakes at the seam to the compiler, and all the
real parts around them."""

import asyncio
import contextlib
import hashlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path

from tests.store.conftest import arn, configuration
from tests.store.zips import Member, archive
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.invoke.deployments import Deployments
from wasmfaas.invoke.packages import Packages
from wasmfaas.models import Function, Inspection, PackageKind, State, UpdateStatus
from wasmfaas.settings import Settings
from wasmfaas.store.artefacts import Artefact
from wasmfaas.store.code import CodeStore
from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.registry import Registry

WASM = b"\x00asm\x01\x00\x00\x00"


def python_package(version: object) -> bytes:
    return archive(Member(b"app.py", f"version = {version!r}".encode()), Member(b"data/x", b"x"))


def wasm_package(name: str = "bootstrap", content: bytes = WASM) -> bytes:
    return archive(Member(name.encode(), content))


def wasm_configuration(name: str, **members: object) -> dict[str, object]:
    return configuration(name, Runtime="provided.al2023", Handler="bootstrap") | members


def _artefact(name: str, kind: PackageKind) -> Artefact:
    inspection = Inspection(kind=kind, memory_minimum_bytes=0, has_init=False)
    return Artefact(name=name, path=Path("/none"), sha256="0" * 64, inspection=inspection)


class Compiler:
    """Takes what begins as a module does. `failure`, while set, is what compiling ends in, and
    `gate` is what it waits for."""

    def __init__(self) -> None:
        self.inspected: list[tuple[Path, int]] = []
        self.compiled: list[Path] = []
        self.failure: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()

    async def inspect(self, wasm_path: Path, memory_bytes_max: int) -> Inspection:
        self.inspected.append((wasm_path, memory_bytes_max))
        if not wasm_path.read_bytes().startswith(WASM):  # noqa: ASYNC240
            raise InvalidParameterValue("The module does not validate.")
        return Inspection(kind=PackageKind.REACTOR, memory_minimum_bytes=0, has_init=False)

    async def compile(self, wasm_path: Path) -> Artefact:
        self.compiled.append(wasm_path)
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        digest = hashlib.sha256(wasm_path.read_bytes()).hexdigest()  # noqa: ASYNC240
        return _artefact(digest, PackageKind.REACTOR)


class Runtime:
    """Has the Python runtime ready once the gate is open."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()
        self.failure: Exception | None = None

    async def ensure(self, progress: Callable[[str], None]) -> Artefact:
        progress("building")
        await self.gate.wait()
        if self.failure is not None:
            raise self.failure
        return _artefact("python-runtime", PackageKind.COMPONENT)


@dataclass
class Rig:
    """Deployments on a data directory, as a server has them."""

    directory: DataDirectory
    database: Database
    registry: Registry
    code: CodeStore
    deployments: Deployments
    compiler: Compiler = field(default_factory=Compiler)
    runtime: Runtime = field(default_factory=Runtime)

    async def settled(self, name: str) -> Function:
        """The function when nothing is on its way any more."""
        async with asyncio.timeout(200):
            while True:
                function = await self.registry.get(name)
                updating = function.last_update_status is UpdateStatus.IN_PROGRESS
                if function.state is not State.PENDING and not updating:
                    return function
                await asyncio.sleep(0.001)

    def stored(self) -> set[str]:
        """Digests of what is on disk, and names of what should not be."""
        names = [path.name for path in self.directory.code.iterdir()]
        names += [path.name for path in self.directory.tasks.iterdir() if path.name != ".boot"]
        return {name.removesuffix(".zip") for name in names}


@contextlib.asynccontextmanager
async def rig(path: Path, settings: Settings | None = None) -> AsyncIterator[Rig]:
    settings = settings or Settings()
    directory = DataDirectory.open(path)
    database = Database.open(directory.database)
    registry = Registry(database, arn)
    code = CodeStore(directory, settings)
    compiler, runtime = Compiler(), Runtime()
    packages = Packages(settings, registry, code)
    deployments = Deployments(registry, packages, compiler, runtime, retry_s=0.001)
    try:
        yield Rig(directory, database, registry, code, deployments, compiler, runtime)
    finally:
        await deployments.close()
        await packages.close()
        database.close()
        directory.close()
