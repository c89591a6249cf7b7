"""Blobs and trees: whole or absent, shared by content, and swept when unused."""

import hashlib
import os
import stat
import threading
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.store.zips import Member, archive
from wasmfaas.errors import InvalidParameterValue, ServiceFailure
from wasmfaas.settings import Settings
from wasmfaas.store.code import Code, CodeStore
from wasmfaas.store.datadir import DataDirectory

PACKAGE = archive(Member(b"app.py", b"x = 1"), Member(b"pkg/data.txt", b"data"))
OTHER = archive(Member(b"other.py", b"y = 2"))


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(directory: DataDirectory, clock: Clock) -> CodeStore:
    return CodeStore(directory, Settings(), clock)


def names(path: Path) -> list[str]:
    return sorted(name for name in os.listdir(path) if name != ".boot")


def test_a_package_is_named_by_its_content(store: CodeStore, directory: DataDirectory) -> None:
    code = store.put(PACKAGE)
    raw = hashlib.sha256(PACKAGE).digest()
    assert code == Code(raw.hex(), b64encode(raw).decode(), len(PACKAGE))
    assert names(directory.code) == [f"{raw.hex()}.zip"]
    assert store.read(code.digest) == PACKAGE
    with store.open(code.digest) as blob:
        assert blob.read(2) == b"PK"


def test_an_equal_package_shares_the_blob(store: CodeStore, directory: DataDirectory) -> None:
    first = store.put(PACKAGE)
    (blob,) = directory.code.iterdir()
    inode = blob.stat().st_ino
    assert store.put(bytes(PACKAGE)) == first
    assert [path.stat().st_ino for path in directory.code.iterdir()] == [inode]


def test_a_missing_package_says_what_to_do(store: CodeStore) -> None:
    for use in (store.read, store.open, store.task_path):
        with pytest.raises(ServiceFailure, match="Deploy it again"):
            use("0" * 64)


def test_a_tree_is_unpacked_once_read_only_and_found_again(
    store: CodeStore, directory: DataDirectory
) -> None:
    digest = store.put(PACKAGE).digest
    assert store.unpacked(digest) is None
    with ThreadPoolExecutor(8) as threads:
        paths = set(threads.map(store.task_path, [digest] * 32))
    (path,) = paths
    assert store.unpacked(digest) == path
    assert (path / "pkg/data.txt").read_bytes() == b"data"
    assert stat.S_IMODE((path / "app.py").stat().st_mode) == 0o444
    assert stat.S_IMODE((path / "pkg").stat().st_mode) == 0o555
    assert names(directory.tasks) == [digest]
    assert CodeStore(directory, Settings()).unpacked(digest) == path


def test_a_package_that_does_not_unpack_leaves_no_tree(
    store: CodeStore, directory: DataDirectory
) -> None:
    bad = archive(Member(b"app.py", b"fine"), Member(b"b/c", b"x", crc=1))
    digest = store.put(bad).digest
    with pytest.raises(InvalidParameterValue):
        store.task_path(digest)
    assert names(directory.tasks) == []


def test_a_sweep_removes_what_is_unused_and_nothing_else(
    store: CodeStore, directory: DataDirectory
) -> None:
    kept, gone = store.put(PACKAGE).digest, store.put(OTHER).digest
    store.task_path(kept)
    store.task_path(gone)
    (directory.code / "notes.txt").write_text("not ours")
    store.sweep({kept})
    assert names(directory.code) == sorted([f"{kept}.zip", "notes.txt"])
    assert names(directory.tasks) == [kept]
    assert store.task_path(store.put(OTHER).digest).is_dir()


def test_what_falls_out_of_use_is_kept_for_its_readers(
    store: CodeStore, directory: DataDirectory, clock: Clock
) -> None:
    digest = store.put(PACKAGE).digest
    store.task_path(digest)
    store.sweep(set(), grace_s=60)
    clock.now += 59
    store.sweep(set(), grace_s=60)
    assert names(directory.tasks) == [digest]
    store.put(PACKAGE)
    clock.now += 59
    store.sweep(set(), grace_s=60)
    clock.now += 59
    store.sweep(set(), grace_s=60)
    assert names(directory.tasks) == [digest], "the time starts again when it is put again"
    clock.now += 1
    store.sweep(set(), grace_s=60)
    assert (names(directory.tasks), names(directory.code)) == ([], [])


def test_discard_removes_a_package_at_once(store: CodeStore, directory: DataDirectory) -> None:
    digest = store.put(PACKAGE).digest
    store.task_path(digest)
    store.discard(digest)
    store.discard(digest)
    assert (names(directory.tasks), names(directory.code)) == ([], [])


def test_leftovers_of_a_kill_are_gone_when_the_store_is_opened(directory: DataDirectory) -> None:
    digest = CodeStore(directory, Settings()).put(PACKAGE).digest
    (directory.code / ".tmp-abc").write_bytes(PACKAGE[:10])
    half = directory.tasks / ".tmp-def" / "pkg"
    half.mkdir(parents=True)
    (half / "app.py").write_text("half")
    half.chmod(0o555)
    CodeStore(directory, Settings())
    assert names(directory.code) == [f"{digest}.zip"]
    assert names(directory.tasks) == []


def test_trees_from_before_a_restart_of_the_machine_are_made_again(
    directory: DataDirectory,
) -> None:
    store = CodeStore(directory, Settings())
    digest = store.put(PACKAGE).digest
    path = store.task_path(digest)
    (path / "app.py").chmod(0o644)
    (path / "app.py").write_bytes(b"")
    (directory.tasks / ".boot").write_text("another boot\n")
    assert CodeStore(directory, Settings()).unpacked(digest) is None
    assert (store.task_path(digest) / "app.py").read_bytes() == b"x = 1"


def test_puts_from_many_threads_make_one_blob(store: CodeStore, directory: DataDirectory) -> None:
    barrier = threading.Barrier(8)

    def put(_: int) -> Code:
        barrier.wait(30)
        return store.put(PACKAGE)

    with ThreadPoolExecutor(8) as threads:
        assert len(set(threads.map(put, range(8)))) == 1
    assert len(names(directory.code)) == 1
