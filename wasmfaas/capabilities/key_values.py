"""`kv.get`, `kv.set`, `kv.delete` and `kv.list`."""

from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.capabilities.board import Asked, Operation
from wasmfaas.capabilities.failures import CallFailed, Kind, invalid
from wasmfaas.permissions import OWN_NAMESPACE
from wasmfaas.store.key_values import KEY_BYTES_MAX, KeyValues, Space

#: Ten years.
TTL_MS_MAX: Final = 10 * 366 * 24 * 60 * 60 * 1000
LIST_MAX: Final = 1000
_LIST_DEFAULT: Final = 100


class KeyValueCalls:
    """Handlers of these operations. Lives as long as the server."""

    def __init__(self, store: KeyValues, value_bytes_max: int) -> None:
        self._store = store
        self._value_bytes_max = value_bytes_max

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation("kv.get", self.get),
            Operation("kv.set", self.set),
            Operation("kv.delete", self.delete),
            Operation("kv.list", self.list),
        )

    async def get(self, asked: Asked) -> Mapping[str, Any]:
        asked.request.only("key", "namespace")
        space = _space(asked, writes=False)
        found = await self._store.get(space, _key(asked))
        if found is None:
            return {"value": None, "version": 0, "expiresAtMs": None}
        return {
            "value": found.value,
            "version": found.version,
            "expiresAtMs": found.expires_at_ms,
        }

    async def set(self, asked: Asked) -> Mapping[str, Any]:
        request = asked.request
        request.only("key", "value", "ttlMs", "ifVersion", "namespace")
        space = _space(asked, writes=True)
        value = request.required_data("value")
        if len(value) > self._value_bytes_max:
            raise CallFailed(
                Kind.LIMIT_EXCEEDED,
                f"The value has {len(value)} bytes, but may have {self._value_bytes_max} "
                "(--kv-value-bytes-max).",
            )
        version = await self._store.set(
            space,
            _key(asked),
            value,
            ttl_ms=request.integer("ttlMs", 1, TTL_MS_MAX),
            if_version=request.integer("ifVersion", 0),
        )
        return {"version": version}

    async def delete(self, asked: Asked) -> Mapping[str, Any]:
        asked.request.only("key", "ifVersion", "namespace")
        space = _space(asked, writes=True)
        if_version = asked.request.integer("ifVersion", 0)
        return {"deleted": await self._store.delete(space, _key(asked), if_version)}

    async def list(self, asked: Asked) -> Mapping[str, Any]:
        request = asked.request
        request.only("prefix", "limit", "after", "namespace")
        space = _space(asked, writes=False)
        after = request.optional_text("after")
        entries, more = await self._store.list(
            space,
            request.text("prefix", "").encode(),
            None if after is None else after.encode(),
            request.integer("limit", 1, LIST_MAX) or _LIST_DEFAULT,
        )
        keys = [
            {"key": entry.key.decode(), "version": entry.version,
             "expiresAtMs": entry.expires_at_ms}
            for entry in entries
        ]  # fmt: skip
        return {"keys": keys, "next": keys[-1]["key"] if more else None}


def _key(asked: Asked) -> bytes:
    key = asked.request.text("key").encode()
    if not 0 < len(key) <= KEY_BYTES_MAX:
        raise invalid(f"The key has {len(key)} bytes, but must have 1 to {KEY_BYTES_MAX}.")
    return key


def _space(asked: Asked, *, writes: bool) -> Space:
    """The namespace that is asked for. Raises CallFailed unless that is permitted."""
    name = asked.request.text("namespace", OWN_NAMESPACE)
    may_write = asked.permissions.kv.get(name)
    if may_write is None or (writes and not may_write):
        wanted = "" if may_write is None else ", to write to"
        raise CallFailed(
            Kind.ACCESS_DENIED,
            f"The function's permissions.kv does not have the namespace {name[:80]!a}{wanted}.",
        )
    own = name == OWN_NAMESPACE
    return Space(name, asked.caller.function_name if own else None)
