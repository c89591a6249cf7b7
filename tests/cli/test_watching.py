import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wasmfaas.cli.watching import Watch


class Sleeps:
    """Stands for time: what happens during the next sleeps, then the end of the test."""

    def __init__(self, *happens: Callable[[], object]) -> None:
        self._happens = list(happens)

    def __call__(self, seconds: float) -> None:
        if not self._happens:
            raise TimeoutError
        self._happens.pop(0)()


def changes(path: Path, *happens: Callable[[], object]) -> int:
    """How many changes are noticed while *happens*."""
    watch = Watch(path, sleep=Sleeps(*happens))
    return sum(1 for _ in until_time_is_up(watch))


def until_time_is_up(watch: Watch) -> Iterator[None]:
    with contextlib.suppress(TimeoutError):
        yield from watch.changes()


def nothing() -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text("1")
    return tmp_path


def test_nothing_is_noticed_where_nothing_changes(folder: Path) -> None:
    assert changes(folder, nothing, nothing, nothing) == 0


def test_a_save_is_noticed_once(folder: Path) -> None:
    def save() -> None:
        (folder / "app.py").write_text("22")

    assert changes(folder, save, nothing, nothing, nothing) == 1


def test_a_save_in_several_steps_is_one_change(folder: Path) -> None:
    def begin() -> None:
        (folder / "app.py").unlink()

    def go_on() -> None:
        (folder / "app.py").write_text("")

    def finish() -> None:
        (folder / "app.py").write_text("whole")

    assert changes(folder, begin, go_on, finish, nothing, nothing, nothing) == 1


def test_new_files_removed_files_and_settings_count(folder: Path) -> None:
    assert changes(folder, lambda: (folder / "new.py").touch(), nothing, nothing) == 1
    assert changes(folder, lambda: (folder / "new.py").unlink(), nothing, nothing) == 1
    assert changes(folder, lambda: (folder / "wasmfaas.toml").touch(), nothing, nothing) == 1


def test_what_is_not_packaged_does_not_count(folder: Path) -> None:
    assert changes(folder, lambda: (folder / "__pycache__").mkdir(), nothing, nothing) == 0


def test_a_single_file_is_watched_also_while_it_is_gone(folder: Path) -> None:
    path = folder / "app.py"
    assert changes(path, path.unlink, nothing, nothing) == 1
    assert changes(path, lambda: path.write_text("22"), nothing, nothing) == 1
    assert changes(path, lambda: (folder / "other.py").touch(), nothing) == 0


def test_a_folder_that_cannot_be_packaged_is_a_change_not_an_end(folder: Path) -> None:
    link = folder / "loop"
    assert changes(folder, lambda: link.symlink_to(folder), nothing, nothing) == 1
    assert changes(folder, link.unlink, nothing, nothing) == 1
