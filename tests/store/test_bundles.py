"""Packages: what is accepted comes out as it went in; what is not is refused with a reason."""

import io
import os
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.store.zips import Archive, Member, archive, deflated, quoted_overlap_bomb
from wasmfaas.errors import InvalidParameterValue, RequestEntityTooLarge, WasmfaasError
from wasmfaas.settings import Settings
from wasmfaas.store import bundles, zipformat

LIMITS = Settings()
REFUSED = "Could not unzip uploaded file. Please check your file, then try to upload again."

_characters = st.characters(
    codec="utf-8", exclude_characters="/\\:", exclude_categories=("Cc", "Cs")
)
_parts = st.text(_characters, min_size=1, max_size=8).filter(lambda part: part not in (".", ".."))
_trees = st.dictionaries(
    st.lists(_parts, min_size=1, max_size=3).map("/".join), st.binary(max_size=2000), min_size=1
).filter(lambda tree: not any(f"{one}/" in other for one in tree for other in tree))


class Unseekable(io.RawIOBase):
    """Makes `zipfile` write sizes after the content, as a stream does."""

    def __init__(self) -> None:
        self.written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        self.written += bytes(data)  # type: ignore[call-overload]
        return len(bytes(data))  # type: ignore[call-overload]


def zipped(tree: dict[str, bytes], *, method: int, streamed: bool, zip64: bool) -> bytes:
    target = Unseekable()
    buffer = io.BytesIO()
    with zipfile.ZipFile(target if streamed else buffer, "w", method) as made:
        for name, content in tree.items():
            with made.open(zipfile.ZipInfo(name), "w", force_zip64=zip64) as member:
                member.write(content)
    return bytes(target.written) if streamed else buffer.getvalue()


def files_below(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }


def unpacked(package: bytes, target: Path, limits: Settings = LIMITS) -> dict[str, bytes]:
    target.mkdir()
    bundles.unpack(package, target, limits)
    return files_below(target)


@settings(max_examples=60, deadline=None)
@given(
    tree=_trees,
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
    streamed=st.booleans(),
    zip64=st.booleans(),
)
def test_any_ordinary_package_comes_out_as_it_went_in(
    tmp_path_factory: pytest.TempPathFactory,
    tree: dict[str, bytes],
    method: int,
    streamed: bool,
    zip64: bool,
) -> None:
    package = zipped(tree, method=method, streamed=streamed, zip64=zip64)
    manifest = bundles.inspect(package, LIMITS)
    assert sorted(manifest.files) == sorted(tree)
    assert manifest.unzipped_bytes == sum(map(len, tree.values()))
    assert manifest.zipped_bytes == len(package)
    assert unpacked(package, tmp_path_factory.mktemp("zip") / "task") == tree


def test_folders_are_kept_and_everything_is_read_only(tmp_path: Path) -> None:
    package = archive(
        Member(b"./", mode=stat.S_IFDIR | 0o755),
        Member(b"empty/", mode=stat.S_IFDIR | 0o755),
        Member(b"./a/b/app.py", b"x = 1", mode=stat.S_IFREG | 0o4777),
    )
    assert unpacked(package, tmp_path / "task") == {"a/b/app.py": b"x = 1"}
    modes = {
        path.relative_to(tmp_path).as_posix(): stat.S_IMODE(path.stat().st_mode)
        for path in [tmp_path / "task", *(tmp_path / "task").rglob("*")]
    }
    assert modes == {
        "task": 0o555,
        "task/a": 0o555,
        "task/a/b": 0o555,
        "task/a/b/app.py": 0o444,
        "task/empty": 0o555,
    }


def test_names_in_utf8_code_page_and_unicode_extra_field() -> None:
    extra = b"\x01" + struct.pack("<L", zlib.crc32(b"caf?")) + "café".encode()
    stale = b"\x01" + struct.pack("<L", 1) + b"other"
    package = archive(
        Member("naïve.py".encode()),
        Member(b"\x9b.txt"),
        Member(b"caf?", extra=struct.pack("<2H", 0x7075, len(extra)) + extra),
        Member(b"same", extra=struct.pack("<2H", 0x7075, len(stale)) + stale),
    )
    assert bundles.inspect(package, LIMITS).files == ("naïve.py", "¢.txt", "café", "same")


@pytest.mark.parametrize("data", [b"", b"x", b"PK\x05\x06", b"not a zip" * 100])
def test_what_is_no_zip_gets_lambdas_words(data: bytes) -> None:
    with pytest.raises(InvalidParameterValue) as caught:
        bundles.inspect(data, LIMITS)
    assert caught.value.message == REFUSED


