"""The access keys of a server, in a file that only its user can read.

Not in the database, copies of which are handed on: signatures are verified with the secrets
themselves, so these are stored as they are.
"""

import asyncio
import json
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from wasmfaas.auth.principals import AccessKey, Role, check_pattern
from wasmfaas.auth.signer import CREDENTIALS_FILE
from wasmfaas.errors import (
    DataDirectoryUnusable,
    InvalidParameterValue,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.store.datadir import disk_errors, storage_errors, write_private

KEYS_FILE = "access-keys.json"
#: The key that a new data directory gets.
FIRST_KEY_NAME = "local"
KEYS_MAX = 1000
PATTERNS_MAX = 100
#: Ids look like AWS's, but for their beginning.
_ID_PREFIX = "WFAK"
_ID_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_ID_CHARACTERS = 16
_SECRET_BYTES = 30
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


class KeyStore:
    """Creates, lists and revokes keys. Lifetime: process. *clock* gives Unix time in seconds."""

    def __init__(self, directory: Path, keys: Sequence[AccessKey], clock: Callable[[], float]):
        self._directory = directory
        self._clock = clock
        self._keys = {key.id: key for key in keys}
        self._changing = asyncio.Lock()
        #: Keys by id, always as they are now.
        self.by_id: Mapping[str, AccessKey] = MappingProxyType(self._keys)

    @classmethod
    def open(cls, directory: Path, clock: Callable[[], float]) -> "KeyStore":
        """The keys in *directory*; the command line's is made anew where it is missing.

        Raises DataDirectoryUnusable and StorageFull.
        """
        try:
            with storage_errors():
                store = cls(directory, _loaded(directory / KEYS_FILE), clock)
                store._ensure_credentials()
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The access keys in {directory} cannot be read or written: {error.strerror}."
            ) from error
        return store

    async def create(self, name: str, role: str, functions: Sequence[str] = ()) -> AccessKey:
        """A new key. Raises InvalidParameterValue, ResourceConflict and StorageFull."""
        async with self._changing:
            key = self._new(name, role, functions)
            await asyncio.to_thread(self._save, [*self._keys.values(), key])
            self._keys[key.id] = key
        return key

    async def revoke(self, key_id: str) -> AccessKey:
        """Let the key with that id, or that name, be worth nothing from now on.

        Raises ResourceNotFound, ResourceConflict for the last admin key, and StorageFull.
        """
        async with self._changing:
            key = self._found(key_id)
            kept = [other for other in self._keys.values() if other is not key]
            if not any(other.role is Role.ADMIN for other in kept):
                raise ResourceConflict(
                    f"{key.name} is the last admin key. Create another one before you revoke it."
                )
            await asyncio.to_thread(self._save, kept)
            del self._keys[key.id]
            if _credentials_id(self._directory / CREDENTIALS_FILE) == key.id:
                await asyncio.to_thread((self._directory / CREDENTIALS_FILE).unlink)
        return key

    def _found(self, key_id: str) -> AccessKey:
        if key_id in self._keys:
            return self._keys[key_id]
        for key in self._keys.values():
            if key.name == key_id:
                return key
        raise ResourceNotFound(f"There is no access key {key_id[:80]!a}.")

    def _new(self, name: str, role: str, functions: Sequence[str]) -> AccessKey:
        if not _NAME.fullmatch(name):
            raise InvalidParameterValue(
                f"The name is {name[:80]!a}, but must have 1 to 64 letters, digits, - and _."
            )
        if role not in list(Role):
            raise InvalidParameterValue(
                f"The role is {role[:80]!a}, but must be one of {', '.join(Role)}."
            )
        if bool(functions) != (role == Role.INVOKER) or len(functions) > PATTERNS_MAX:
            raise InvalidParameterValue(
                f"There are {len(functions)} functions, but an invoker needs 1 to {PATTERNS_MAX}, "
                "and no other role takes any."
            )
        if any(key.name == name for key in self._keys.values()):
            raise ResourceConflict(f"There is a key with the name {name} already.")
        if len(self._keys) >= KEYS_MAX:
            raise ResourceConflict(f"There are {KEYS_MAX} keys, the limit. Revoke some of them.")
        letters = (secrets.choice(_ID_ALPHABET) for _ in range(_ID_CHARACTERS))
        return AccessKey(
            id=_ID_PREFIX + "".join(letters),
            secret=secrets.token_urlsafe(_SECRET_BYTES),
            name=name,
            role=Role(role),
            functions=tuple(check_pattern(pattern) for pattern in functions),
            created_at_ms=int(self._clock() * 1000),
        )

    def _ensure_credentials(self) -> None:
        """The command line has an admin key that works."""
        path = self._directory / CREDENTIALS_FILE
        key = self._keys.get(_credentials_id(path) or "")
        if key is not None and key.role is Role.ADMIN:
            return
        names = {key.name for key in self._keys.values()}
        name = next(
            name
            for number in range(len(names) + 1)
            if (name := f"{FIRST_KEY_NAME}-{number + 1}" if number else FIRST_KEY_NAME) not in names
        )
        key = self._new(name, Role.ADMIN, ())
        self._save([*self._keys.values(), key])
        self._keys[key.id] = key
        write_private(path, {"access_key_id": key.id, "secret_access_key": key.secret})

    def _save(self, keys: Sequence[AccessKey]) -> None:
        with disk_errors():
            write_private(self._directory / KEYS_FILE, {"keys": [_document(key) for key in keys]})


def _document(key: AccessKey) -> dict[str, Any]:
    return {
        "access_key_id": key.id,
        "secret_access_key": key.secret,
        "name": key.name,
        "role": key.role,
        "functions": key.functions,
        "created_at_ms": key.created_at_ms,
    }


def _loaded(path: Path) -> list[AccessKey]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return []
    # Whoever copied it here may have let others read it.
    path.chmod(0o600)
    try:
        return [
            AccessKey(
                id=str(each["access_key_id"]),
                secret=str(each["secret_access_key"]),
                name=str(each["name"]),
                role=Role(each["role"]),
                functions=tuple(map(str, each["functions"])),
                created_at_ms=int(each["created_at_ms"]),
            )
            for each in json.loads(text)["keys"]
        ]
    except (ValueError, KeyError, TypeError):
        # Not the cause: it may quote the file.
        raise DataDirectoryUnusable(
            f"{path} is damaged: it does not hold access keys. Restore it, or move it away; there "
            "will be a new admin key, and no other one."
        ) from None


def _credentials_id(path: Path) -> str | None:
    """The key that the command line has; None where its file is missing or damaged."""
    try:
        return str(json.loads(path.read_bytes())["access_key_id"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
