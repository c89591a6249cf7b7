"""Packages inside JSON: 70 MB of base64 in one string.

Parsing such a body in one go would hold the interpreter's lock, and with it every other request,
for half a second. So the long string is cut out before the rest is parsed, and decoded piece by
piece; both are meant to run in a thread.
"""

import binascii
import re
import secrets
from dataclasses import dataclass

_KEY = b'"ZipFile"'
_VALUE = re.compile(rb'"ZipFile"[ \t\r\n]*:[ \t\r\n]*"')
#: Occurrences of the key that are looked at; a client sends it once.
_KEYS_MAX = 16
#: Strings shorter than this stay where they are.
CUT_CHARACTERS_MIN = 64 * 1024
#: Characters decoded at a time: a multiple of 4, some 2 ms.
DECODED_CHARACTERS = 256 * 1024


@dataclass(frozen=True, slots=True)
class CutBody:
    """A JSON text whose longest string may stand beside it."""

    #: The JSON text, with `placeholder` in place of the string.
    text: bytes | bytearray
    #: Cannot be guessed, so that no client sends it as a value; None if nothing was cut.
    placeholder: str | None = None
    #: What belongs in its place: the content of a JSON string, its escapes undone, not checked.
    string: bytes | memoryview = b""

    def holds(self, value: object) -> bool:
        """Whether *value*, out of the parsed text, stands for the string."""
        return self.placeholder is not None and value == self.placeholder


def cut(body: bytes | bytearray) -> CutBody:
    """*body* with the value of a large `ZipFile` set aside.

    An unescaped quote begins or ends a string, so whatever follows `"ZipFile":"` in valid JSON is
    the content of a string, wherever it stands; and what is not valid JSON around it stays invalid.
    What is set aside has not been checked: it may hold what a JSON string may not.
    """
    at = -1
    for _ in range(_KEYS_MAX):
        at = body.find(_KEY, at + 1)
        if at < 0:
            break
        opening = _VALUE.match(body, at)
        if opening is None:
            continue
        begin, end = opening.end(), body.find(b'"', opening.end())
        escapes = body.count(b"\\", begin, end)
        # Some clients write the slashes of base64 with the escape that JSON offers for them.
        if end - begin >= CUT_CHARACTERS_MIN and escapes == body.count(b"\\/", begin, end):
            view = memoryview(body)
            placeholder = secrets.token_urlsafe(24)
            text = b"".join((view[:begin], placeholder.encode(), view[end:]))
            string = view[begin:end]
            return CutBody(
                text, placeholder, bytes(string).replace(b"\\/", b"/") if escapes else string
            )
    return CutBody(body)


def decoded(text: bytes | memoryview) -> bytes:
    """The bytes that *text* is the base64 of.

    Raises ValueError if it is not base64, padding included.
    """
    pieces = []
    for begin in range(0, len(text), DECODED_CHARACTERS):
        piece = text[begin : begin + DECODED_CHARACTERS]
        pieces.append(binascii.a2b_base64(piece, strict_mode=True))
        ends_early = len(pieces[-1]) * 4 != len(piece) * 3
        if ends_early and begin + DECODED_CHARACTERS < len(text):
            raise ValueError("padding in the middle")
    return b"".join(pieces)
