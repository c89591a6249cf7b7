"""Makes the state of a core module visible, so that it can be put back between invocations.

An instance's state is its memories, its globals, its tables and its segments. Memories are ours
(`memory`). Mutable globals can be read and set once they are exported, so those that are hidden get
an export each. Tables, segments and what the host keeps can't be put back, so a module that may
change them is left as it is, and gets a new instance for every invocation.
"""

from collections.abc import Iterator

from wasmfaas import abi
from wasmfaas.sandbox import binary, instructions, leb

#: Exports of this name, and a number, are ours.
GLOBAL_PREFIX = "wasmfaas:global:"

_HEADER_BYTES = 8
#: Functions of WASI preview 1 that make descriptors, which the host keeps.
_OPENERS = (b"path_open", b"sock_accept")
_IMPORT, _GLOBAL, _EXPORT, _CODE = 2, 6, 7, 10
_KIND_GLOBAL = 3
_NUMBERS = (0x7F, 0x7E, 0x7D, 0x7C)  # i32, i64, f32, f64
_I32_CONST, _I64_CONST, _F32_CONST, _F64_CONST, _GLOBAL_GET = 0x41, 0x42, 0x43, 0x44, 0x23
_END = 0x0B
_FUNCTION_KIND = 0


class _NotRestorable(Exception):
    """Not all of the module's state can be made visible, or not by these means."""


def expose(module: bytes) -> bytes | None:
    """*module*, which is valid, with every mutable global exported; None where it has state that
    could not be put back all the same."""
    try:
        sections = [(number, bytes(content)) for number, content in binary.sections(module)]
        return _exposed(sections, module)
    except (_NotRestorable, instructions.Unknown, IndexError):
        return None


def _exposed(sections: list[tuple[int, bytes]], module: bytes) -> bytes:
    by_id = dict(sections)
    _refuse_imported_state(by_id.get(_IMPORT, b"\0"))
    if not instructions.changes_only_memory_and_globals(by_id.get(_CODE, b"\0")):
        raise _NotRestorable("tables or segments change")
    mutable = list(_mutable_globals(by_id.get(_GLOBAL, b"\0")))
    exports = by_id.get(_EXPORT, b"\0")
    if GLOBAL_PREFIX.encode() in exports:
        raise _NotRestorable("exports under our names")
    if abi.EXPORT_REACTOR_FRESH in binary.exports(module):
        raise _NotRestorable("asks not to be put back")
    count, start = leb.unsigned(exports, 0)
    added = b"".join(_export(number) for number in mutable)
    exports = leb.encoded(count + len(mutable)) + exports[start:] + added
    parts = [module[:_HEADER_BYTES]]
    for number, content in sections:
        if number == _EXPORT:
            content = exports
        parts.append(bytes([number]) + leb.encoded(len(content)) + content)
    return b"".join(parts)


def _refuse_imported_state(imports: bytes) -> None:
    """Functions are all that a module may import here (anything else would shift the numbers), and
    none that makes descriptors."""
    count, at = leb.unsigned(imports, 0)
    for _ in range(count):
        for _ in range(2):
            size, at = leb.unsigned(imports, at)
            name = imports[at : at + size]
            at += size
        if name in _OPENERS:
            raise _NotRestorable("opens descriptors")
        if imports[at] != _FUNCTION_KIND:
            raise _NotRestorable("imports that are not functions")
        at = leb.skip(imports, at + 1)


def _mutable_globals(section: bytes) -> Iterator[int]:
    """Indices of the mutable globals. Raises _NotRestorable for one that is not a number."""
    count, at = leb.unsigned(section, 0)
    for number in range(count):
        type_, mutable = section[at], section[at + 1]
        if mutable:
            if type_ not in _NUMBERS:
                raise _NotRestorable("a mutable global that is not a number")
            yield number
        at = _after_initial_value(section, at + 2)


def _after_initial_value(section: bytes, at: int) -> int:
    opcode = section[at]
    if opcode in (_I32_CONST, _I64_CONST, _GLOBAL_GET, 0xD0, 0xD2):
        at = leb.skip(section, at + 1)
    elif opcode == _F32_CONST:
        at += 5
    elif opcode == _F64_CONST:
        at += 9
    else:
        raise _NotRestorable("a global with a computed initial value")
    if section[at] != _END:
        raise _NotRestorable("a global with a computed initial value")
    return at + 1


def _export(number: int) -> bytes:
    name = f"{GLOBAL_PREFIX}{number}".encode()
    return leb.encoded(len(name)) + name + bytes([_KIND_GLOBAL]) + leb.encoded(number)
