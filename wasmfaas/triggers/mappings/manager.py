"""Sees to it that the sources of all enabled mappings are polled, as the mappings are now."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from wasmfaas.errors import WasmfaasError
from wasmfaas.patterns import InvalidPattern
from wasmfaas.settings import Settings
from wasmfaas.sources.source import Source, SourceMapping
from wasmfaas.store.event_sources import DELETING, EventSourceMapping
from wasmfaas.store.polling import LEASE_MS, Polling
from wasmfaas.triggers.mappings.calls import Calls, Functions, Invoker, Stopped
from wasmfaas.triggers.mappings.discards import Discards, Outlet
from wasmfaas.triggers.mappings.poller import Plan, Poller
from wasmfaas.triggers.mappings.queue_poller import QueuePoller
from wasmfaas.triggers.mappings.stream_poller import StreamPoller

_log = logging.getLogger(__name__)

#: Beside being woken: for what other servers change, and leases that run out.
_STEP_EVERY_S: Final = 1.0
#: After polling of a mapping ended in an error of ours.
_RESTART_S: Final = 5.0
_LEAVE_S: Final = 5.0


class Sources(Protocol):
    """What makes sources."""

    async def open(self, mapping: SourceMapping) -> Source:
        """The source that *mapping* names. Raises SourceFailed."""
        ...


@dataclass(slots=True)
class Active:
    """A mapping of which the source is polled, at one revision."""

    mapping: EventSourceMapping
    calls: Calls
    task: "asyncio.Task[None]"


class EventSourcePollers:
    """Polls the sources of the mappings that this server has leased. Lives as long as the
    server."""

    def __init__(
        self,
        settings: Settings,
        polling: Polling,
        changed: asyncio.Event,
        sources: Sources,
        invoker: Invoker,
        functions: Functions,
        outlet: Outlet,
        arn: Callable[[str, str | None], str],
    ) -> None:
        self._settings = settings
        self._polling = polling
        self._changed = changed
        self._sources = sources
        self._invoker = invoker
        self._functions = functions
        self._outlet = outlet
        self._arn = arn
        self._active: dict[str, Active] = {}
        self._leased_at = time.monotonic()
        self._stopped = False

    async def run(self) -> None:
        """Poll until cancelled, or until `stop`."""
        while not self._stopped:
            self._changed.clear()
            began = time.monotonic()
            try:
                await self.step()
                self._leased_at = began
            except WasmfaasError as error:
                _log.warning("event source mappings cannot be looked up: %s", error.message)
                self._let_go_of_lost()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), _STEP_EVERY_S)

    async def step(self) -> None:
        """Bring what is polled a step nearer to what is to be."""
        mappings = await self._polling.claim(self._settings.event_source_mappings_max)
        for uuid in self._active.keys() - {mapping.uuid for mapping in mappings}:
            self._active[uuid].task.cancel()  # Another server has it.
        for uuid, active in list(self._active.items()):
            if active.task.done():
                del self._active[uuid]
        for mapping in mappings:
            await self._see_to(mapping)

    def stop(self) -> None:
        """Receive nothing more."""
        self._stopped = True
        self._changed.set()
        for active in self._active.values():
            active.calls.stop()

    async def close(self) -> None:
        """Let the batches that run come to their end, for a while; what has not, is delivered
        again."""
        self.stop()
        tasks = [active.task for active in self._active.values()]
        if tasks:
            await asyncio.wait(tasks, timeout=_LEAVE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(WasmfaasError):
            await self._polling.close()

    async def _see_to(self, mapping: EventSourceMapping) -> None:
        active = self._active.get(mapping.uuid)
        wanted = mapping.state != DELETING and mapping.configuration["Enabled"]
        if active is not None:
            if not wanted or active.mapping.revision != mapping.revision:
                active.calls.stop()  # And on once it has ended.
            return
        if mapping.state == DELETING:
            await self._polling.remove(mapping)
            return
        if wanted and not self._stopped:
            self._begin(mapping)
        if mapping.state is not None:
            await self._polling.seen(mapping)

    def _begin(self, mapping: EventSourceMapping) -> None:
        calls = Calls(mapping, self._invoker, self._functions, self._polling, self._arn)
        task = asyncio.ensure_future(self._poll(mapping, calls))
        task.add_done_callback(lambda task: self._changed.set())
        self._active[mapping.uuid] = Active(mapping, calls, task)

    async def _poll(self, mapping: EventSourceMapping, calls: Calls) -> None:
        """Poll the source of *mapping* until *calls* are stopped."""
        with contextlib.suppress(Stopped):
            try:
                poller = await self._poller(mapping, calls)
                await poller.run()
            except Exception as error:
                if isinstance(error, Stopped):
                    raise
                _log.exception("polling for event source mapping %s failed", mapping.uuid)
                await calls.note(f"PROBLEM: {type(error).__name__} in the server's log")
                await calls.pause(_RESTART_S)

    async def _poller(self, mapping: EventSourceMapping, calls: Calls) -> Poller:
        settings, configuration = self._settings, mapping.configuration
        named = SourceMapping(
            uuid=mapping.uuid,
            arn=configuration.get("EventSourceArn", ""),
            configuration=configuration,
            tags=configuration.get("Tags") or {},
            function_name=mapping.function_name,
        )
        plan = _plan(settings, mapping)
        source = await calls.persistently(lambda: self._sources.open(named))
        if not source.ordered:
            return QueuePoller(plan, source, calls)
        discards = Discards(mapping, plan.on_failure, self._outlet, self._arn, time.time)
        return StreamPoller(plan, source, calls, discards)

    def _let_go_of_lost(self) -> None:
        """End what others may poll by now: the leases could not be prolonged."""
        if time.monotonic() - self._leased_at > LEASE_MS / 1000 * 0.9:
            for active in self._active.values():
                active.task.cancel()


def _plan(settings: Settings, mapping: EventSourceMapping) -> Plan:
    try:
        return Plan.of(
            mapping.configuration,
            bytes_max=settings.event_bytes_max,
            concurrency_max=settings.event_source_concurrency_max,
        )
    except InvalidPattern as error:
        # It was checked when it was stored; only a database from elsewhere can hold it.
        raise ValueError(f"FilterCriteria: {error}") from None
