"""From text to the types of settings."""

from types import NoneType
from typing import Any, get_args

#: How flags are written in environment variables.
_FLAGS = {"1": True, "true": True, "yes": True, "0": False, "false": False, "no": False, "": False}


def plain_type(annotation: Any) -> Any:
    """`Path` of `Path | None`."""
    return next((each for each in get_args(annotation) if each is not NoneType), annotation)


def converted(kind: type, value: Any) -> Any:
    """*value*, most often text, as *kind*. Raises ValueError."""
    if kind is not bool:
        return kind(value)
    found = _FLAGS.get(str(value).lower())
    if found is None:
        raise ValueError(value)
    return found
