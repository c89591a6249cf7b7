"""{"name": "Ada"} -> {"greeting": "Hello, Ada!"}"""

from typing import Any


class BadEvent(Exception):
    """The event is not what this function takes."""


def lambda_handler(event: Any, context: object) -> dict[str, str]:
    match event:
        case {"name": str(name)}:
            return {"greeting": f"Hello, {name}!"}
    raise BadEvent('the event needs a string "name"')
