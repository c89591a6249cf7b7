"""The data directory: one server at a time, and never somebody else's files."""

import errno
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from wasmfaas.errors import DataDirectoryUnusable, ServiceFailure, StorageFull
from wasmfaas.store.datadir import DataDirectory, disk_errors

HOLDER = """
import sys, time
from pathlib import Path
from wasmfaas.store.datadir import DataDirectory
directory = DataDirectory.open(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(600)
"""


def test_a_new_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "a" / "data")
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in directory.path.iterdir()}
    assert stat.S_IMODE(directory.path.stat().st_mode) == 0o700
    assert modes == {"code": 0o700, "tasks": 0o700, "logs": 0o700, "journal": 0o700, "lock": 0o600}
    directory.close()
    directory.close()


def test_a_second_server_is_refused_until_the_first_is_gone_however_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "data"
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True
    )
    with holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DataDirectoryUnusable) as caught:
            DataDirectory.open(path)
        assert f"process {holder.pid}" in caught.value.message
        assert str(path) in caught.value.message
        assert "--data-dir" in caught.value.message
        holder.send_signal(signal.SIGKILL)
        holder.wait()
    DataDirectory.open(path).close()


def test_the_same_process_cannot_open_it_twice_either(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    with pytest.raises(DataDirectoryUnusable, match=f"process {os.getpid()}"):
        DataDirectory.open(tmp_path / "data")
    directory.close()
    DataDirectory.open(tmp_path / "data").close()


def test_a_child_process_does_not_keep_the_lock(tmp_path: Path) -> None:
    directory = DataDirectory.open(tmp_path / "data")
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        directory.close()
        DataDirectory.open(tmp_path / "data").close()
        child.communicate(b"\n")


def test_a_directory_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "mine.py").write_text("precious")
    with pytest.raises(DataDirectoryUnusable, match="not a data directory of wasmfaas"):
        DataDirectory.open(tmp_path)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["code", "mine.py"]


def test_an_empty_directory_that_is_there_is_used(tmp_path: Path) -> None:
    DataDirectory.open(tmp_path).close()
    DataDirectory.open(tmp_path).close()


def test_a_file_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    with pytest.raises(DataDirectoryUnusable, match="cannot be used"):
        DataDirectory.open(tmp_path / "data")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (errno.ENOSPC, StorageFull),
        (errno.EDQUOT, StorageFull),
        (errno.EFBIG, StorageFull),
        (errno.EIO, ServiceFailure),
        (errno.EACCES, ServiceFailure),
    ],
)
def test_errors_of_the_disk_are_told_apart(number: int, expected: type[Exception]) -> None:
    with pytest.raises(expected) as caught, disk_errors():
        raise OSError(number, os.strerror(number), "/secret/path")
    assert "/secret" not in str(caught.value)
