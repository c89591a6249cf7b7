"""Takes the contents of its memory out of a component, so that instantiating it copies nothing.

A component with a built-in image (the Python runtime has one of 18 MB) has it as data segments,
which Wasmtime copies into the memory of every instance. The same bytes as a file can be mapped
instead: at no cost, shared by all instances, and only what is written becomes private.
"""

from pathlib import Path

from wasmfaas.sandbox import binary, leb

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
    for section, view in binary.sections(component):
        content = bytes(view)
        if section == _COMPONENT_MODULE and (data := _data_section(content)) is not None:
            filled += 1
            _write_image(data, image_path)
            content = _without_data(content)
        parts.append(bytes([section]) + leb.encoded(len(content)) + content)
    if filled != 1:
        raise NotHollowable(f"{filled} modules with data, where one was expected")
    return b"".join(parts)


def _data_section(module: bytes) -> bytes | None:
    found = [content for section, content in binary.sections(module) if section == _DATA]
    return bytes(found[0]) if found else None


def _without_data(module: bytes) -> bytes:
    parts = [module[:_HEADER_BYTES]]
    for section, content in binary.sections(module):
        if section != _DATA:
            parts.append(bytes([section]) + leb.encoded(len(content)) + content)
    return b"".join(parts)


def _write_image(data: bytes, path: Path) -> None:
    count, at = leb.unsigned(data, 0)
    with path.open("wb") as image:
        for _ in range(count):
            if data[at] != 0 or data[at + 1] != _I32_CONST:
                raise NotHollowable("a data segment that is not placed at a constant address")
            address, at = leb.signed(data, at + 2)
            if data[at] != _END:
                raise NotHollowable("a data segment that is placed at a computed address")
            size, at = leb.unsigned(data, at + 1)
            image.seek(address & 0xFFFFFFFF)
            image.write(data[at : at + size])
            at += size
