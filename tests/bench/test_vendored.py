import io
import zipfile
from pathlib import Path

import pytest

from bench import imports
from bench.failures import NotMeasured
from bench.vendored import vendored


def test_what_was_fetched_once_is_taken_from_the_cache_without_what_a_guest_cannot_load(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "bench" / "vendored" / "one-two" / "package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_bytes(b"x = 1")
    (folder / "fast.so").write_bytes(b"\x7fELF")

    files = vendored(tmp_path, ("one", "two"), lambda text: None)

    assert files == {"package/__init__.py": b"x = 1"}


def test_what_pip_refuses_is_not_measured_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="could not fetch"):
        vendored(tmp_path, ("no such requirement",), lambda text: None)

    assert not list((tmp_path / "bench").rglob("*.part"))


def test_packages_that_could_not_be_fetched_are_not_imported() -> None:
    for files, is_there in (({}, False), ({"jinja2/__init__.py": b""}, True)):
        package = imports.package(files, "mark")
        with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
            source = archive.read("app.py").decode()

        assert ("import jinja2" in source) is is_there
        assert "import decimal" in source
