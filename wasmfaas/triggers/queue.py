"""Runs the asynchronous invocations that are queued."""

import asyncio
import contextlib
import functools
import logging
import random
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from wasmfaas.errors import ResourceNotFound, ServiceFailure, TooManyRequests, WasmfaasError
from wasmfaas.models import LATEST, InvocationContext, Outcome, Version
from wasmfaas.settings import Settings
from wasmfaas.store.attachments import Attachment, Kind
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.events import Attempt, Claimed
from wasmfaas.store.queue import EventQueue
from wasmfaas.triggers.verdicts import Arn, EventRules, Judgement

_log = logging.getLogger(__name__)

#: Beside being woken: for what is due again, or comes from other servers.
_POLL_S: Final = 1.0
_PRUNE_EVERY_S: Final = 60.0
_TROUBLE_S: Final = 1.0
#: How long events that run when the server stops have to come to their end.
_LEAVE_S: Final = 5.0


class Invoker(Protocol):
    """What every trigger ends in."""

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome: ...


class Attachments(Protocol):
    """Where it is looked up how events of a function are handled."""

    async def of_function(self, name: str, kind: Kind) -> list[Attachment]: ...

    async def reserved_concurrency(self, name: str) -> int | None: ...


class Versions(Protocol):
    """Where versions of functions are looked up."""

    async def require(self, name: str, qualifier: str | None = None) -> Version: ...


