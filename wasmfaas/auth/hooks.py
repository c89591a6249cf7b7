"""Webhooks with their secrets: what of them is in the database, and what is not."""

import asyncio
import base64
import contextlib
import logging
import secrets
import uuid
from collections.abc import Callable
from typing import Final

from wasmfaas.auth.hook_secrets import HookSecret, HookSecrets
from wasmfaas.errors import InvalidParameterValue, ResourceNotFound, WasmfaasError
from wasmfaas.hooks.definitions import Definition, check_name, check_secret
from wasmfaas.store.hooks import Hook, Hooks

_log = logging.getLogger(__name__)

OVERLAP_S_MAX: Final = 7 * 24 * 60 * 60
_SECRET_BYTES: Final = 32


class HookBook:
    """Creates, changes and deletes webhooks. Lifetime: process.

    *clock* gives Unix time in seconds. A secret is stored before the webhook that goes by it, so
    that none is ever without.
    """

    def __init__(self, hooks: Hooks, kept: HookSecrets, clock: Callable[[], float]) -> None:
        self._hooks = hooks
        self._kept = kept
        self._clock = clock
        self._changing = asyncio.Lock()
        self.get = hooks.get
        self.all = hooks.all

    async def create(
        self, name: str, wanted: Definition, secret: str | None, *, is_declared: bool = False
    ) -> Hook:
        """A new webhook that goes by *secret*, or by one that is made up.

        Raises InvalidParameterValue, ResourceConflict, ResourceNotFound and StorageFull.
        """
        check_name(name)
        chosen = _made_up(wanted) if secret is None else check_secret(secret)
        hook_id = str(uuid.uuid4())
        async with self._changing:
            await self._kept.put(hook_id, HookSecret(chosen))
            try:
                return await self._hooks.add(hook_id, name, wanted, is_declared=is_declared)
            except WasmfaasError:
                await self._sweep()
                raise

    async def put(self, name: str, wanted: Definition, *, is_declared: bool) -> tuple[Hook, bool]:
        """Make the webhook what is *wanted*; it keeps its secret. Whether it is new, too.

        Raises as `create` does.
        """
        check_name(name)
        try:
            return await self._hooks.change(name, wanted, is_declared=is_declared), False
        except ResourceNotFound:
            return await self.create(name, wanted, None, is_declared=is_declared), True

    async def rotate(self, name: str, secret: str | None, overlap_s: int) -> Hook:
        """Have it go by *secret*, or by one that is made up, and for *overlap_s* seconds by the
        one before as well. Raises InvalidParameterValue, ResourceNotFound and StorageFull."""
        if not 0 <= overlap_s <= OVERLAP_S_MAX:
            raise InvalidParameterValue(
                f"overlap_s is {overlap_s}, but must be from 0 to {OVERLAP_S_MAX} seconds."
            )
        async with self._changing:
            hook = await self._hooks.get(name)
            chosen = _made_up(hook.definition) if secret is None else check_secret(secret)
            before = self._kept.of(hook.id)
            changed = HookSecret(chosen)
            if before is not None and overlap_s:
                until_ms = int((self._clock() + overlap_s) * 1000)
                changed = HookSecret(chosen, before.current, until_ms)
            await self._kept.put(hook.id, changed)
        return hook

    async def delete(self, name: str) -> Hook:
        """Take it away, with its secret. Raises ResourceNotFound and StorageFull."""
        async with self._changing:
            hook = await self._hooks.delete(name)
            await self._sweep()
        return hook

    def secret(self, hook: Hook) -> HookSecret:
        """What *hook* goes by. Raises ResourceNotFound where its secret was lost."""
        found = self._kept.of(hook.id)
        if found is None:
            raise ResourceNotFound(
                f"The secret of the webhook {hook.name} is not there any more. Rotate it."
            )
        return found

    def secrets(self, hook: Hook) -> tuple[str, ...]:
        """The secrets that are good for *hook* now; none where it has none."""
        found = self._kept.of(hook.id)
        return () if found is None else found.taken(self._clock() * 1000)

    async def sweep(self) -> None:
        """Forget secrets of webhooks that are no more: they go with their functions."""
        async with self._changing:
            await self._sweep()

    async def _sweep(self) -> None:
        # What is left stays until the next time: nothing goes by it.
        with contextlib.suppress(WasmfaasError):
            await self._kept.keep(await self._hooks.ids())


def _made_up(wanted: Definition) -> str:
    if wanted.scheme.decodes_secret:
        return "whsec_" + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    return secrets.token_urlsafe(_SECRET_BYTES)
