"""Several packages as one tree."""

import stat
from pathlib import Path

import pytest

from tests.store.zips import Member, archive
from wasmfaas.errors import ServiceFailure
from wasmfaas.settings import Settings
from wasmfaas.store.code import CodeStore
from wasmfaas.store.datadir import DataDirectory
from wasmfaas.store.merging import merged_name

FIRST = archive(
    Member(b"both.txt", b"first"), Member(b"python/first.py", b"1"), Member(b"a/b/c", b"deep")
)
SECOND = archive(
    Member(b"both.txt", b"second"), Member(b"python/second.py", b"2"), Member(b"a/b", b"a file")
)


@pytest.fixture
def store(directory: DataDirectory) -> CodeStore:
    return CodeStore(directory, Settings())


def files(path: Path) -> dict[str, str]:
    return {
        str(each.relative_to(path)): each.read_text() for each in path.rglob("*") if each.is_file()
    }


def test_later_layers_are_put_over_earlier_ones(store: CodeStore) -> None:
    first, second = store.put(FIRST).digest, store.put(SECOND).digest
    both = {"python/first.py": "1", "python/second.py": "2"}
    merged = store.layers_path([first, second])
    assert files(merged) == both | {"both.txt": "second", "a/b": "a file"}
    reverse = store.layers_path([second, first])
    assert files(reverse) == both | {"both.txt": "first", "a/b/c": "deep"}
    assert files(store.task_path(first))["both.txt"] == "first"
    for path in [merged, *merged.rglob("*")]:
        assert not path.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert (merged / "both.txt").samefile(store.task_path(second) / "both.txt"), "linked"


def test_a_merged_tree_is_made_once_and_one_layer_is_its_own(store: CodeStore) -> None:
    first, second = store.put(FIRST).digest, store.put(SECOND).digest
    merged = store.layers_path([first, second])
    made = merged.stat().st_ino
    assert store.layers_path([first, second]).stat().st_ino == made
    assert store.layers_path([first]) == store.task_path(first)


def test_a_merged_tree_is_swept_like_a_package(store: CodeStore, directory: DataDirectory) -> None:
    digests = [store.put(FIRST).digest, store.put(SECOND).digest]
    merged = store.layers_path(digests)
    store.sweep({*digests, merged_name(digests)})
    assert merged.is_dir()
    store.sweep(digests)
    assert not merged.exists()
    assert files(store.layers_path(digests))["both.txt"] == "second"
    store.sweep(set())
    assert [path.name for path in directory.tasks.iterdir()] == [".boot"]


def test_a_missing_layer_is_told_and_leaves_nothing(
    store: CodeStore, directory: DataDirectory
) -> None:
    first = store.put(FIRST).digest
    with pytest.raises(ServiceFailure):
        store.layers_path([first, "0" * 64])
    assert sorted(path.name for path in directory.tasks.iterdir()) == [".boot", first]


def test_the_unzipped_size_is_known_from_the_blob(store: CodeStore) -> None:
    assert store.unzipped_bytes(store.put(FIRST).digest) == len("first" + "1" + "deep")
