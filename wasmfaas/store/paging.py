"""Markers: where a list that came in parts goes on."""

import base64
import binascii

from wasmfaas.errors import InvalidParameterValue

_NUMBER_LENGTH_MAX = 9


def marker(last: str) -> str:
    """The marker of a page that ends with *last*."""
    return base64.urlsafe_b64encode(last.encode()).decode("ascii")


def last_of(given: str) -> str:
    """What the page ended with that *given* is the marker of.

    Raises InvalidParameterValue for a marker that is not from here.
    """
    try:
        last = base64.b64decode(given, altchars=b"-_", validate=True).decode("ascii")
    except (ValueError, binascii.Error):
        last = ""
    if not last or not storable(last):
        raise _foreign(given)
    return last


def place_of(given: str) -> tuple[str, int]:
    """What the page ended with that *given* is the marker of: `NAME:NUMBER`.

    Raises InvalidParameterValue for a marker that is not from here.
    """
    name, _, number = last_of(given).rpartition(":")
    if not name or not number.isdigit() or len(number) > _NUMBER_LENGTH_MAX:
        raise _foreign(given)
    return name, int(number)


def storable(text: str) -> bool:
    """Whether a name or an id of ours can be *text*; other text may be more than a database can
    compare."""
    return text.isascii() and text.isprintable()


def _foreign(given: str) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"Marker {given!r} is not valid. Pass the NextMarker of an earlier answer."
    )
