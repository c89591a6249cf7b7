import dataclasses
import hashlib
import io
import os
import random
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from wasmfaas.cli.failures import Failure
from wasmfaas.cli.packaging import Package, pack
from wasmfaas.cli.project import FunctionSettings
from wasmfaas.settings import Settings

HANDLER = "def lambda_handler(event, context):\n    return event\n"


def packed(path: Path, **limits: Any) -> Package:
    return pack(path, FunctionSettings(), dataclasses.replace(Settings(), **limits))


def contents(package: Package) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(package.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "hello"
    (made / "lib").mkdir(parents=True)
    (made / "app.py").write_text(HANDLER)
    (made / "lib" / "data.txt").write_text("data")
    return made


def test_a_folder_becomes_a_zip_of_its_files(folder: Path) -> None:
    package = packed(folder)
    assert contents(package) == {"app.py": HANDLER.encode(), "lib/data.txt": b"data"}
    assert (package.handler, package.runtime, package.files) == (
        "app.lambda_handler", "python3.14", 2,
    )  # fmt: skip


def test_the_same_files_give_the_same_bytes_whatever_their_dates_and_modes(folder: Path) -> None:
    first = packed(folder)
    os.utime(folder / "app.py", (1, 1))
    (folder / "app.py").chmod(0o700)
    (folder / "lib" / "__pycache__").mkdir()
    (folder / "wasmfaas.toml").write_text("memory_mb = 256\n")
    assert packed(folder).data == first.data
    (folder / "app.py").write_text(HANDLER + "\n")
    assert packed(folder).data != first.data


def test_a_package_knows_lambdas_name_for_its_content(folder: Path) -> None:
    package = packed(folder)
    assert package.sha256 == b64encode(hashlib.sha256(package.data).digest()).decode()


def test_a_single_file_is_a_package(tmp_path: Path) -> None:
    path = tmp_path / "hello.py"
    path.write_text(HANDLER)
    package = packed(path)
    assert contents(package) == {"hello.py": HANDLER.encode()}
    assert package.handler == "hello.lambda_handler"


def test_a_single_module_is_a_package_that_does_not_depend_on_its_name(tmp_path: Path) -> None:
    packages = []
    for name in ("my module v1.2.wasm", "other.wasm"):
        path = tmp_path / name
        path.write_bytes(b"\0asm\1\0\0\0")
        packages.append(packed(path))
    assert packages[0] == packages[1]
    assert (packages[0].handler, packages[0].runtime) == ("bootstrap", "provided.al2023")
    assert contents(packages[0]) == {"bootstrap.wasm": b"\0asm\1\0\0\0"}


def test_a_zip_is_sent_as_it_is(tmp_path: Path, folder: Path) -> None:
    path = tmp_path / "hello.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.mkdir("lib")
        archive.write(folder / "app.py", "app.py")
    package = packed(path)
    assert package.data == path.read_bytes()
    assert (package.handler, package.files) == ("app.lambda_handler", 1)


@pytest.mark.parametrize("data", [b"", b"PK\3\4 but not really", HANDLER.encode()])
def test_a_zip_that_cannot_be_read_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "hello.zip"
    path.write_bytes(data)
    with pytest.raises(Failure, match="is not a zip that can be read"):
        packed(path)


def test_a_zip_with_a_broken_entry_is_refused(tmp_path: Path, folder: Path) -> None:
    data = bytearray(packed(folder).data)
    data[40:60] = bytes(20)
    path = tmp_path / "hello.zip"
    path.write_bytes(data)
    with pytest.raises(Failure, match="is not a zip that can be read"):
        packed(path)


def test_what_is_no_package_is_refused_with_what_would_be(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"nothing.py does not exist"):
        packed(tmp_path / "nothing.py")
    (tmp_path / "handler.c").touch()
    with pytest.raises(Failure, match=r"give a .py file, a folder, a .zip or a .wasm module"):
        packed(tmp_path / "handler.c")
    (tmp_path / "my.app.py").write_text(HANDLER)
    with pytest.raises(Failure, match="rename it"):
        packed(tmp_path / "my.app.py")
    (tmp_path / "empty").mkdir()
    with pytest.raises(Failure, match=r"holds neither a Python file nor a .wasm module"):
        packed(tmp_path / "empty")


def test_too_much_unzipped_is_refused_and_the_largest_files_are_named(folder: Path) -> None:
    (folder / "big.bin").write_bytes(bytes(5000))
    assert packed(folder, unzipped_bytes_max=6000)
    with pytest.raises(Failure, match=r"at most 3.9 KB is accepted; .* big.bin \(4.9 KB\), ") as e:
        packed(folder, unzipped_bytes_max=4000)
    assert e.value.code == "PackageTooLarge"


def test_too_much_zipped_is_refused(folder: Path) -> None:
    (folder / "noise.bin").write_bytes(random.Random(1).randbytes(5000))
    with pytest.raises(Failure, match=r"zipped, but at most 3.9 KB is accepted"):
        packed(folder, zipped_bytes_max=4000)


def test_too_many_files_are_refused(folder: Path) -> None:
    with pytest.raises(Failure, match=r"holds 2 files, but at most 1"):
        packed(folder, package_entries_max=1)


def test_a_zip_is_held_to_the_limits_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "hello.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("app.py", HANDLER)
        archive.writestr("big.bin", bytes(100_000))
    with pytest.raises(Failure, match="unzipped, but at most"):
        packed(path, unzipped_bytes_max=50_000)
    with pytest.raises(Failure, match="zipped, but at most"):
        packed(path, zipped_bytes_max=100)
