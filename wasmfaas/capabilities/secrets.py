"""Secrets that the operator keeps for functions: a file that only its user can read, beside the
database and not in it, as copies of that are handed on; and `secrets.get`."""

import asyncio
import base64
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wasmfaas.capabilities.board import Asked, Operation
from wasmfaas.capabilities.failures import CallFailed, Kind
from wasmfaas.errors import (
    DataDirectoryUnusable,
    InvalidParameterValue,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.store.datadir import disk_errors, write_private

SECRETS_FILE: Final = "secrets.json"
SECRETS_MAX: Final = 1000
VALUE_BYTES_MAX: Final = 65_536
_NAME: Final = re.compile(r"[a-zA-Z0-9_./-]{1,128}")


@dataclass(frozen=True, slots=True)
class Secret:
    """One secret; its value is in no text of this object."""

    value: bytes
    #: Unix time.
    modified_at_ms: int

    def __repr__(self) -> str:
        return f"<Secret of {len(self.value)} bytes>"


class SecretStore:
    """Sets, lists and deletes secrets. Lifetime: process. *clock* gives Unix time in seconds."""

    def __init__(
        self, directory: Path, secrets: Mapping[str, Secret], clock: Callable[[], float]
    ) -> None:
        self._path = directory / SECRETS_FILE
        self._clock = clock
        self._secrets = dict(secrets)
        self._changing = asyncio.Lock()

    @classmethod
    def open(cls, directory: Path, clock: Callable[[], float]) -> "SecretStore":
        """Those in *directory*. Raises DataDirectoryUnusable."""
        path = directory / SECRETS_FILE
        try:
            return cls(directory, _loaded(path), clock)
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The secrets in {path} cannot be read: {error.strerror}."
            ) from error

    def listed(self) -> list[tuple[str, int]]:
        """Names, in order, and when they were set, in Unix milliseconds."""
        return sorted((name, each.modified_at_ms) for name, each in self._secrets.items())

    def get(self, name: str) -> bytes | None:
        """The value of *name*."""
        found = self._secrets.get(name)
        return None if found is None else found.value

    async def set(self, name: str, value: bytes) -> int:
        """Keep *value* under *name*, in the place of any other; when, in Unix milliseconds.

        Raises InvalidParameterValue, ResourceConflict where there are too many, and StorageFull.
        """
        if not _NAME.fullmatch(name):
            raise InvalidParameterValue(
                f"The name is {name[:80]!a}, but a secret's has 1 to 128 letters, digits, _, ., / "
                "and -."
            )
        if not 0 < len(value) <= VALUE_BYTES_MAX:
            raise InvalidParameterValue(
                f"The secret has {len(value)} bytes, but must have 1 to {VALUE_BYTES_MAX}."
            )
        async with self._changing:
            if name not in self._secrets and len(self._secrets) >= SECRETS_MAX:
                raise ResourceConflict(
                    f"There are {SECRETS_MAX} secrets, the limit. Delete some of them."
                )
            secret = Secret(value, int(self._clock() * 1000))
            await self._save(self._secrets | {name: secret})
        return secret.modified_at_ms

    async def delete(self, name: str) -> None:
        """Forget *name*. Raises ResourceNotFound and StorageFull."""
        async with self._changing:
            if name not in self._secrets:
                raise ResourceNotFound(f"There is no secret {name[:128]!a}.")
            await self._save({key: each for key, each in self._secrets.items() if key != name})

    async def _save(self, secrets: dict[str, Secret]) -> None:
        document = {
            name: {
                "value": base64.b64encode(each.value).decode(),
                "modified_at_ms": each.modified_at_ms,
            }
            for name, each in secrets.items()
        }
        with disk_errors():
            await asyncio.to_thread(write_private, self._path, {"secrets": document})
        self._secrets = secrets


class SecretCalls:
    """Handler of the operation. Lives as long as the server."""

    def __init__(self, store: SecretStore) -> None:
        self._store = store

    def operations(self) -> tuple[Operation, ...]:
        return (Operation("secrets.get", self.get),)

    async def get(self, asked: Asked) -> Mapping[str, Any]:
        asked.request.only("name")
        name = asked.request.text("name")
        if not asked.permissions.may_read_secret(name):
            # Whether it is there or not.
            raise CallFailed(
                Kind.ACCESS_DENIED,
                f"The function's permissions.secrets does not have {name[:128]!a}.",
            )
        value = self._store.get(name)
        if value is None:
            raise CallFailed(Kind.NOT_FOUND, f"There is no secret {name[:128]!a}.")
        return {"value": value}


def _loaded(path: Path) -> dict[str, Secret]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    # Whoever copied it here may have let others read it.
    path.chmod(0o600)
    try:
        return {
            str(name): Secret(
                base64.b64decode(each["value"], validate=True), int(each["modified_at_ms"])
            )
            for name, each in json.loads(text)["secrets"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not the cause: it may quote the file.
        raise DataDirectoryUnusable(
            f"{path} is damaged: it does not hold secrets. Restore it, or move it away."
        ) from None
