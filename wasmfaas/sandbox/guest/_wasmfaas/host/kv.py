"""A durable table of keys and values."""

from collections.abc import Iterator
from typing import NamedTuple

from _wasmfaas.host.calls import call, to_bytes


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
    answer = call("kv.get", {"key": key, "namespace": namespace})
    value = None if answer["value"] is None else to_bytes(answer["value"])
    return Entry(value, answer["version"], answer["expiresAtMs"])


def get(key: str, default: bytes | None = None, *, namespace: str | None = None) -> bytes | None:
    """The value of *key*, or *default*."""
    value = entry(key, namespace=namespace).value
    return default if value is None else value


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
    request = {
        "key": key,
        "value": value,
        "ttlMs": None if ttl is None else max(int(ttl * 1000), 1),
        "ifVersion": if_version,
        "namespace": namespace,
    }
    version: int = call("kv.set", request)["version"]
    return version


def delete(key: str, *, if_version: int | None = None, namespace: str | None = None) -> bool:
    """Take *key* away; whether it was there. Raises VersionConflict."""
    request = {"key": key, "ifVersion": if_version, "namespace": namespace}
    return bool(call("kv.delete", request)["deleted"])


def keys(prefix: str = "", *, namespace: str | None = None) -> Iterator[Key]:
    """The keys that begin with *prefix*, in order; a call for every thousand of them."""
    after = None
    while True:
        request = {"prefix": prefix, "limit": 1000, "after": after, "namespace": namespace}
        answer = call("kv.list", request)
        for each in answer["keys"]:
            yield Key(each["key"], each["version"], each["expiresAtMs"])
        after = answer["next"]
        if after is None:
            return
