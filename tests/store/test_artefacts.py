"""What is signed, what counts as tampered, and what a kill may leave behind."""

import json
import os
import shutil
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from wasmfaas.errors import ServiceFailure
from wasmfaas.models import Inspection, PackageKind
from wasmfaas.store.artefacts import Artefact, Artefacts

INSPECTION = Inspection(kind=PackageKind.REACTOR, memory_minimum_bytes=65536, has_init=True)
CODE = b"machine code " * 1000


@pytest.fixture
def cache_dir(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def publish(cache_dir: Path, digest: str = "ab" * 32, content: bytes = CODE) -> Artefact:
    """An artefact of *content*, made as a compiler's server does."""
    artefacts = Artefacts(cache_dir)
    name = artefacts.name_for(digest)
    with artefacts.lock(name) as lock:
        assert lock.try_acquire()
        built = artefacts.building_path(name) / "module"
        built.write_bytes(content)
        return artefacts.publish(name, built, INSPECTION)


def lookup(cache_dir: Path, artefact: Artefact) -> Artefact | None:
    """As another process finds it."""
    return Artefacts(cache_dir).lookup(artefact.name)


def record_of(artefact: Artefact) -> Path:
    return artefact.path.with_suffix(".json")


def test_what_was_published_is_found(cache_dir: Path) -> None:
    artefact = publish(cache_dir)
    assert artefact.path.read_bytes() == CODE
    assert artefact.kind is PackageKind.REACTOR
    assert lookup(cache_dir, artefact) == artefact


def test_a_file_that_nobody_touched_is_not_read_again(
    cache_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artefact = publish(cache_dir)
    with monkeypatch.context() as patched:
        patched.setattr("wasmfaas.store.artefacts._digest", lambda path: "00" * 32)
        assert lookup(cache_dir, artefact) == artefact


def test_a_copy_is_as_good_once_it_has_been_read(cache_dir: Path) -> None:
    artefact = publish(cache_dir)
    copy = artefact.path.with_name("copy")
    shutil.copy2(artefact.path, copy)
    copy.replace(artefact.path)
    assert lookup(cache_dir, artefact) == artefact
    flip(artefact.path)
    assert lookup(cache_dir, artefact) is None


def test_times_that_were_set_back_hide_no_change(cache_dir: Path) -> None:
    artefact = publish(cache_dir)
    status = artefact.path.stat()
    flip(artefact.path)
    os.utime(artefact.path, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert lookup(cache_dir, artefact) is None


def test_nothing_is_found_where_nothing_was_published(cache_dir: Path) -> None:
    artefacts = Artefacts(cache_dir)
    assert artefacts.lookup(artefacts.name_for("00" * 32)) is None


def test_names_differ_by_module_only(cache_dir: Path) -> None:
    artefacts = Artefacts(cache_dir)
    names = {artefacts.name_for(digest) for digest in ("aa" * 32, "bb" * 32)}
    assert len(names) == 2
    assert names == {Artefacts(cache_dir).name_for(digest) for digest in ("aa" * 32, "bb" * 32)}


def test_names_change_with_the_engine(cache_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = Artefacts(cache_dir).name_for("aa" * 32)
    monkeypatch.setattr("wasmfaas.abi.ENGINE_CONFIGURATION", "another")
    assert Artefacts(cache_dir).name_for("aa" * 32) != before


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def edit_record(**members: object) -> Callable[[Artefact], None]:
    def edit(artefact: Artefact) -> None:
        record = json.loads(record_of(artefact).read_text())
        record_of(artefact).write_text(json.dumps(record | members))

    return edit


def claim_more_memory(artefact: Artefact) -> None:
    record = json.loads(record_of(artefact).read_text())
    record["inspection"]["memory_minimum_bytes"] = 0
    record_of(artefact).write_text(json.dumps(record))


def link_elsewhere(artefact: Artefact) -> None:
    elsewhere = artefact.path.with_name("elsewhere")
    artefact.path.rename(elsewhere)
    artefact.path.symlink_to(elsewhere)


@pytest.mark.parametrize(
    "tamper",
    [
        lambda artefact: flip(artefact.path),
        lambda artefact: os.truncate(artefact.path, len(CODE) - 1),
        lambda artefact: os.truncate(artefact.path, 0),
        lambda artefact: artefact.path.unlink(),
        lambda artefact: record_of(artefact).unlink(),
        lambda artefact: os.truncate(record_of(artefact), 20),
        lambda artefact: record_of(artefact).write_text("[]"),
        lambda artefact: record_of(artefact).write_text("{}"),
        lambda artefact: record_of(artefact).write_bytes(b"\xff" * 100),
        lambda artefact: record_of(artefact).write_text("[" * 60_000),
        edit_record(sha256="00" * 32),
        edit_record(identity=[0] * 5),
        edit_record(mac="00" * 32),
        edit_record(mac=None),
        edit_record(mac="\N{SNOWMAN}"),
        edit_record(more=1),
        claim_more_memory,
        link_elsewhere,
    ],
)
def test_what_was_tampered_with_is_not_returned(
    cache_dir: Path, tamper: Callable[[Artefact], None]
) -> None:
    artefact = publish(cache_dir)
    tamper(artefact)
    assert lookup(cache_dir, artefact) is None
    assert lookup(cache_dir, publish(cache_dir)) == artefact


def test_an_artefact_does_not_pass_for_another(cache_dir: Path) -> None:
    first, second = publish(cache_dir, "aa" * 32), publish(cache_dir, "bb" * 32, b"other")
    shutil.copy(first.path, second.path)
    shutil.copy(record_of(first), record_of(second))
    assert lookup(cache_dir, second) is None


def test_another_installations_signature_does_not_count(cache_dir: Path, tmp_path: Path) -> None:
    artefact = publish(tmp_path / "theirs")
    publish(cache_dir)
    shutil.copytree(tmp_path / "theirs" / "artefacts", cache_dir / "artefacts", dirs_exist_ok=True)
    assert lookup(cache_dir, artefact) is None


def test_a_change_after_the_first_lookup_is_noticed(cache_dir: Path) -> None:
    artefact = publish(cache_dir)
    artefacts = Artefacts(cache_dir)
    assert artefacts.lookup(artefact.name) == artefact
    flip(artefact.path)
    assert artefacts.lookup(artefact.name) is None
    artefact.path.unlink()
    assert artefacts.lookup(artefact.name) is None


def test_a_key_that_others_can_read_is_replaced(cache_dir: Path) -> None:
    artefact = publish(cache_dir)
    key = cache_dir / "artefact.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(key.read_bytes()) == 32
    before = key.read_bytes()
    key.chmod(0o644)
    assert lookup(cache_dir, artefact) is None
    assert key.read_bytes() != before
    assert stat.S_IMODE(key.stat().st_mode) == 0o600


def test_a_key_of_the_wrong_length_is_replaced(cache_dir: Path) -> None:
    publish(cache_dir)
    key = cache_dir / "artefact.key"
    key.write_bytes(b"")
    artefact = publish(cache_dir)
    assert len(key.read_bytes()) == 32
    assert lookup(cache_dir, artefact) == artefact


def test_all_who_come_first_agree_on_one_key(cache_dir: Path) -> None:
    Artefacts(cache_dir)
    digests = [f"{number:064x}" for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda digest: publish(cache_dir, digest), digests))
    assert [lookup(cache_dir, artefact) for artefact in made] == made
    names = {path.name for path in cache_dir.iterdir()}
    assert names == {"artefact.key", "artefacts"}


def test_what_a_killed_build_left_is_removed(cache_dir: Path) -> None:
    artefacts = Artefacts(cache_dir)
    dead = artefacts.building_path("dead")
    (dead / "module").write_bytes(b"half")
    alive = artefacts.building_path("alive")
    with artefacts.lock("alive") as lock:
        assert lock.try_acquire()
        Artefacts(cache_dir)
        assert not dead.exists()
        assert alive.exists()


def test_files_without_a_record_do_not_count(cache_dir: Path) -> None:
    """As a kill between the two renames leaves them, over an older pair too."""
    artefact = publish(cache_dir)
    artefact.path.write_bytes(b"newer code, not recorded yet")
    assert lookup(cache_dir, artefact) is None


@pytest.mark.parametrize("left", ["nothing", "folder", "symlink"])
def test_only_a_plain_file_is_published(cache_dir: Path, left: str) -> None:
    artefacts = Artefacts(cache_dir)
    folder = artefacts.building_path("name")
    if left == "folder":
        (folder / "module").mkdir()
    elif left == "symlink":
        (folder / "module").symlink_to("/etc/passwd")
    with pytest.raises(ServiceFailure, match="left no result"):
        artefacts.publish("name", folder / "module", INSPECTION)
    assert artefacts.lookup("name") is None


def test_the_directory_is_private(cache_dir: Path) -> None:
    publish(cache_dir)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (cache_dir, cache_dir / "artefacts")}
    assert modes == {0o700}


def test_a_cache_that_cannot_be_used_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ServiceFailure, match="cache directory cannot be used"):
        Artefacts(tmp_path / "file" / "cache")


def test_what_is_long_unused_is_removed_unless_another_server_uses_it(cache_dir: Path) -> None:
    used, elsewhere, unused = (publish(cache_dir, digest * 32) for digest in ("ab", "cd", "ef"))
    artefacts = Artefacts(cache_dir)
    for artefact in (used, elsewhere, unused):
        os.utime(record_of(artefact), (0, 0))
    # Another server that shares the directory says what it uses.
    Artefacts(cache_dir).sweep({elsewhere.name}, float("inf"))

    artefacts.sweep({used.name}, 3600)

    assert lookup(cache_dir, unused) is None
    assert not unused.path.exists()
    for artefact in (used, elsewhere):
        assert lookup(cache_dir, artefact) == artefact
