import asyncio
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from tests.invoke.test_worker import SPEC
from wasmfaas.invoke.python_runtime import PythonRuntime
from wasmfaas.invoke.snapshots import Snapshots
from wasmfaas.invoke.target import Target
from wasmfaas.invoke.workers import Workers
from wasmfaas.models import Inspection, PackageKind
from wasmfaas.store.artefacts import Artefacts


def _publish(files: Artefacts, name: str) -> Path:
    built = files.building_path(name) / "snapshot"
    built.write_bytes(b"memory")
    facts = Inspection(kind=PackageKind.PYTHON, memory_minimum_bytes=6, has_init=True)
    return files.publish(name, built, facts).path


async def _until_gone(snapshots: Snapshots, gone: Path) -> None:
    asked = 0

    async def deployment_ids() -> set[str]:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise OSError("a failure that passes")
        return {"kept-1"}

    sweeping = asyncio.create_task(snapshots.keep_swept(deployment_ids, 0.01))
    async with asyncio.timeout(120):
        while gone.exists():  # noqa: ASYNC240
            await asyncio.sleep(0.01)
    sweeping.cancel()


def test_snapshots_of_former_deployments_go_while_the_server_runs(tmp_path: Path) -> None:
    files = Artefacts(tmp_path)
    kept, gone = _publish(files, "kept1-build"), _publish(files, "gone1-build")
    # Neither takes part in sweeping.
    workers, runtime = cast(Workers, None), cast(PythonRuntime, None)
    asyncio.run(_until_gone(Snapshots(files, workers, runtime), gone))
    assert kept.exists()


class _Saves:
    """In the place of workers: counts how many save at once."""

    def __init__(self) -> None:
        self.calls = self.running = self.most = 0

    async def save(self, target: Target, path: Path) -> None:
        self.calls += 1
        self.running += 1
        self.most = max(self.most, self.running)
        for _ in range(3):
            await asyncio.sleep(0)
        self.running -= 1


def test_a_burst_of_deployments_starts_few_workers(tmp_path: Path) -> None:
    saves, runtime = _Saves(), SimpleNamespace(memory_path=tmp_path / "build" / "memory")
    snapshots = Snapshots(Artefacts(tmp_path), cast(Workers, saves), cast(PythonRuntime, runtime))

    async def burst() -> None:
        specs = [replace(SPEC, key=str(n), kind=PackageKind.PYTHON) for n in range(20)]
        await asyncio.gather(*(snapshots.take(Target(spec)) for spec in specs))

    asyncio.run(burst())
    assert (saves.calls, saves.most) == (20, 2)
