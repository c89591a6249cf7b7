"""A durable table of keys and values."""

from collections.abc import Iterator
from typing import NamedTuple, overload

class Entry(NamedTuple):
    """What is under a key. `version` is 0 where there is nothing, and `value` None then."""

    value: bytes | None
    version: int
    #: Unix time in milliseconds at which it goes; None for never.
    expires_at_ms: int | None

class Key(NamedTuple):
    """A key that has a value."""

    key: str
    version: int
    expires_at_ms: int | None

def entry(key: str, *, namespace: str | None = None) -> Entry:
    """What is under *key*, with its version."""

@overload
def get(key: str, default: None = None, *, namespace: str | None = None) -> bytes | None:
    """The value of *key*, or *default*."""

@overload
def get(key: str, default: bytes, *, namespace: str | None = None) -> bytes: ...
def set(
    key: str,
    value: bytes | str,
    *,
    ttl: float | None = None,
    if_version: int | None = None,
    namespace: str | None = None,
) -> int:
    """Store *value*, and return its version. *ttl* is in seconds.

    With *if_version*, only where the key has this version, 0 for none: raises VersionConflict.
    Raises LimitExceeded where there is no room.
    """

def delete(key: str, *, if_version: int | None = None, namespace: str | None = None) -> bool:
    """Take *key* away; whether it was there. Raises VersionConflict."""

def keys(prefix: str = "", *, namespace: str | None = None) -> Iterator[Key]:
    """The keys that begin with *prefix*, in order; a call for every thousand of them."""
