"""Amazon's event stream encoding (application/vnd.amazon.eventstream), as far as Lambda uses it.

A message is its length and that of its headers, their CRC-32, the headers, the payload, and the
CRC-32 of all that; all numbers have four bytes, the most significant first.
"""

import struct
import zlib
from collections.abc import Mapping
from typing import Final

CONTENT_TYPE: Final = "application/vnd.amazon.eventstream"
_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_STRING = 7


def event(kind: str, content_type: str, payload: bytes) -> bytes:
    """The message that carries an event of *kind*, a member of the operation's event stream."""
    return _message(
        {":event-type": kind, ":content-type": content_type, ":message-type": "event"}, payload
    )


def _message(headers: Mapping[str, str], payload: bytes) -> bytes:
    head = b"".join(_header(name, value.encode()) for name, value in headers.items())
    size = _PRELUDE.size + _CRC.size + len(head) + len(payload) + _CRC.size
    prelude = _PRELUDE.pack(size, len(head))
    checked = prelude + _CRC.pack(zlib.crc32(prelude)) + head
    return checked + payload + _CRC.pack(zlib.crc32(payload, zlib.crc32(checked)))


def _header(name: str, value: bytes) -> bytes:
    named = struct.pack(">B", len(name)) + name.encode()
    return named + struct.pack(">BH", _STRING, len(value)) + value
