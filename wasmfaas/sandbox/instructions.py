"""Walks over the instructions of a module, to tell what state it can change beside its memory.

Encodings are those of the WebAssembly specification 2.0, with tail calls, wide arithmetic and
relaxed SIMD; code that uses anything else is reported as unknown.
"""

from collections.abc import Iterator

from wasmfaas.sandbox import leb

#: Code beyond this is not looked at: the walk takes about a third of a microsecond a byte.
CODE_BYTES_MAX = 8 * 1024 * 1024

_NONE, _LEB, _LEB2, _MEMARG, _BYTES4, _BYTES8 = range(6)
_BLOCK_TYPES = (0x02, 0x03, 0x04)
_BR_TABLE, _SELECT_TYPED, _TABLE_SET = 0x0E, 0x1C, 0x26
_PREFIX_MISC, _PREFIX_SIMD = 0xFC, 0xFD
#: table.init, elem.drop, table.copy, table.grow, table.fill; data.drop.
_MISC_STATEFUL = frozenset((9, 12, 13, 14, 15, 17))
#: Immediates of the instructions with the prefix 0xFC, as a number of LEB128 integers.
_MISC_IMMEDIATES = {
    **dict.fromkeys(range(8), 0),
    8: 2,
    9: 1,
    10: 2,
    11: 1,
    12: 2,
    13: 1,
    14: 2,
    15: 1,
    16: 1,
    17: 1,
    **dict.fromkeys(range(19, 23), 0),
}
_MULTIPLE_MEMORIES = 0x40


class Unknown(Exception):
    """The code has an instruction that this walk does not know."""


def _kinds() -> list[int | None]:
    kinds: list[int | None] = [None] * 256
    for opcode in (0x00, 0x01, 0x05, 0x0B, 0x0F, 0x1A, 0x1B, *range(0x45, 0xC5), 0xD1):
        kinds[opcode] = _NONE
    for opcode in (*_BLOCK_TYPES, 0x0C, 0x0D, 0x10, 0x12, *range(0x20, 0x27), 0x3F, 0x40,
                   0x41, 0x42, 0xD0, 0xD2):  # fmt: skip
        kinds[opcode] = _LEB
    kinds[0x11] = kinds[0x13] = _LEB2
    for opcode in range(0x28, 0x3F):
        kinds[opcode] = _MEMARG
    kinds[0x43], kinds[0x44] = _BYTES4, _BYTES8
    return kinds


_KINDS = tuple(_kinds())


def changes_only_memory_and_globals(code: bytes) -> bool:
    """Whether no instruction in the contents of a code section changes a table or drops a segment.

    Raises Unknown.
    """
    if len(code) > CODE_BYTES_MAX:
        raise Unknown(f"code of {len(code)} bytes")
    try:
        return all(_is_harmless(code, start, end) for start, end in _bodies(code))
    except IndexError:
        raise Unknown("code that ends too soon") from None


def _bodies(code: bytes) -> Iterator[tuple[int, int]]:
    """First instruction and end of every function body."""
    count, at = leb.unsigned(code, 0)
    for _ in range(count):
        size, at = leb.unsigned(code, at)
        end = at + size
        groups, at = leb.unsigned(code, at)
        for _ in range(groups):
            at = leb.skip(code, leb.skip(code, at))
        yield at, end
        at = end


def _is_harmless(code: bytes, at: int, end: int) -> bool:
    kinds = _KINDS
    while at < end:
        opcode = code[at]
        at += 1
        kind = kinds[opcode]
        if kind == _NONE:
            continue
        if kind == _LEB:
            if opcode == _TABLE_SET:
                return False
            while code[at] & 0x80:
                at += 1
            at += 1
        elif kind == _MEMARG:
            at = _memarg(code, at)
        elif kind == _LEB2:
            at = leb.skip(code, leb.skip(code, at))
        elif opcode == _PREFIX_MISC:
            operation, at = leb.unsigned(code, at)
            if operation in _MISC_STATEFUL:
                return False
            for _ in range(_misc_immediates(operation)):
                at = leb.skip(code, at)
        else:
            at = _rarely(code, at, opcode)
    return True


def _misc_immediates(operation: int) -> int:
    if operation not in _MISC_IMMEDIATES:
        raise Unknown(f"instruction 0xFC {operation}")
    return _MISC_IMMEDIATES[operation]


def _rarely(code: bytes, at: int, opcode: int) -> int:
    """The address after the immediates of an uncommon instruction."""
    if opcode == 0x43:
        return at + 4
    if opcode == 0x44:
        return at + 8
    if opcode == _BR_TABLE:
        count, at = leb.unsigned(code, at)
        for _ in range(count + 1):
            at = leb.skip(code, at)
        return at
    if opcode == _SELECT_TYPED:
        count, at = leb.unsigned(code, at)
        for _ in range(count):
            at = leb.skip(code, at)
        return at
    if opcode == _PREFIX_SIMD:
        return _simd(code, at)
    raise Unknown(f"instruction 0x{opcode:02X}")


def _simd(code: bytes, at: int) -> int:
    operation, at = leb.unsigned(code, at)
    if operation <= 11 or operation in (92, 93):
        return _memarg(code, at)
    if operation in (12, 13):
        return at + 16
    if 21 <= operation <= 34:
        return at + 1
    if 84 <= operation <= 91:
        return _memarg(code, at) + 1
    return at


def _memarg(code: bytes, at: int) -> int:
    align, at = leb.unsigned(code, at)
    if align & _MULTIPLE_MEMORIES:
        at = leb.skip(code, at)
    return leb.skip(code, at)
