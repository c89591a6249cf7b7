import os
from pathlib import Path

from wasmfaas import trees

#: Past the recursion limit, and past the longest path.
DEPTH = 2500


def _dig(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(DEPTH):
        os.mkdir("ab", dir_fd=descriptor)
        inner = os.open("ab", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = inner
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=descriptor))
    os.close(descriptor)


def test_what_is_deeper_than_a_path_goes(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    _dig(folder)
    trees.empty(folder)
    assert list(folder.iterdir()) == []


def test_a_link_goes_and_what_it_points_to_stays(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    folder = tmp_path / "folder"
    (folder / "inner").mkdir(parents=True)
    (folder / "inner" / "link").symlink_to(kept, target_is_directory=True)
    (folder / "file").hardlink_to(kept / "file")
    trees.remove(folder)
    assert not folder.exists()
    assert (kept / "file").exists()


def test_nothing_there_is_no_error(tmp_path: Path) -> None:
    trees.remove(tmp_path / "missing")
