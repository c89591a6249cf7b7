"""The composition root: every part of a server, made once, wired by constructor, taken down in
reverse."""

from collections.abc import Callable
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from wasmfaas.api.guard import Guard
from wasmfaas.edge.bodies import HeldBodies
from wasmfaas.front import Front
from wasmfaas.settings import Settings
from wasmfaas.triggers.direct import DirectCalls
from wasmfaas.triggers.url_targets import is_function_url
from wasmfaas.wiring import apis, capabilities, event_sources
from wasmfaas.wiring.core import Core
from wasmfaas.wiring.events import EventParts, open_event_queue
from wasmfaas.wiring.queues import open_queues


class Node:
    """One server's parts. Lives as long as the server; `async with` brings it up and down."""

    def __init__(self, settings: Settings, progress: Callable[[str], None]) -> None:
        self.settings = settings
        self._progress = progress
        self._closing = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises WasmfaasError for what the operator has to be told."""
        try:
            await self._open()
        except BaseException:
            await self._closing.aclose()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._closing.aclose()

    def stop(self) -> None:
        """End what would go on for ever; what has an end may come to it."""
        self._core.logs.close()
        self._events.runner.stop()
        self._pollers.stop()
        self._queues.stop()

    def cut_short(self) -> None:
        """End the invocations that still run. Their callers are told, and their usage is kept."""
        self._core.workers.cut_short()

    async def _open(self) -> None:
        self._core = core = await Core.open(self.settings, self._closing, self._progress)
        self.directory = core.directory
        self._queues = await open_queues(core)
        queue = await open_event_queue(core)
        # Before anything runs that may ask.
        capabilities.connect(core, queue)
        self._events = events = await EventParts.open(core, queue, self._queues)
        self._pollers = await event_sources.open_pollers(core, events, self._queues)
        urls = apis.function_urls(core)
        front = Front(apis.rows(core, urls, events, self._queues))
        guard = Guard(front, is_function_url, self.settings.is_local)
        self.application = HeldBodies(guard, self.settings.bytes_held_max)
        #: For requests of function URLs that are known, and nothing else stands in their way.
        self.shortcut = DirectCalls(urls.targets, core.invoker, guard.admits)
