"""Packages of functions together with those of their layers."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.invoke.deploying import python_package, rig
from tests.store.conftest import configuration
from tests.store.zips import Member, archive
from wasmfaas.errors import CodeStorageExceeded, InvalidParameterValue
from wasmfaas.invoke.packages import Packages
from wasmfaas.models import LayerReference
from wasmfaas.settings import Settings
from wasmfaas.store.code import Code, CodeStore
from wasmfaas.store.datadir import DataDirectory

pytestmark = pytest.mark.anyio

ARN = "arn:aws:lambda:us-east-1:000000000000:layer:a:1"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def layered(layer: Code) -> dict[str, object]:
    used = LayerReference(ARN, layer.size_bytes, layer.digest)
    return configuration("f", Layers=[used.members()])


async def test_a_function_is_prepared_with_its_layers(tmp_path: Path) -> None:
    async with rig(tmp_path) as parts:
        layer = parts.code.put(archive(Member(b"python/library.py", b"x = 1")))
        await parts.deployments.create(layered(layer), python_package(1), {})
        active = (await parts.settled("f")).active
        assert active is not None
        prepared = await parts.deployments.prepare(active)
        assert prepared.layers_path is not None
        assert (prepared.layers_path / "python/library.py").read_text() == "x = 1"
        await parts.deployments.update_configuration("f", configuration("f"))
        active = (await parts.settled("f")).active
        assert active is not None
        assert (await parts.deployments.prepare(active)).layers_path is None


async def test_code_and_layers_are_bounded_together(tmp_path: Path) -> None:
    package = archive(Member(b"app.py", b"x" * 60))
    async with rig(tmp_path, Settings(unzipped_bytes_max=100)) as parts:
        fits = parts.code.put(archive(Member(b"data", b"y" * 40)))
        large = parts.code.put(archive(Member(b"data", b"y" * 41)))
        text = (
            "Function code combined with layers exceeds the maximum allowed size of 100 bytes. "
            "The actual size is 101 bytes."
        )
        with pytest.raises(InvalidParameterValue) as refused:
            await parts.deployments.create(layered(large), package, {})
        assert refused.value.message == text
        await parts.deployments.create(layered(fits), package, {})
        await parts.settled("f")
        with pytest.raises(InvalidParameterValue):
            await parts.deployments.update_configuration("f", layered(large))
        with pytest.raises(InvalidParameterValue):
            await parts.deployments.update_code("f", archive(Member(b"app.py", b"x" * 61)))


class References:
    """What is in use, and how often that was asked."""

    def __init__(self) -> None:
        self.digests: set[str] = set()
        self.asked = 0

    async def code_digests_in_use(self) -> set[str]:
        self.asked += 1
        return self.digests

    async def totals(self) -> tuple[int, int]:
        return len(self.digests), 1000


async def test_what_goes_out_of_use_is_swept_once_its_readers_are_gone(tmp_path: Path) -> None:
    directory, references, now = DataDirectory.open(tmp_path), References(), 0.0
    store = CodeStore(directory, Settings(), lambda: now)
    packages = Packages(Settings(), references, store)
    used, unused = (store.put(python_package(number)).digest for number in range(2))
    references.digests = {used}
    sweeping = asyncio.create_task(packages.keep_swept(0.001))

    def stored() -> set[str]:
        return {path.stem for path in directory.code.iterdir()}

    async def until(reached: Callable[[], bool]) -> None:
        async with asyncio.timeout(200):
            while not reached():
                await asyncio.sleep(0.001)

    try:
        await asyncio.sleep(0.02)
        assert references.asked == 0, "nothing has changed"
        packages.note_change()
        await until(lambda: references.asked >= 3)
        assert stored() == {used, unused}, "somebody may still read it"
        now = 20 * 60.0
        await until(lambda: stored() == {used})
        before = references.asked
        await asyncio.sleep(0.02)
        assert references.asked <= before + 1, "nothing is left to remove"
    finally:
        sweeping.cancel()
        await packages.close()
        directory.close()


async def test_all_packages_together_have_a_limit(tmp_path: Path) -> None:
    package = python_package(1)
    settings = Settings(code_bytes_total_max=1000 + len(package))
    store = CodeStore(DataDirectory.open(tmp_path), settings)
    packages = Packages(settings, References(), store)

    async def enter(code: Code) -> str:
        return code.digest

    assert await packages.take_in(package, enter)
    with pytest.raises(CodeStorageExceeded, match=f"and {settings.code_bytes_total_max} are allo"):
        await packages.take_in(python_package(10_000), enter)
    await packages.close()
