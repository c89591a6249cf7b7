"""Packages, of functions and of layers: taken in, unpacked, and removed once nothing uses them."""

import asyncio
import contextlib
import logging
import weakref
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from wasmfaas.errors import (
    CodeStorageExceeded,
    InvalidParameterValue,
    ServiceUnavailable,
    WasmfaasError,
)
from wasmfaas.models import LayerReference
from wasmfaas.settings import Settings
from wasmfaas.store import bundles
from wasmfaas.store.code import Code, CodeStore

_log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: Packages that are unzipped at once; more wait, so that a burst of deployments leaves room for
#: invocations.
_INTAKES_MAX: Final = 2
#: What is not used any more is kept for this long, since an invocation may still read its files.
_READERS_GONE_S: Final = 20 * 60.0


class References(Protocol):
    """Who knows what is in use."""

    async def code_digests_in_use(self) -> set[str]: ...

    async def totals(self) -> tuple[int, int]: ...


class Packages:
    """Takes packages in. Lives as long as the server.

    Methods raise StorageFull where the disk is full, ServiceUnavailable after `close`.
    """

    def __init__(self, settings: Settings, references: References, code_store: CodeStore) -> None:
        self._settings = settings
        self._references = references
        self._code = code_store
        self._threads = ThreadPoolExecutor(_INTAKES_MAX, thread_name_prefix="intake")
        #: One intake at a time per package, from its arrival to its row.
        self._intakes: weakref.WeakValueDictionary[str, asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )
        self._changed = False
        self._closed = False

    async def take_in(self, package: bytes, enter: Callable[[Code], Awaitable[Result]]) -> Result:
        """Check and store the zip *package*, then *enter* it. Nothing of it is left where that
        raises.

        Raises InvalidParameterValue and RequestEntityTooLarge for a package that cannot be used,
        CodeStorageExceeded where all of them would be too large.
        """
        await self._check_total(len(package))
        await self._in_thread(bundles.inspect, package, self._settings)
        code = await self._in_thread(Code.of, package)
        intake = self._intakes.setdefault(code.digest, asyncio.Lock())
        async with intake:
            try:
                await self._in_thread(self._code.put, package)
                return await enter(code)
            except BaseException:
                await self.discard_unused(code.digest)
                raise

    async def task_path(self, digest: str) -> Path:
        """The folder that holds the unpacked package. Raises ServiceFailure where it is missing."""
        unpacked = self._code.unpacked(digest)
        if unpacked is None:
            unpacked = await self._in_thread(self._code.task_path, digest)
        return unpacked

    async def layers_path(self, layers: Sequence[LayerReference]) -> Path | None:
        """The folder that holds *layers*, later ones over earlier ones; None where there are none.
        Raises ServiceFailure where one is missing."""
        if not layers:
            return None
        return await self._in_thread(self._code.layers_path, [layer.digest for layer in layers])

    async def check_size(self, digest: str, layers: Sequence[LayerReference]) -> None:
        """Raise InvalidParameterValue where a package and *layers* are too large together."""
        if not layers:
            return
        digests = [digest, *(layer.digest for layer in layers)]
        sizes = [await self._in_thread(self._code.unzipped_bytes, each) for each in digests]
        limit = self._settings.unzipped_bytes_max
        if sum(sizes) > limit:
            raise InvalidParameterValue(
                f"Function code combined with layers exceeds the maximum allowed size of {limit} "
                f"bytes. The actual size is {sum(sizes)} bytes."
            )

    async def _check_total(self, size: int) -> None:
        """Raise CodeStorageExceeded where there is no room for *size* bytes. Packages that come at
        the same time may exceed it together, by what may be held of requests."""
        limit = self._settings.code_bytes_total_max
        _, stored = await self._references.totals()
        if stored + size > limit:
            raise CodeStorageExceeded(
                f"Code storage limit exceeded. All packages have {stored} bytes, this one {size}, "
                f"and {limit} are allowed together. Delete versions or layers that are not used, "
                "or start the server with a larger --code-bytes-total-max."
            )

    async def discard_unused(self, digest: str) -> None:
        """Remove a package whose intake ends, unless it is in use. What cannot be removed now is
        swept later."""
        with contextlib.suppress(WasmfaasError):
            if digest not in await self._references.code_digests_in_use():
                await self._in_thread(self._code.discard, digest)

    def note_change(self) -> None:
        """From now on, something may be of no more use: it is swept in time."""
        self._changed = True

    async def sweep(self, grace_s: float = _READERS_GONE_S) -> bool:
        """Remove what nothing has used for *grace_s* seconds; whether there is more to remove
        later. What fails is logged."""
        try:
            in_use = await self._references.code_digests_in_use()
            return await self._in_thread(self._code.sweep, in_use | set(self._intakes), grace_s)
        except (WasmfaasError, OSError) as error:
            _log.warning("unused packages stay on disk for now: %s", error)
            return True

    async def keep_swept(self, interval_s: float) -> None:
        """Sweep every *interval_s* seconds, where something may be of no more use, until
        cancelled."""
        while True:
            await asyncio.sleep(interval_s)
            if self._changed:
                self._changed = False
                if await self.sweep():
                    self.note_change()

    async def close(self) -> None:
        """Finish what has begun. May be called again."""
        self._closed = True
        await asyncio.to_thread(self._threads.shutdown)

    async def _in_thread(self, function: Callable[..., Result], *arguments: Any) -> Result:
        if self._closed:
            raise ServiceUnavailable("The server is stopping.")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, function, *arguments)
