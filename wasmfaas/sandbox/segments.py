"""Joins the data segments of a core module: fewer, larger ones compile and start faster.

Go's linker begins a new segment at every few zero bytes, which makes tens of thousands; Wasmtime
compiles code for each of them, in one function, and takes half a minute over it. What lies between
two segments is zero when an instance begins, so one segment with these zeros does the same.
"""

from collections.abc import Iterable, Iterator

from wasmfaas.sandbox import binary, leb

#: Segments no further apart are joined. A module has 100,000 segments at most (Wasmtime's limit),
#: so joining adds 25 MB at most.
GAP_BYTES_MAX = 256

_HEADER_BYTES = 8
_DATA, _DATA_COUNT = 11, 12
_ACTIVE = 0
_I32_CONST, _END = 0x41, 0x0B
_ADDRESSES = 1 << 32


class _NotJoinable(Exception):
    """The segments are not all copied to known addresses of the one memory, each to its own."""


def joined(module: bytes) -> bytes:
    """*module*, which is valid, with neighbouring data segments joined; as it is where it has
    instructions that name segments by number, or segments without a known address, or
    where they overlap."""
    sections = list(binary.sections(module))
    # Only with this section may instructions name a segment.
    if any(number == _DATA_COUNT for number, _ in sections):
        return module
    try:
        parts = [module[:_HEADER_BYTES]]
        for number, contents in sections:
            content = _joined(bytes(contents)) if number == _DATA else bytes(contents)
            parts.append(bytes([number]) + leb.encoded(len(content)) + content)
    except _NotJoinable:
        return module
    return b"".join(parts)


def _joined(section: bytes) -> bytes:
    groups = list(_groups(sorted(_segments(section), key=lambda one: (one[0], len(one[1])))))
    return leb.encoded(len(groups)) + b"".join(_segment(start, data) for start, data in groups)


def _segments(section: bytes) -> Iterator[tuple[int, bytes]]:
    """Address and bytes of each. Raises _NotJoinable."""
    count, at = leb.unsigned(section, 0)
    for _ in range(count):
        flags, at = leb.unsigned(section, at)
        if flags != _ACTIVE or section[at] != _I32_CONST:
            raise _NotJoinable
        address, at = leb.signed(section, at + 1)
        if section[at] != _END:
            raise _NotJoinable
        size, at = leb.unsigned(section, at + 1)
        yield address % _ADDRESSES, section[at : at + size]
        at += size


def _groups(segments: Iterable[tuple[int, bytes]]) -> Iterator[tuple[int, bytes]]:
    """Of *segments* by address. Raises _NotJoinable where one overwrites another: their order
    counts then, and what is between two need not be zero."""
    start, joining = 0, None
    for address, data in segments:
        if joining is None:
            start, joining = address, bytearray(data)
            continue
        gap = address - start - len(joining)
        if gap < 0:
            raise _NotJoinable
        if gap <= GAP_BYTES_MAX:
            joining += bytes(gap) + data
        else:
            yield start, bytes(joining)
            start, joining = address, bytearray(data)
    if joining is not None:
        yield start, bytes(joining)


def _segment(address: int, data: bytes) -> bytes:
    offset = bytes([_I32_CONST]) + _signed(address) + bytes([_END])
    return bytes([_ACTIVE]) + offset + leb.encoded(len(data)) + data


def _signed(address: int) -> bytes:
    """An unsigned address as the signed number of 32 bits that stands for it, in LEB128."""
    value = address - _ADDRESSES if address >= _ADDRESSES // 2 else address
    encoded = bytearray()
    while not -64 <= value < 64:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value & 0x7F)
    return bytes(encoded)
