"""The secrets of webhooks, in a file that only its user can read, beside the database and not in
it: copies of that are handed on."""

import asyncio
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from wasmfaas.errors import DataDirectoryUnusable
from wasmfaas.store.datadir import disk_errors, storage_errors, write_private

SECRETS_FILE: Final = "webhook-secrets.json"


@dataclass(frozen=True, slots=True)
class HookSecret:
    """What one webhook goes by; in no text of this object."""

    current: str
    #: What it went by before, and until when that is taken as well, in Unix milliseconds.
    previous: str = ""
    previous_until_ms: int = 0

    def __repr__(self) -> str:
        return "<HookSecret>"

    def taken(self, now_ms: float) -> tuple[str, ...]:
        """The secrets that are good now."""
        if self.previous and now_ms < self.previous_until_ms:
            return self.current, self.previous
        return (self.current,)


class HookSecrets:
    """Keeps secrets by the ids of webhooks. Lifetime: process.

    Methods that write raise StorageFull and ServiceFailure, and change nothing then; their callers
    take turns.
    """

    def __init__(self, path: Path, secrets: Mapping[str, HookSecret]) -> None:
        self._path = path
        self._secrets = dict(secrets)

    @classmethod
    def open(cls, directory: Path) -> "HookSecrets":
        """Those in *directory*. Raises DataDirectoryUnusable and StorageFull."""
        path = directory / SECRETS_FILE
        try:
            with storage_errors():
                return cls(path, _loaded(path))
        except OSError as error:
            raise DataDirectoryUnusable(
                f"The secrets of webhooks in {path} cannot be read: {error.strerror}."
            ) from error

    def of(self, hook_id: str) -> HookSecret | None:
        """That of one webhook."""
        return self._secrets.get(hook_id)

    async def put(self, hook_id: str, secret: HookSecret) -> None:
        """Keep *secret*, in the place of any other."""
        await self._save(self._secrets | {hook_id: secret})

    async def keep(self, hook_ids: Collection[str]) -> None:
        """Forget all but those of *hook_ids*."""
        kept = {key: each for key, each in self._secrets.items() if key in hook_ids}
        if len(kept) < len(self._secrets):
            await self._save(kept)

    async def _save(self, secrets: dict[str, HookSecret]) -> None:
        document = {
            hook_id: {
                "current": each.current,
                "previous": each.previous,
                "previous_until_ms": each.previous_until_ms,
            }
            for hook_id, each in secrets.items()
        }
        with disk_errors():
            await asyncio.to_thread(write_private, self._path, {"secrets": document})
        self._secrets = secrets


def _loaded(path: Path) -> dict[str, HookSecret]:
    try:
        text = path.read_bytes()
    except FileNotFoundError:
        return {}
    # Whoever copied it here may have let others read it.
    path.chmod(0o600)
    try:
        return {
            str(hook_id): _secret(each) for hook_id, each in json.loads(text)["secrets"].items()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        # Not the cause: it may quote the file.
        raise DataDirectoryUnusable(
            f"{path} is damaged: it does not hold secrets of webhooks. Restore it, or move it "
            "away and rotate the secret of every webhook."
        ) from None


def _secret(members: Mapping[str, Any]) -> HookSecret:
    return HookSecret(
        str(members["current"]), str(members["previous"]), int(members["previous_until_ms"])
    )