class EventRunner:
    """Claims events that are due, runs them, and says what becomes of them. Lives as long as the
    server; a bounded number of events runs at once, so that those who wait for an answer find
    workers, too."""

    def __init__(
        self,
        settings: Settings,
        queue: EventQueue,
        invoker: Invoker,
        attachments: Attachments,
        versions: Versions,
        arn: Arn,
        on_deliveries: Callable[[], None],
    ) -> None:
        self._concurrency_max = settings.events_concurrency_max
        self._record_bytes_max = settings.event_bytes_max
        self._queue = queue
        self._invoker = invoker
        self._attachments = attachments
        self._versions = versions
        self._arn = arn
        self._on_deliveries = on_deliveries
        self._rules: dict[str, Mapping[str, EventRules]] = {}
        self._changes = 0
        self._running: set[asyncio.Task[None]] = set()
        self._stopped = False

    async def run(self) -> None:
        """Run events until cancelled, or until `stop`."""
        troubled = False
        while not self._stopped:
            try:
                await self.step()
            except WasmfaasError as error:
                if not troubled:
                    _log.warning("events cannot be taken from the queue: %s", error.message)
                troubled = True
                await asyncio.sleep(_TROUBLE_S)
                continue
            except Exception:
                _log.exception("events cannot be taken from the queue")
                await asyncio.sleep(_TROUBLE_S)
                continue
            troubled = False
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.woken.wait(), _POLL_S)

    async def step(self) -> None:
        """Begin as many of the events that are due as may run."""
        self._queue.woken.clear()
        free = self._concurrency_max - len(self._running)
        if free <= 0:
            return
        for event in await self._queue.claim(free):
            task = asyncio.ensure_future(self._run(event))
            self._running.add(task)
            task.add_done_callback(functools.partial(self._ended, event.id))

    async def keep_leases(self) -> None:
        """Prolong the leases of what runs, until cancelled."""
        while True:
            await asyncio.sleep(self._queue.lease_ms / 3000)
            if self._running:
                with contextlib.suppress(WasmfaasError):  # there will be another time
                    await self._queue.renew()

    def stop(self) -> None:
        """Begin nothing more."""
        self._stopped = True
        self._queue.woken.set()

    async def settled(self) -> None:
        """Wait until nothing runs."""
        while self._running:
            await asyncio.wait(self._running)

    async def close(self) -> None:
        """Let what runs come to its end, for a while; what has not, runs again when the next server
        starts."""
        self.stop()
        if self._running:
            await asyncio.wait(self._running, timeout=_LEAVE_S)
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def forget(self, name: str) -> None:
        """Look up anew how events of *name* are handled; called for every change of a function."""
        self._changes += 1
        self._rules.pop(name, None)

    def _ended(self, event_id: str, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._queue.let_go(event_id)
        self._queue.woken.set()
        if not task.cancelled() and task.exception() is not None:
            _log.error("an event was given up", exc_info=task.exception())

    async def _run(self, event: Claimed) -> None:
        rules = await _persistently(lambda: self._rules_of(event))
        too_old = event.started_at_ms - event.enqueued_at_ms > rules.age_ms_max
        result = None if too_old else await self._invoke(event)
        is_barred = isinstance(result, TooManyRequests) and await _persistently(
            lambda: self._is_barred(event.function_name)
        )
        judge = Judgement(
            rules=rules,
            event=event,
            result=result,
            arn=self._arn,
            dead_letters_to=await _persistently(lambda: self._dead_letters_to(event, result)),
            is_barred=is_barred,
            record_bytes_max=self._record_bytes_max,
        )
        attempt = _attempt(result)
        verdict = await _persistently(lambda: self._queue.settle(event, attempt, judge))
        if verdict is not None and verdict.deliveries:
            self._on_deliveries()

    async def _invoke(self, event: Claimed) -> Outcome | WasmfaasError:
        qualifier = event.qualifier or None
        context = InvocationContext(
            request_id=event.id,
            invoked_function_arn=self._arn(event.function_name, qualifier),
            client_context=event.client_context,
            trace_id=event.trace_id,
            attempt=event.attempt,
        )
        try:
            return await self._invoker.invoke(
                event.function_name, event.payload, context, qualifier
            )
        except WasmfaasError as error:
            return error
        except Exception:
            _log.exception("event %s could not be run", event.id)
            return ServiceFailure("The event could not be run; the server's log says why.")

    async def _dead_letters_to(
        self, event: Claimed, result: Outcome | WasmfaasError | None
    ) -> str | None:
        """Where *event* goes if this was its last attempt, as the version that ran says."""
        if isinstance(result, Outcome) and result.error_type is None:
            return None
        ran = result.executed_version if isinstance(result, Outcome) else event.qualifier
        try:
            version = await self._versions.require(event.function_name, ran or None)
        except ResourceNotFound:
            return None
        return dead_letters_to(version)

    async def _is_barred(self, name: str) -> bool:
        return await self._attachments.reserved_concurrency(name) == 0

    async def _rules_of(self, event: Claimed) -> EventRules:
        name = event.function_name
        rules = self._rules.get(name)
        if rules is None:
            changes = self._changes
            found = await self._attachments.of_function(name, Kind.EVENT_INVOKE)
            rules = {each.qualifier: EventRules.of(each.value) for each in found}
            if self._changes == changes:
                self._rules[name] = rules
        return rules.get(event.qualifier or LATEST, EventRules()).within(event)


async def keep_pruned(events: Events, queue: EventQueue) -> None:
    """Delete what has been kept long enough, now and then, until cancelled."""
    while True:
        await asyncio.sleep(_PRUNE_EVERY_S)
        with contextlib.suppress(WasmfaasError):
            await events.prune()
            await queue.recount()


async def _persistently(work: Callable[[], Any]) -> Any:
    """The result of *work*, tried again for as long as storage fails: nobody else can do it while
    the lease is held."""
    while True:
        try:
            return await work()
        except WasmfaasError as error:
            _log.warning("an event has to wait: %s", error.message)
            await asyncio.sleep(_TROUBLE_S * (1 + random.random()))


def dead_letters_to(version: Version) -> str | None:
    """The queue or topic that dead letters of *version* go to, as an ARN."""
    config = version.deployment.configuration.get("DeadLetterConfig", {})
    return config.get("TargetArn") or None


def _attempt(result: Outcome | WasmfaasError | None) -> Attempt:
    if result is None:
        message = "The event waited for longer than it may (MaximumEventAgeInSeconds)."
        return Attempt(usage=None, error_type="EventAgeExceeded", error=message)
    if isinstance(result, WasmfaasError):
        return Attempt(usage=None, error_type=result.code, error=result.message)
    failed = result.error_type is not None
    error = result.payload[:1000].decode("utf-8", "replace") if failed else None
    return Attempt(usage=result.usage, error_type=result.error_type, error=error)
