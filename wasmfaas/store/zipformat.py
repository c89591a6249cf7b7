"""A strict reader of the zip format: an archive that can be read in two ways is refused.

Every header is read from the bytes, checked against its double and bounded before use; no size
that an archive states is trusted. Python's `zipfile` is more forgiving: it lets entries share
bytes (CVE-2024-0450), reads zip64 records from elsewhere than the archive says (CVE-2025-8291)
and cuts names at a NUL.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

_END: Final = struct.Struct("<4s4H2LH")
_END_64: Final = struct.Struct("<4sQ2H2L4Q")
_LOCATOR_64: Final = struct.Struct("<4sLQL")
_CENTRAL: Final = struct.Struct("<4s6H3L5H2L")
_LOCAL: Final = struct.Struct("<4s5H3L2H")
_EXTRA: Final = struct.Struct("<2H")

_COMMENT_BYTES_MAX: Final = 0xFFFF
_NAME_BYTES_MAX: Final = 1024
#: A 16 or 32 bit field with all bits set says that the value is in a zip64 record.
_IN_ZIP64_16: Final = 0xFFFF
_IN_ZIP64_32: Final = 0xFFFFFFFF
_EXTRA_ZIP64: Final = 0x0001
_EXTRA_UNICODE_PATH: Final = 0x7075

#: Encrypted, patch data, strongly encrypted, masked headers.
_FLAGS_ENCRYPTED: Final = 0x0001 | 0x0040 | 0x2000
_FLAG_PATCH: Final = 0x0020
_FLAG_SIZES_FOLLOW: Final = 0x0008
_FLAG_UTF8: Final = 0x0800

#: Version 6.3 of the format, the newest that programs write.
_VERSION_MAX: Final = 63
_STORED: Final = 0
_DEFLATED: Final = 8
_CHUNK_BYTES: Final = 256 * 1024


class BadArchive(Exception):
    """The bytes are not an archive that we read; the message says why, for people."""


class NotAnArchive(BadArchive):
    """The bytes do not end as a zip archive does."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One file or folder of an archive, as its central directory describes it."""

    name: str
    method: int
    crc: int
    size_bytes: int
    packed_bytes: int
    #: Type and permission bits on Unix; 0 where they are not known.
    mode: int
    header_offset: int
    data_offset: int


@dataclass(frozen=True, slots=True)
class _End:
    count: int
    directory_bytes: int
    directory_offset: int


def entries(data: memoryview, entries_max: int) -> list[Entry]:
    """The entries of the archive *data*, in the order of its central directory.

    Raises NotAnArchive, or BadArchive for an archive that is damaged, ambiguous, encrypted, has
    entries that overlap, or has more entries than *entries_max*.
    """
    end = _end(data)
    if end.count > entries_max:
        raise BadArchive(f"It has {end.count} entries; at most {entries_max} are accepted.")
    found = list(_directory(data, end))
    reached = 0
    for entry in sorted(found, key=lambda entry: entry.header_offset):
        if entry.header_offset < reached:
            raise BadArchive(f"Entry {entry.name!r} overlaps another entry.")
        reached = entry.data_offset + entry.packed_bytes
    if reached > end.directory_offset:
        raise BadArchive("The last entry overlaps the central directory.")
    return found


def content(data: memoryview, entry: Entry) -> Iterator[bytes]:
    """The bytes of *entry* in pieces of at most 256 KiB, never more than its stated size.

    Raises BadArchive, possibly after the first pieces, where the content does not decompress, is of
    another size than stated, or fails its checksum.
    """
    packed = data[entry.data_offset : entry.data_offset + entry.packed_bytes]
    count = crc = 0
    pieces = _stored(packed) if entry.method == _STORED else _inflated(packed, entry)
    for piece in pieces:
        count += len(piece)
        if count > entry.size_bytes:
            raise BadArchive(
                f"Entry {entry.name!r} is larger than the {entry.size_bytes} bytes that it states."
            )
        crc = zlib.crc32(piece, crc)
        yield piece
    if count != entry.size_bytes:
        raise BadArchive(f"Entry {entry.name!r} states {entry.size_bytes} bytes but has {count}.")
    if crc != entry.crc:
        raise BadArchive(f"Entry {entry.name!r} is damaged: its checksum does not match.")


def _stored(packed: memoryview) -> Iterator[bytes]:
    for start in range(0, len(packed), _CHUNK_BYTES):
        yield bytes(packed[start : start + _CHUNK_BYTES])


