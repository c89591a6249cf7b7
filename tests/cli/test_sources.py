import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.sources import collect, matches


def names(folder: Path, *exclude: str) -> list[str]:
    return [source.name for source in collect(folder, exclude)]


def fill(folder: Path, *files: str) -> None:
    for file in files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("*.c", "handler.c", True),
        ("*.c", "src/deep/handler.c", True),
        ("*.c", "handler.cc", False),
        ("tests", "tests/test_app.py", True),
        ("tests/", "a/tests/test_app.py", True),
        ("/tests", "a/tests/test_app.py", False),
        ("/README.md", "README.md", True),
        ("/README.md", "pages/README.md", False),
        ("docs/*.md", "docs/a.md", True),
        ("docs/*.md", "docs/deep/a.md", False),
        ("docs/**/*.md", "docs/deep/er/a.md", True),
        ("docs/**/*.md", "docs/a.md", True),
        ("**/data", "a/b/data/c.bin", True),
        ("vendor/bin", "vendor/bin/tool", True),
        ("vendor/bin", "vendor/binary", False),
    ],
)
def test_patterns_work_as_in_a_gitignore(pattern: str, name: str, expected: bool) -> None:
    assert matches(pattern, name) is expected


def test_files_come_sorted_by_their_name_in_the_package(tmp_path: Path) -> None:
    fill(tmp_path, "b/z.py", "b.py", "a.py", "b/a.py")
    assert names(tmp_path) == ["a.py", "b.py", "b/a.py", "b/z.py"]


def test_state_of_other_tools_and_our_own_file_stay_out(tmp_path: Path) -> None:
    fill(tmp_path, "app.py", "wasmfaas.toml", ".git/config", ".venv/lib/x.py", "app.pyc")
    fill(tmp_path, "lib/__pycache__/a.cpython-311.pyc", "lib/a.py", "lib/wasmfaas.toml")
    assert names(tmp_path) == ["app.py", "lib/a.py", "lib/wasmfaas.toml"]


def test_excluded_files_and_folders_stay_out(tmp_path: Path) -> None:
    fill(tmp_path, "app.py", "README.md", "notes/README.md", "data/big.bin")
    assert names(tmp_path, "/README.md", "data") == ["app.py", "notes/README.md"]


def test_a_link_to_a_file_is_followed(tmp_path: Path) -> None:
    fill(tmp_path, "shared/lib.py", "function/app.py")
    (tmp_path / "function" / "lib.py").symlink_to(tmp_path / "shared" / "lib.py")
    assert names(tmp_path / "function") == ["app.py", "lib.py"]


def test_what_a_package_cannot_hold_is_refused_by_name(tmp_path: Path) -> None:
    makers: dict[str, Callable[[Path], None]] = {
        "loop": lambda path: path.symlink_to(path.parent),
        "gone": lambda path: path.symlink_to(path.parent / "nothing"),
        "pipe": os.mkfifo,
    }
    for name, make in makers.items():
        folder = tmp_path / f"holds-{name}"
        folder.mkdir()
        make(folder / name)
        with pytest.raises(Failure, match=f"{name} is "):
            collect(folder)
        assert collect(folder, [name]) == []


def test_a_name_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.py")).touch()
    with pytest.raises(Failure, match=r"\\xff\.py has a name that is not UTF-8"):
        collect(tmp_path)
