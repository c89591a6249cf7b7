"""Tokens of lists that are sent in parts: where the next part begins."""

import base64
import binascii
import json

from wasmfaas.schedule_errors import InvalidSchedule


def token(*place: str) -> str:
    """The token of a list that goes on behind *place*."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def place_of(text: str | None, length: int) -> tuple[str, ...]:
    """The place that a token stands for; the beginning without one. Raises InvalidSchedule."""
    if text is None:
        return ("",) * length
    try:
        place = json.loads(base64.b64decode(text.encode(), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError):
        place = None
    is_place = isinstance(place, list) and len(place) == length
    if not is_place or not all(isinstance(part, str) and part.isprintable() for part in place):
        raise InvalidSchedule("The NextToken is none that this server has given out.")
    return tuple(place)
