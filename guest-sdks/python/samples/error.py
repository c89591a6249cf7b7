"""{"value": 9} -> 3.0, but {"value": -4} -> an error of type Negative."""

import math
from typing import Any


class BadEvent(Exception):
    """The event is not what this function takes."""


class Negative(Exception):
    """There is no square root."""


def lambda_handler(event: Any, context: object) -> float:
    match event:
        case {"value": int() | float() as value} if not isinstance(value, bool):
            if value < 0:
                raise Negative(f"{value} has no square root here")
            return math.sqrt(value)
    raise BadEvent('the event needs a number "value"')