def _inflated(packed: memoryview, entry: Entry) -> Iterator[bytes]:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    rest: bytes | memoryview = b""
    start = 0
    try:
        while not inflater.eof and (rest or start < len(packed)):
            if not rest:
                rest = packed[start : start + _CHUNK_BYTES]
                start += len(rest)
            yield inflater.decompress(rest, _CHUNK_BYTES)
            rest = inflater.unconsumed_tail
        while not inflater.eof and (piece := inflater.decompress(b"", _CHUNK_BYTES)):
            yield piece
    except zlib.error as error:
        raise BadArchive(f"Entry {entry.name!r} is damaged: {error}.") from error
    if not inflater.eof or inflater.unused_data or start < len(packed):
        raise BadArchive(f"Entry {entry.name!r} is damaged: its compressed data is cut or padded.")


def _end(data: memoryview) -> _End:
    """Where the central directory is, by the record at the archive's very end."""
    tail_offset = max(0, len(data) - _END.size - _COMMENT_BYTES_MAX)
    tail = bytes(data[tail_offset:])
    at = len(tail)
    while (at := tail.rfind(b"PK\x05\x06", 0, at + 3)) >= 0:
        if len(tail) - at >= _END.size:
            fields = _END.unpack_from(tail, at)
            if at + _END.size + fields[7] == len(tail):
                return _checked_end(data, tail_offset + at, fields)
        if at == 0:
            break
    raise NotAnArchive("It does not end as a zip archive does.")


def _checked_end(data: memoryview, offset: int, fields: tuple[int, ...]) -> _End:
    _, disk, first_disk, count_here, count, directory_bytes, directory_offset, _ = fields
    if disk != first_disk or count_here != count or disk not in (0, _IN_ZIP64_16):
        raise BadArchive("It spans several volumes.")
    end = _End(count, directory_bytes, directory_offset)
    start = offset
    if bytes(data[max(0, offset - _LOCATOR_64.size) : offset][:4]) == b"PK\x06\x07":
        start = offset - _LOCATOR_64.size - _END_64.size
        end = _end_64(data, start, end)
    if end.directory_offset + end.directory_bytes != start:
        raise BadArchive("Its central directory is not where the archive says.")
    return end


def _end_64(data: memoryview, offset: int, end: _End) -> _End:
    """*end* with what the zip64 record at *offset* adds; both must tell one story."""
    if offset < 0:
        raise BadArchive("Its zip64 record is cut.")
    _, disk, stated_offset, disks = _LOCATOR_64.unpack_from(data, offset + _END_64.size)
    magic, size, _, _, this_disk, first_disk, here, count, directory_bytes, directory_offset = (
        _END_64.unpack_from(data, offset)
    )
    if magic != b"PK\x06\x06" or stated_offset != offset or size != _END_64.size - 12:
        raise BadArchive("Its zip64 record is not where the archive says.")
    if disk or this_disk or first_disk or disks > 1 or here != count:
        raise BadArchive("It spans several volumes.")
    for plain, unknown, large in (
        (end.count, _IN_ZIP64_16, count),
        (end.directory_bytes, _IN_ZIP64_32, directory_bytes),
        (end.directory_offset, _IN_ZIP64_32, directory_offset),
    ):
        if plain not in (unknown, large):
            raise BadArchive("Its zip64 record contradicts its end record.")
    return _End(count, directory_bytes, directory_offset)


def _directory(data: memoryview, end: _End) -> Iterator[Entry]:
    at = end.directory_offset
    stop = at + end.directory_bytes
    for _ in range(end.count):
        fields = _CENTRAL.unpack_from(data, at) if stop - at >= _CENTRAL.size else (b"",)
        if fields[0] != b"PK\x01\x02":
            raise BadArchive("Its central directory is damaged.")
        name_bytes, extra_bytes, comment_bytes = fields[10:13]
        name_at = at + _CENTRAL.size
        extra_at = name_at + name_bytes
        at = extra_at + extra_bytes + comment_bytes
        if at > stop:
            raise BadArchive("Its central directory is damaged.")
        yield _entry(
            data,
            fields,
            bytes(data[name_at:extra_at]),
            bytes(data[extra_at : extra_at + extra_bytes]),
            end.directory_offset,
        )
    if at != stop:
        raise BadArchive("Its central directory holds more than its entries.")


