"""LEB128, the numbers of the binary format, in bytes that are known to be valid."""


def unsigned(data: bytes, at: int) -> tuple[int, int]:
    """The number at *at*, and the position after it. Raises IndexError where *data* ends first."""
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def signed(data: bytes, at: int) -> tuple[int, int]:
    """As `unsigned`, of a number with a sign."""
    start = at
    value, at = unsigned(data, at)
    bits = 7 * (at - start)
    return (value - (1 << bits) if value >> (bits - 1) else value), at


def skip(data: bytes, at: int) -> int:
    """The position after the number at *at*."""
    while data[at] & 0x80:
        at += 1
    return at + 1


def encoded(value: int) -> bytes:
    """The bytes of an unsigned number."""
    data = bytearray()
    while value >= 0x80:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    data.append(value)
    return bytes(data)
