"""Events and answers: JSON, read and written without what `json` does beside that."""

import decimal
import json
from typing import Any


def parsed(event: str) -> Any:
    """As `json.loads`, without what looks for white space around the event."""
    try:
        value, end = _SCAN(event, 0)
    except StopIteration:
        end = -1
    return value if end == len(event) else json.loads(event)


def marshalled(answer: Any) -> str:
    """*answer* as JSON. Raises what the encoder raises where that can't be."""
    try:
        text = "".join(_ENCODE(answer, 0))
        # Half of a surrogate pair, which UTF-8 has no form for, is JSON when it is escaped.
        return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
    except BaseException:
        _MARKERS.clear()
        raise


def _plain(value: Any) -> Any:
    if isinstance(value, decimal.Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


#: What `json.loads` does its work with.
_SCAN = json.scanner.c_make_scanner(json.JSONDecoder())  # type: ignore[misc]
#: What `json.dumps(ensure_ascii=False)` makes anew for every call, made once.
_MARKERS: dict[int, Any] = {}
_ENCODE = json.encoder.c_make_encoder(  # type: ignore[misc]
    _MARKERS, _plain, json.encoder.encode_basestring, None, ": ", ", ", False, False, True
)