def test_a_file_object_is_read_like_bytes() -> None:
    package = archive(Member(b"app.py", b"x"))
    assert bundles.inspect(io.BytesIO(package), LIMITS).files == ("app.py",)


def _zip64(**fields: int) -> bytes:
    return Archive([Member(b"a", b"x")], zip64=fields).build()


def _shared_header() -> bytes:
    return archive(Member(b"a", b"x" * 50), Member(b"b", b"", offset=0, local_name=b"a"))


def _unicode_path(name: bytes) -> bytes:
    extra = b"\x01" + struct.pack("<L", zlib.crc32(b"app.py")) + name
    return archive(Member(b"app.py", extra=struct.pack("<2H", 0x7075, len(extra)) + extra))


BAD: dict[str, tuple[Callable[[], bytes], str]] = {
    "traversal": (lambda: archive(Member(b"../evil")), "leads out of the package"),
    "traversal inside": (lambda: archive(Member(b"a/../../evil")), "leads out of the package"),
    "traversal folder": (lambda: archive(Member(b"..", b"")), "leads out of the package"),
    "absolute": (lambda: archive(Member(b"/etc/passwd")), "is absolute"),
    "drive": (lambda: archive(Member(b"C:evil")), "starts with a drive"),
    "backslash": (lambda: archive(Member(b"a\\b")), "has a backslash"),
    "NUL": (lambda: archive(Member(b"app.py\x00.txt")), "has a control character"),
    "newline": (lambda: archive(Member(b"a\nb")), "has a control character"),
    "C1 control": (lambda: archive(Member("a\x85".encode())), "has a control character"),
    "empty name": (lambda: archive(Member(b"")), "is empty"),
    "dot": (lambda: archive(Member(b".")), "has no name"),
    "empty part": (lambda: archive(Member(b"a//b")), "has an empty part"),
    "long part": (lambda: archive(Member(b"a" * 256)), "longer than 255 bytes"),
    "long part in UTF-8": (lambda: archive(Member("é".encode() * 128)), "longer than 255 bytes"),
    "long path": (
        lambda: archive(Member(b"a/" * 513 + b"a")),
        "a name of 1027 bytes; at most 1024",
    ),
    "deep": (lambda: archive(Member(b"a/" * 64 + b"a")), "deeper than 64 folders"),
    "bad UTF-8": (lambda: archive(Member(b"\xff", flags=0x800)), "not UTF-8"),
    "unicode path": (lambda: _unicode_path(b"../evil"), "leads out of the package"),
    "unicode NUL": (lambda: _unicode_path(b"app.py\x00"), "has a control character"),
    "symlink": (
        lambda: archive(Member(b"l", b"/etc/passwd", mode=0o120777)),
        "is a symbolic link",
    ),
    "device": (lambda: archive(Member(b"d", mode=0o020666)), "is a special file"),
    "fifo": (lambda: archive(Member(b"d", mode=0o010666)), "is a special file"),
    "encrypted": (lambda: archive(Member(b"a", b"x", flags=1)), "is encrypted"),
    "strongly encrypted": (lambda: archive(Member(b"a", b"x", flags=0x41)), "is encrypted"),
    "bzip2": (lambda: archive(Member(b"a", b"x", method=12)), "compressed with method 12"),
    "newer format": (lambda: archive(Member(b"a", version=64)), "needs version 6.4"),
    "duplicate": (lambda: archive(Member(b"a"), Member(b"a")), "two entries named 'a'"),
    "duplicate by dot": (lambda: archive(Member(b"a"), Member(b"./a")), "two entries named 'a'"),
    "duplicate folder": (
        lambda: archive(Member(b"a/", mode=0), Member(b"a/", mode=0)),
        "two entries named 'a'",
    ),
    "file then folder": (lambda: archive(Member(b"a"), Member(b"a/b")), "both a file and a folder"),
    "folder then file": (
        lambda: archive(Member(b"a/b/c"), Member(b"a/b")),
        "both a file and a folder",
    ),
    "folder and file": (
        lambda: archive(Member(b"a/", mode=0), Member(b"a")),
        "two entries named 'a'",
    ),
    "folder with content": (lambda: archive(Member(b"a/", b"x", mode=0)), "folder with content"),
    "folder in disguise": (lambda: archive(Member(b"a", mode=0o040755)), "the name of a file"),
    "bad CRC": (lambda: archive(Member(b"a", b"x", crc=1)), "checksum does not match"),
    "bad CRC deflated": (
        lambda: archive(Member(b"a", b"x" * 99, method=8, crc=1)),
        "checksum does not match",
    ),
    "larger than stated": (
        lambda: archive(Member(b"a", b"x" * 5000, method=8, size=10)),
        "larger than the 10 bytes that it states",
    ),
    "smaller than stated": (
        lambda: archive(Member(b"a", b"x" * 10, method=8, size=11)),
        "states 11 bytes but has 10",
    ),
    "stored with two sizes": (lambda: archive(Member(b"a", b"xx", size=3)), "states two sizes"),
    "cut deflate stream": (
        lambda: archive(Member(b"a", b"abc" * 99, method=8, packed=deflated(b"abc" * 99)[:-3])),
        "is damaged",
    ),
    "padded deflate stream": (
        lambda: archive(Member(b"a", b"abc", method=8, packed=deflated(b"abc") + b"junk")),
        "cut or padded",
    ),
    "broken deflate stream": (
        lambda: archive(Member(b"a", b"abc", method=8, packed=b"\xff\xff")),
        "is damaged",
    ),
    "local name differs": (
        lambda: archive(Member(b"good.py", b"x", local_name=b"evil.py")),
        "described in two ways",
    ),
    "local size differs": (
        lambda: archive(Member(b"a", b"x", local_size=2)),
        "described in two ways",
    ),
    "local method differs": (
        lambda: archive(Member(b"a", b"x", local_method=8)),
        "described in two ways",
    ),
    "same local header twice": (_shared_header, "described in two ways"),
    "entries that share data": (
        lambda: archive(
            Member(b"a", Member(b"b", b"x").local() + b"tail"),
            Member(b"b", b"x", packed=b"x", offset=31),
        ),
        "overlaps",
    ),
    "quoted overlap bomb": (lambda: quoted_overlap_bomb(50, bytes(100_000)), "overlaps"),
    "offset outside": (lambda: archive(Member(b"a", offset=9999)), "is not where the archive says"),
    "data past the entries": (
        lambda: archive(Member(b"a", b"x", packed_size=500, size=500)),
        "reaches past the end",
    ),
    "count too small": (
        lambda: Archive([Member(b"a"), Member(b"b")], count=1).build(),
        "more than its entries",
    ),
    "count too large": (
        lambda: Archive([Member(b"a")], count=2).build(),
        "central directory is damaged",
    ),
    "junk before the end": (
        lambda: Archive([Member(b"a")], before_end=b"junk").build(),
        "not where the archive says",
    ),
    "prefix not counted": (
        lambda: Archive([Member(b"a")], prefix=b"#!/bin/sh\n", directory_offset=31).build(),
        "not where the archive says",
    ),
    "several volumes": (lambda: Archive([Member(b"a")], volume=1).build(), "several volumes"),
    "entry on another volume": (lambda: archive(Member(b"a", volume=3)), "several volumes"),
    "zip64 record elsewhere": (lambda: _zip64(locator_offset=0), "zip64 record is not where"),
    "zip64 contradicts count": (lambda: _zip64(count=7), "contradicts"),
    "zip64 contradicts offset": (lambda: _zip64(directory_offset=0), "contradicts"),
    "zip64 of another size": (lambda: _zip64(size=60), "zip64 record is not where"),
    "zip64 of several volumes": (lambda: _zip64(volumes=2), "several volumes"),
    "zip64 sizes missing": (
        lambda: archive(Member(b"a", b"x", size=0xFFFFFFFF)),
        "lacks its zip64 sizes",
    ),
    "damaged extra field": (
        lambda: archive(Member(b"a", b"x", extra=struct.pack("<2H", 1, 99))),
        "extra field is damaged",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_package_is_refused_with_the_reason(case: str, tmp_path: Path) -> None:
    make, reason = BAD[case]
    package = make()
    with pytest.raises(InvalidParameterValue) as caught:
        bundles.inspect(package, LIMITS)
    assert caught.value.message.startswith(REFUSED)
    assert reason in caught.value.message
    (tmp_path / "task").mkdir()
    with pytest.raises(InvalidParameterValue) as again:
        bundles.unpack(package, tmp_path / "task", LIMITS)
    assert reason in again.value.message
    assert [path.name for path in tmp_path.iterdir()] == ["task"]


@pytest.mark.parametrize("package", [Archive(suffix=b"x").build(), Archive(comment_size=9).build()])
def test_what_follows_the_end_record_is_refused(package: bytes) -> None:
    with pytest.raises(InvalidParameterValue, match="Could not unzip"):
        bundles.inspect(package, LIMITS)


def test_consistent_zip64_records_comments_and_prefixes_are_fine() -> None:
    made = Archive([Member(b"a", b"x")], zip64={}, comment=b"PK\x05\x06 hello", prefix=b"#!/bin/sh")
    assert bundles.inspect(made.build(), LIMITS).files == ("a",)


def test_an_empty_archive_is_refused() -> None:
    with pytest.raises(InvalidParameterValue, match="non-empty zip"):
        bundles.inspect(archive(), LIMITS)


def test_too_large_zipped() -> None:
    package = archive(Member(b"a", b"x"))
    at_limit = Settings(zipped_bytes_max=len(package))
    assert bundles.inspect(package, at_limit).files == ("a",)
    over = Settings(zipped_bytes_max=len(package) - 1)
    for source in (package, io.BytesIO(package)):
        with pytest.raises(RequestEntityTooLarge) as caught:
            bundles.inspect(source, over)
        assert caught.value.message == (
            f"Zipped size must be smaller than {len(package) - 1} bytes"
        )


def test_too_large_unzipped() -> None:
    limits = Settings(unzipped_bytes_max=4000)
    exact = archive(Member(b"a", os.urandom(1000)), Member(b"b", os.urandom(3000)))
    assert bundles.inspect(exact, limits).unzipped_bytes == 4000
    over = archive(Member(b"a", os.urandom(1000)), Member(b"b", os.urandom(3001)))
    with pytest.raises(InvalidParameterValue) as caught:
        bundles.inspect(over, limits)
    assert caught.value.message == "Unzipped size must be smaller than 4000 bytes"


def test_a_lying_header_does_not_get_more_unzipped_than_it_states() -> None:
    bomb = Member(b"b", bytes(5_000_000), method=8, size=2000)
    data = memoryview(archive(bomb))
    pieces = zipformat.content(data, zipformat.entries(data, 10)[0])
    with pytest.raises(zipformat.BadArchive, match="larger than the 2000 bytes"):
        next(pieces)


def test_a_ratio_bomb_is_refused_and_a_small_compressible_package_is_not() -> None:
    small = archive(Member(b"a", bytes(1024 * 1024), method=8))
    assert bundles.inspect(small, LIMITS).unzipped_bytes == 1024 * 1024
    bomb = archive(Member(b"a", bytes(1024 * 1024 + 1), method=8))
    with pytest.raises(InvalidParameterValue, match="more than 200 times"):
        bundles.inspect(bomb, LIMITS)


def test_too_many_entries_and_too_many_implied_folders() -> None:
    limits = Settings(package_entries_max=10)
    fits = archive(*(Member(f"{n}".encode()) for n in range(10)))
    assert len(bundles.inspect(fits, limits).files) == 10
    with pytest.raises(InvalidParameterValue, match="11 entries; at most 10"):
        bundles.inspect(archive(*(Member(f"{n}".encode()) for n in range(11))), limits)
    with pytest.raises(InvalidParameterValue, match="more than 10 files and folders"):
        bundles.inspect(archive(Member(b"/".join([b"a"] * 11))), limits)


def _mutations(package: bytes) -> st.SearchStrategy[bytes]:
    def mutate(edits: list[tuple[int, int]], cut: int) -> bytes:
        changed = bytearray(package)
        for at, value in edits:
            changed[at % len(changed)] = value
        return bytes(changed[: len(changed) - cut])

    edits = st.lists(st.tuples(st.integers(0, len(package)), st.integers(0, 255)), max_size=4)
    return st.builds(mutate, edits, st.sampled_from([0, 0, 0, 0, 1, 22]))


VALID = zipped(
    {"app.py": b"def handler(e, c): return e\n" * 9, "data/deep/x.bin": bytes(range(256))},
    method=zipfile.ZIP_DEFLATED,
    streamed=False,
    zip64=True,
)


@settings(max_examples=400, deadline=None)
@given(package=st.one_of(_mutations(VALID), st.binary(max_size=300)))
def test_a_damaged_package_is_refused_or_means_what_others_read_in_it(
    tmp_path_factory: pytest.TempPathFactory, package: bytes
) -> None:
    try:
        manifest = bundles.inspect(package, LIMITS)
    except WasmfaasError as error:
        assert error.status in (400, 413)  # noqa: PT017
        return
    root = tmp_path_factory.mktemp("zip")
    ours = unpacked(package, root / "task")
    assert sorted(ours) == sorted(manifest.files)
    assert [path.name for path in root.iterdir()] == ["task"]
    with zipfile.ZipFile(io.BytesIO(package)) as other:
        theirs = {name.removeprefix("./"): other.read(name) for name in other.namelist()}
    assert {name: data for name, data in theirs.items() if not name.endswith("/")} == ours
