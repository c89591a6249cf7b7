"""The key-value store: versions, times to live, quotas, and what is left after a kill."""

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from tests.store.conftest import configuration
from wasmfaas.errors import PreconditionFailed, RequestTooLarge, ResourceNotFound
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.key_values import KeyValues, Quota, Space
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio

SHARED = Space("carts")


class Clock:
    """The database's clock, as a test sets it."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000

    def __call__(self, connection: Connection) -> int:
        return self.now_ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(any_database: Database) -> Database:
    return any_database


@pytest.fixture
def store(database: Database, clock: Clock) -> KeyValues:
    return KeyValues(database, Quota(entries_max=5, bytes_max=100), clock)


async def keys(store: KeyValues, prefix: bytes = b"", after: bytes | None = None) -> list[bytes]:
    entries, _ = await store.list(SHARED, prefix, after, 1000)
    return [entry.key for entry in entries]


async def test_what_is_set_is_there_until_it_is_deleted(store: KeyValues) -> None:
    assert await store.get(SHARED, b"a") is None
    first = await store.set(SHARED, b"a", b"1")
    second = await store.set(SHARED, b"a", b"")
    found = await store.get(SHARED, b"a")
    assert found is not None
    assert (found.value, found.version, found.expires_at_ms) == (b"", second, None)
    assert 0 < first < second
    assert await store.delete(SHARED, b"a")
    assert not await store.delete(SHARED, b"a")
    assert await store.get(SHARED, b"a") is None


async def test_a_version_is_never_given_twice(store: KeyValues) -> None:
    """Whoever compares with a version of before a delete must not find it again."""
    first = await store.set(SHARED, b"a", b"1")
    await store.delete(SHARED, b"a")
    assert await store.set(SHARED, b"a", b"1") > first
    with pytest.raises(PreconditionFailed):
        await store.set(SHARED, b"a", b"2", if_version=first)


async def test_writes_that_compare(store: KeyValues) -> None:
    version = await store.set(SHARED, b"a", b"1", if_version=0)
    for wrong in (0, version + 1, 2**63 - 1):
        with pytest.raises(PreconditionFailed, match=f"has version {version}"):
            await store.set(SHARED, b"a", b"2", if_version=wrong)
        with pytest.raises(PreconditionFailed):
            await store.delete(SHARED, b"a", if_version=wrong)
    assert await store.set(SHARED, b"a", b"2", if_version=version)
    with pytest.raises(PreconditionFailed, match="has version 0"):
        await store.delete(Space("nowhere"), b"a", if_version=1)


async def test_of_many_that_race_one_wins_each_round(database: Database) -> None:
    store = KeyValues(database, Quota(100, 10_000))

    async def increment() -> int:
        tries = 0
        while True:
            tries += 1
            found = await store.get(SHARED, b"n")
            version, value = (0, 0) if found is None else (found.version, int(found.value))
            try:
                await store.set(SHARED, b"n", b"%d" % (value + 1), if_version=version)
            except PreconditionFailed:
                continue
            return tries

    tries = await asyncio.gather(*(increment() for _ in range(12)))
    found = await store.get(SHARED, b"n")
    assert found is not None
    assert (int(found.value), found.version) == (12, 12)
    assert sum(tries) > 12


async def test_what_expires_is_gone_at_its_time_and_counts_until_it_is_pruned(
    store: KeyValues, clock: Clock
) -> None:
    await store.set(SHARED, b"a", b"1", ttl_ms=1000)
    kept = await store.set(SHARED, b"b", b"1", ttl_ms=1001)
    clock.now_ms += 999
    found = await store.get(SHARED, b"a")
    assert found is not None
    assert found.expires_at_ms == 1_001_000
    clock.now_ms += 1
    assert await store.get(SHARED, b"a") is None
    assert await keys(store) == [b"b"]
    assert not await store.delete(SHARED, b"a")
    with pytest.raises(PreconditionFailed, match="has version 0"):
        await store.set(SHARED, b"a", b"2", if_version=1)
    assert await store.set(SHARED, b"a", b"2", if_version=0) > kept
    clock.now_ms += 10_000
    assert await store.prune() == 1
    assert await store.prune() == 0
    assert await keys(store) == [b"a"]


async def test_a_later_write_has_its_own_time(store: KeyValues, clock: Clock) -> None:
    await store.set(SHARED, b"a", b"1", ttl_ms=1)
    await store.set(SHARED, b"a", b"2")
    clock.now_ms += 1000
    assert await keys(store) == [b"a"]


async def test_a_namespace_has_a_quota(store: KeyValues, clock: Clock) -> None:
    for number in range(5):
        await store.set(SHARED, b"%d" % number, b"x", ttl_ms=1000 if number == 3 else None)
    with pytest.raises(RequestTooLarge, match="would have 6 keys, but may have 5"):
        await store.set(SHARED, b"5", b"x")
    await store.set(SHARED, b"4", b"x" * 91)
    with pytest.raises(RequestTooLarge, match="101 bytes"):
        await store.set(SHARED, b"4", b"x" * 92)
    await store.set(Space("other"), b"5", b"x" * 99)
    clock.now_ms += 1000
    await store.set(SHARED, b"5", b"x")
    await store.delete(SHARED, b"4")
    await store.set(SHARED, b"6", b"x" * 90)


async def test_lists_come_in_order_and_in_pages(database: Database) -> None:
    store = KeyValues(database, Quota(100, 10_000))
    names = ["a", "a/1", "a/2", "a/ä", "a0", "b", "\U0010ffff", "é"]
    for name in names:
        await store.set(SHARED, name.encode(), b"v")
    await store.set(Space("carts2"), b"a/3", b"v")
    assert await keys(store) == sorted(name.encode() for name in names)
    assert await keys(store, b"a/") == [b"a/1", b"a/2", "a/ä".encode()]
    assert await keys(store, "\U0010ffff".encode()) == ["\U0010ffff".encode()]
    assert await keys(store, b"a/", b"a/1") == [b"a/2", "a/ä".encode()]
    first, more = await store.list(SHARED, b"", None, 3)
    assert more
    assert all(entry.version > 0 and entry.value == b"" for entry in first)
    rest, more = await store.list(SHARED, b"", first[-1].key, 5)
    assert (len(rest), more) == (5, False)


async def test_a_functions_own_keys_go_with_it_and_are_nobody_elses(
    store: KeyValues, registry: Registry
) -> None:
    code = Code.of(b"package")
    await registry.create(configuration("carts"), code, {})
    own = Space("self", "carts")
    await store.set(own, b"a", b"own")
    await store.set(SHARED, b"a", b"shared")
    found = await store.get(own, b"a")
    assert found is not None
    assert found.value == b"own"
    await registry.delete("carts")
    assert await store.get(own, b"a") is None
    assert await keys(store) == [b"a"]
    with pytest.raises(ResourceNotFound, match="is gone"):
        await store.set(own, b"a", b"own")


@given(st.binary(min_size=1, max_size=4), st.lists(st.binary(min_size=1, max_size=4), max_size=8))
@settings(max_examples=10, deadline=None)
def test_any_bytes_are_keys_and_prefixes(prefix: bytes, names: list[bytes]) -> None:
    async def run(folder: str) -> None:
        database = Database.open(Path(folder) / "kv.db")
        try:
            store = KeyValues(database, Quota(100, 10_000))
            for name in names:
                await store.set(SHARED, name, name)
            expected = sorted({name for name in names if name.startswith(prefix)})
            assert await keys(store, prefix) == expected
        finally:
            database.close()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(folder))


_WRITER = """
import asyncio, sys
from wasmfaas.store.database import Database
from wasmfaas.store.key_values import KeyValues, Quota, Space

async def main():
    store = KeyValues(Database.open(sys.argv[1]), Quota(10**6, 10**9))
    async def write(writer):
        number = 0
        while True:
            await store.set(Space("s"), b"%d" % writer, b"%d" % number)
            print(writer, number, flush=True)
            number += 1
    await asyncio.gather(*(write(writer) for writer in range(4)))

asyncio.run(main())
"""


def test_what_was_told_to_be_stored_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "kv.db"
    with subprocess.Popen(
        [sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(100)]
        os.kill(child.pid, signal.SIGKILL)
        lines += child.stdout.readlines()
    told: dict[int, int] = {}
    for line in lines:
        if line.endswith("\n"):
            writer, number = map(int, line.split())
            told[writer] = number
    asyncio.run(_check(path, told))


async def _check(path: Path, told: dict[int, int]) -> None:
    database = Database.open(path)
    try:
        store = KeyValues(database, Quota(10, 1000))
        for writer, number in told.items():
            found = await store.get(Space("s"), b"%d" % writer)
            assert found is not None
            assert number <= int(found.value) <= number + 1
    finally:
        database.close()
