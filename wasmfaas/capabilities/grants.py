"""What functions were given, remembered until they change."""

from typing import Protocol

from wasmfaas.permissions import Permissions
from wasmfaas.store.attachments import Attachment, Kind


class Attachments(Protocol):
    """Where it is kept."""

    async def get(self, name: str, kind: Kind, qualifier: str = "") -> Attachment | None: ...


class Grants:
    """The permissions of all functions. Lives as long as the server."""

    def __init__(self, attachments: Attachments) -> None:
        self._attachments = attachments
        self._known: dict[str, Permissions] = {}
        self._changes = 0

    async def of(self, function_name: str) -> Permissions:
        """What *function_name* may do: nothing, unless somebody said otherwise."""
        known = self._known.get(function_name)
        if known is None:
            changes = self._changes
            found = await self._attachments.get(function_name, Kind.PERMISSIONS)
            known = Permissions() if found is None else Permissions.of(found.value)
            if self._changes == changes:
                self._known[function_name] = known
        return known

    def forget(self, function_name: str) -> None:
        """Look them up anew; called for every change of a function."""
        self._changes += 1
        self._known.pop(function_name, None)
