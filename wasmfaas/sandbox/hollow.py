"""Takes the contents of its memory out of a component, so that instantiating it copies nothing.

A component with a built-in image (the Python runtime has one of 18 MB) has it as data segments,
which Wasmtime copies into the memory of every instance. The same bytes as a file can be mapped
instead: at no cost, shared by all instances, and only what is written becomes private.
"""

from collections.abc import Iterator
from pathlib import Path

_HEADER_BYTES = 8
_DATA = 11
_COMPONENT_MODULE = 1
_WASM_PAGE_BYTES = 65536
_I32_CONST, _END = 0x41, 0x0B


class NotHollowable(Exception):
    """The component is not of the form that componentize-py makes."""


def hollow(component: bytes, image_path: Path) -> bytes:
    """*component* without the data of its one module that has any; the data goes to *image_path*.

    The image is what the memory holds right after instantiation, as a sparse file that ends with
    the last segment. Raises NotHollowable.
    """
    parts = [component[:_HEADER_BYTES]]
    filled = 0
    for section, start, end in _sections(component, _HEADER_BYTES, len(component)):
        content = component[start:end]
        if section == _COMPONENT_MODULE and (data := _data_section(content)) is not None:
            filled += 1
            _write_image(content, *data, image_path)
            content = _without_data(content)
        parts.append(bytes([section]) + _leb(len(content)) + content)
    if filled != 1:
        raise NotHollowable(f"{filled} modules with data, where one was expected")
    return b"".join(parts)


def _sections(wasm: bytes, start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Id, first byte and end of every section's content."""
    while start < end:
        section = wasm[start]
        size, content = _unsigned(wasm, start + 1)
        yield section, content, content + size
        start = content + size


def _data_section(module: bytes) -> tuple[int, int] | None:
    for section, start, end in _sections(module, _HEADER_BYTES, len(module)):
        if section == _DATA:
            return start, end
    return None


def _without_data(module: bytes) -> bytes:
    parts = [module[:_HEADER_BYTES]]
    for section, start, end in _sections(module, _HEADER_BYTES, len(module)):
        if section != _DATA:
            parts.append(bytes([section]) + _leb(end - start) + module[start:end])
    return b"".join(parts)


def _write_image(module: bytes, start: int, end: int, path: Path) -> None:
    count, at = _unsigned(module, start)
    with path.open("wb") as image:
        for _ in range(count):
            if module[at] != 0 or module[at + 1] != _I32_CONST:
                raise NotHollowable("a data segment that is not placed at a constant address")
            address, at = _signed(module, at + 2)
            if module[at] != _END:
                raise NotHollowable("a data segment that is placed at a computed address")
            size, at = _unsigned(module, at + 1)
            image.seek(address & 0xFFFFFFFF)
            image.write(module[at : at + size])
            at += size
    if at != end:
        raise NotHollowable("a data section that does not end where it says")


def _unsigned(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def _signed(data: bytes, at: int) -> tuple[int, int]:
    start = at
    value, at = _unsigned(data, at)
    bits = 7 * (at - start)
    return (value - (1 << bits) if value >> (bits - 1) else value), at


def _leb(value: int) -> bytes:
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)
