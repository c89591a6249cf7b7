"""The default event bus: events that clients send go to the rules whose pattern they match."""

from collections.abc import Mapping, Sequence
from typing import Any

from wasmfaas import patterns
from wasmfaas.errors import TooManyRequests
from wasmfaas.schedules.arns import DEFAULT
from wasmfaas.store.events import NewEvent
from wasmfaas.store.occurrences import Occurrences, Refused
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.rules import RuleTargets
from wasmfaas.store.schedules import Schedule
from wasmfaas.triggers.schedule_events import EventMaker
from wasmfaas.triggers.schedules import Permissions


class EventBus:
    """Takes events. Lifetime: process."""

    def __init__(
        self,
        targets: RuleTargets,
        occurrences: Occurrences,
        queue: EventQueue,
        permissions: Permissions,
        events: EventMaker,
    ) -> None:
        self._targets = targets
        self._occurrences = occurrences
        self._queue = queue
        self._permissions = permissions
        self._events = events

    async def put(self, said: Sequence[Mapping[str, Any]]) -> None:
        """Enqueue what the rules make of events, in one transaction; synced when this returns.

        Raises TooManyRequests while the queue is full, StorageFull.
        """
        if self._queue.is_full:
            raise TooManyRequests("As many events wait as may. Try again later.", reason="Queue")
        events: list[NewEvent] = []
        refused: list[Refused] = []
        for rule, targets in await self._targets.matched(DEFAULT):
            allowed = await self._permissions.allowed(rule, targets)
            for event in said:
                if _matches(rule, event):
                    made, barred = self._events.of_targets(rule, targets, event, allowed)
                    events += made
                    refused += barred
        if events or refused:
            await self._occurrences.enter(events, refused)
            self._queue.note(len(events))


def _matches(rule: Schedule, event: Mapping[str, Any]) -> bool:
    try:
        return patterns.parse(rule.pattern or "").matches(event)
    except (patterns.InvalidPattern, patterns.EventTooComplex):
        return False
