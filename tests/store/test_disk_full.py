"""The disk full: refused whole with StorageFull, and served again once there is room.

The kernel refuses the writes: a limit on the size of files stands in for the size of a disk.
"""

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from tests.store.conftest import configuration
from tests.store.test_ledger import requests, usage
from tests.store.zips import Member, archive
from wasmfaas.errors import StorageFull
from wasmfaas.settings import Settings
from wasmfaas.store.code import Code, CodeStore
from wasmfaas.store.database import Database
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.ledger import Ledger
from wasmfaas.store.registry import Registry
from wasmfaas.store.schema import FUNCTIONS

pytestmark = pytest.mark.anyio


@contextlib.contextmanager
def files_of_at_most(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def listing(directory: DataDirectory) -> set[str]:
    folders = (directory.code, directory.tasks)
    return {name for folder in folders for name in os.listdir(folder) if name != ".boot"}


def log_size(directory: DataDirectory) -> int:
    return Path(f"{directory.database}-wal").stat().st_size


async def test_a_package_that_does_not_fit_leaves_nothing(directory: DataDirectory) -> None:
    store = CodeStore(directory, Settings())
    package = archive(Member(b"app.py", os.urandom(50_000)))
    with files_of_at_most(20_000), pytest.raises(StorageFull, match=r"disk .* is full"):
        store.put(package)
    assert listing(directory) == set()
    assert store.read(store.put(package).digest) == package


async def test_a_tree_that_does_not_fit_leaves_nothing(directory: DataDirectory) -> None:
    store = CodeStore(directory, Settings())
    package = archive(Member(b"a/small.py", b"x"), Member(b"big.bin", bytes(50_000), method=8))
    digest = store.put(package).digest
    with files_of_at_most(20_000), pytest.raises(StorageFull):
        store.task_path(digest)
    assert listing(directory) == {f"{digest}.zip"}
    assert (store.task_path(digest) / "big.bin").stat().st_size == 50_000


async def test_the_registry_refuses_whole_reads_on_and_recovers(
    database: Database, registry: Registry, directory: DataDirectory
) -> None:
    code = Code.of(b"zip")
    wide = {"Description": "x" * 2000}
    await registry.create(configuration("before", **wide), code, {})
    accepted = 0

    async def fill() -> None:
        nonlocal accepted
        while True:
            await registry.create(configuration(f"f{accepted}", **wide), code, {})
            accepted += 1

    with files_of_at_most(log_size(directory) + 200_000):
        with pytest.raises(StorageFull, match="full"):
            await fill()
        assert (await registry.get("before")).name == "before"
        assert len((await registry.list_functions(None, 9999))[0]) == accepted + 1
        with pytest.raises(StorageFull):
            await fill()
    assert accepted > 0
    await registry.create(configuration("after"), code, {})
    names = await database.run(lambda connection: set(connection.scalars(select(FUNCTIONS.c.name))))
    assert names == {"before", "after", *(f"f{number}" for number in range(accepted))}
    await registry.delete("before")


async def test_a_record_that_does_not_fit_is_refused_and_the_next_is_read(
    database: Database, directory: DataDirectory
) -> None:
    ledger = Ledger(database, directory.journal)
    accepted = 0

    def fill() -> None:
        nonlocal accepted
        while True:
            ledger.record(usage(accepted))
            accepted += 1

    with files_of_at_most(5_000), pytest.raises(StorageFull):
        fill()
    assert accepted > 10
    ledger.record(usage("after"))
    assert await requests(ledger) == accepted + 1


async def test_a_fold_that_does_not_fit_keeps_the_journal(
    database: Database, directory: DataDirectory
) -> None:
    ledger = Ledger(database, directory.journal)
    for number in range(500):
        ledger.record(usage(number))
    with files_of_at_most(log_size(directory)), pytest.raises(StorageFull):
        await ledger.fold()
    assert await requests(ledger) == 500
    assert os.listdir(directory.journal) == []
