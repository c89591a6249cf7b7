"""What a function may ask the host for: the `[permissions]` of wasmfaas.toml, which are empty
unless somebody says otherwise.

    invoke   functions: names, `name:qualifier` or ARNs; * is any text
    fetch    origins: "https://api.example.com", "https://*.example.com:8443", "https://*", "*";
             or {origin = "http://minio.internal:9000", private = true}
    kv       namespaces: "self", which is the function's own, or names that functions share;
             "name:read" for reading only
    secrets  names; * is any text
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from wasmfaas.errors import InvalidParameterValue
from wasmfaas.origins import OriginPattern
from wasmfaas.policy import matches

KINDS: Final = ("invoke", "fetch", "kv", "secrets")
#: The namespace that a function has to itself.
OWN_NAMESPACE: Final = "self"
ENTRIES_MAX: Final = 100
_ENTRY_CHARACTERS_MAX: Final = 300
_READ_ONLY: Final = ":read"
_NAMESPACE: Final = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_FUNCTION: Final = re.compile(r"[a-zA-Z0-9_.:$*?/-]{1,300}")
_SECRET: Final = re.compile(r"[a-zA-Z0-9_./*?-]{1,128}")


@dataclass(frozen=True, slots=True)
class Permissions:
    """What one function may do."""

    invoke: tuple[str, ...] = ()
    fetch: tuple[OriginPattern, ...] = ()
    #: Namespaces, and whether it may write to them.
    kv: Mapping[str, bool] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> "Permissions":
        """From what somebody wrote. Raises InvalidParameterValue."""
        unknown = sorted(document.keys() - set(KINDS))
        if unknown:
            raise InvalidParameterValue(
                f"There are no permissions {unknown[0][:40]!a}; there are: {', '.join(KINDS)}."
            )
        entries = {kind: _entries(kind, document.get(kind, [])) for kind in KINDS}
        origins = (OriginPattern.of(each) for each in entries["fetch"])
        return cls(
            invoke=_texts("invoke", entries["invoke"], _FUNCTION, "the name or ARN of a function"),
            fetch=tuple(origins),
            kv=_namespaces(entries["kv"]),
            secrets=_texts("secrets", entries["secrets"], _SECRET, "the name of a secret"),
        )

    def document(self) -> dict[str, list[Any]]:
        """As it is stored and shown."""
        return {
            "invoke": list(self.invoke),
            "fetch": [pattern.document() for pattern in self.fetch],
            "kv": [name if may_write else name + _READ_ONLY for name, may_write in self.kv.items()],
            "secrets": list(self.secrets),
        }

    def may_invoke(self, names: Sequence[str]) -> bool:
        """Whether the function that goes by each of *names* may be invoked."""
        return any(matches(pattern, name) for pattern in self.invoke for name in names)

    def may_read_secret(self, name: str) -> bool:
        return any(matches(pattern, name) for pattern in self.secrets)


def _entries(kind: str, value: Any) -> list[Any]:
    if not isinstance(value, list | tuple):
        raise InvalidParameterValue(f"permissions.{kind} must be a list.")
    if len(value) > ENTRIES_MAX:
        raise InvalidParameterValue(
            f"permissions.{kind} has {len(value)} entries, but may have at most {ENTRIES_MAX}."
        )
    for each in value:
        text = each.get("origin") if isinstance(each, Mapping) and kind == "fetch" else each
        if not isinstance(text, str) or not 0 < len(text) <= _ENTRY_CHARACTERS_MAX:
            raise InvalidParameterValue(
                f"permissions.{kind} has an entry that is no string of 1 to "
                f"{_ENTRY_CHARACTERS_MAX} characters."
            )
    return list(value)


def _texts(kind: str, entries: list[Any], pattern: re.Pattern[str], what: str) -> tuple[str, ...]:
    for each in entries:
        if not pattern.fullmatch(each):
            raise InvalidParameterValue(
                f"permissions.{kind} has {each!a}, which is not {what}, with * for any text."
            )
    return tuple(entries)


def _namespaces(entries: list[Any]) -> dict[str, bool]:
    found: dict[str, bool] = {}
    for each in entries:
        name = each.removesuffix(_READ_ONLY)
        if not _NAMESPACE.fullmatch(name):
            raise InvalidParameterValue(
                f"permissions.kv has {each!a}, but a namespace has 1 to 64 letters, digits, _, . "
                f"and -; {_READ_ONLY} may follow."
            )
        found[name] = found.get(name, False) or not each.endswith(_READ_ONLY)
    return found