def _entry(
    data: memoryview, fields: tuple[int, ...], raw_name: bytes, raw_extra: bytes, limit: int
) -> Entry:
    version, flags, method, _, _, crc, packed_bytes, size_bytes = fields[2:10]
    disk, _, attributes, header_offset = fields[13:17]
    extra = _extra(raw_extra)
    name = _name(raw_name, flags, extra)
    size_bytes, packed_bytes, header_offset = _large(
        name, extra, (size_bytes, packed_bytes, header_offset)
    )
    if flags & _FLAGS_ENCRYPTED:
        raise BadArchive(f"Entry {name!r} is encrypted.")
    if flags & _FLAG_PATCH or method not in (_STORED, _DEFLATED):
        raise BadArchive(
            f"Entry {name!r} is compressed with method {method}; only 'stored' (0) and 'deflated' "
            "(8) are read."
        )
    if version > _VERSION_MAX:
        raise BadArchive(f"Entry {name!r} needs version {version / 10} of the zip format.")
    if disk not in (0, _IN_ZIP64_16):
        raise BadArchive("It spans several volumes.")
    if method == _STORED and size_bytes != packed_bytes:
        raise BadArchive(f"Entry {name!r} is stored, but states two sizes.")
    entry = Entry(
        name, method, crc, size_bytes, packed_bytes, attributes >> 16, header_offset, header_offset
    )
    return _located(data, entry, raw_name, limit)


def _located(data: memoryview, entry: Entry, raw_name: bytes, limit: int) -> Entry:
    """*entry* with the offset of its data, after its local header told the same as *entry*."""
    at = entry.header_offset
    fields = _LOCAL.unpack_from(data, at) if at + _LOCAL.size <= limit else (b"",)
    if fields[0] != b"PK\x03\x04":
        raise BadArchive(f"Entry {entry.name!r} is not where the archive says.")
    local_flags, method, _, _, crc, packed_bytes, size_bytes, name_bytes, extra_bytes = fields[2:]
    name_at = at + _LOCAL.size
    data_offset = name_at + name_bytes + extra_bytes
    if data_offset + entry.packed_bytes > limit:
        raise BadArchive(f"Entry {entry.name!r} reaches past the end of the entries.")
    same = bytes(data[name_at : name_at + name_bytes]) == raw_name and method == entry.method
    if not local_flags & _FLAG_SIZES_FOLLOW:
        extra = _extra(bytes(data[name_at + name_bytes : data_offset]))
        size_bytes, packed_bytes, _ = _large(entry.name, extra, (size_bytes, packed_bytes, 0))
        stated = (crc, size_bytes, packed_bytes)
        same = same and stated == (entry.crc, entry.size_bytes, entry.packed_bytes)
    if not same or (local_flags & _FLAGS_ENCRYPTED):
        raise BadArchive(f"Entry {entry.name!r} is described in two ways that contradict.")
    return replace(entry, data_offset=data_offset)


def _extra(raw: bytes) -> dict[int, bytes]:
    """The extra fields that bear on what is read; others may be in any state."""
    found: dict[int, bytes] = {}
    at = 0
    while len(raw) - at >= _EXTRA.size:
        kind, size = _EXTRA.unpack_from(raw, at)
        at += _EXTRA.size
        if kind in (_EXTRA_ZIP64, _EXTRA_UNICODE_PATH):
            if kind in found or at + size > len(raw):
                raise BadArchive("An extra field is damaged.")
            found[kind] = raw[at : at + size]
        at += size
    return found


def _large(
    name: str, extra: dict[int, bytes], fields: tuple[int, int, int]
) -> tuple[int, int, int]:
    """*fields* (32 bits each), those that are in the zip64 extra field taken from there."""
    missing = [index for index, value in enumerate(fields) if value == _IN_ZIP64_32]
    if not missing:
        return fields
    raw = extra.get(_EXTRA_ZIP64, b"")
    if len(raw) < 8 * len(missing):
        raise BadArchive(f"Entry {name!r} lacks its zip64 sizes.")
    values = list(fields)
    for position, index in enumerate(missing):
        (values[index],) = struct.unpack_from("<Q", raw, 8 * position)
    return values[0], values[1], values[2]


def _name(raw: bytes, flags: int, extra: dict[int, bytes]) -> str:
    """The name of an entry: its Unicode path if it has a current one, else UTF-8 if it is that,
    else the format's original code page."""
    unicode_path = extra.get(_EXTRA_UNICODE_PATH)
    if unicode_path is not None and len(unicode_path) >= 5 and unicode_path[0] == 1:
        (crc,) = struct.unpack_from("<L", unicode_path, 1)
        if crc == zlib.crc32(raw):
            raw, flags = unicode_path[5:], flags | _FLAG_UTF8
    if len(raw) > _NAME_BYTES_MAX:
        raise BadArchive(
            f"An entry has a name of {len(raw)} bytes; at most {_NAME_BYTES_MAX} are accepted."
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        if flags & _FLAG_UTF8:
            raise BadArchive(f"Entry {raw!r} has a name that is not UTF-8.") from None
        return raw.decode("cp437")
