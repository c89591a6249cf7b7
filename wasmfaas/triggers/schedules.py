"""Fires what is due.

Where a server comes late, because none ran, the newest occurrence that was missed is made up for,
unless it is older than MaximumEventAgeInSeconds (a day, if nothing is said); older ones are counted
as skipped.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Protocol

from wasmfaas.errors import WasmfaasError
from wasmfaas.policy import INVOKE, Policy, Request
from wasmfaas.schedules.timing import Times
from wasmfaas.store.events import NewEvent
from wasmfaas.store.occurrences import Due, Firing, Occurrences, Refused
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.rules import RuleTarget
from wasmfaas.store.schedules import SCHEDULE, Schedule
from wasmfaas.triggers.schedule_events import AGE_S_MAX, EventMaker

_log = logging.getLogger(__name__)

_POLL_S: Final = 1.0
_TROUBLE_S: Final = 5.0
_PRUNE_EVERY_S: Final = 60.0
#: Schedules that one transaction fires.
_BATCH: Final = 100
#: When something that cannot be fired is tried again.
_LATER_MS: Final = 60_000
PRINCIPAL: Final = "events.amazonaws.com"


class Policies(Protocol):
    """Where policies of functions are looked up."""

    async def policy(self, name: str, qualifier: str = "") -> Policy | None: ...


@dataclass(frozen=True, slots=True)
class Permissions:
    """Whom functions let in. Lifetime: process."""

    policies: Policies
    events: EventMaker

    async def allow(self, rule: Schedule, target: RuleTarget) -> bool:
        """Whether EventBridge may invoke *target* for *rule*."""
        function = self.events.arns.function(target.arn)
        if function is None:
            return False
        policy = await self.policies.policy(*function)
        if policy is None:
            return False
        source = {
            "AWS:SourceArn": self.events.rule_arn(rule),
            "AWS:SourceAccount": self.events.arns.account_id,
        }
        request = Request(
            action=INVOKE, resource=target.arn, principal=PRINCIPAL, conditions=source
        )
        return policy.allows(request)

    async def allowed(self, rule: Schedule, targets: list[RuleTarget]) -> set[str]:
        """The ids of the *targets* that it may invoke."""
        return {target.id for target in targets if await self.allow(rule, target)}


class ScheduleRunner:
    """Fires what is due, once a second. Lives as long as the server."""

    def __init__(
        self,
        occurrences: Occurrences,
        queue: EventQueue,
        permissions: Permissions,
        events: EventMaker,
    ) -> None:
        self._occurrences = occurrences
        self._queue = queue
        self._permissions = permissions
        self._events = events

    async def run(self) -> None:
        """Fire what is due until cancelled."""
        troubled = False
        while True:
            try:
                more = await self.step()
            except WasmfaasError as error:
                if not troubled:
                    _log.warning("schedules cannot be fired: %s", error.message)
                troubled = True
                await asyncio.sleep(_TROUBLE_S)
                continue
            except Exception:
                _log.exception("schedules cannot be fired")
                await asyncio.sleep(_TROUBLE_S)
                continue
            troubled = False
            if not more:
                await asyncio.sleep(_POLL_S)

    async def keep_pruned(self) -> None:
        """Forget old occurrences now and then, until cancelled."""
        while True:
            await asyncio.sleep(_PRUNE_EVERY_S)
            with contextlib.suppress(WasmfaasError):
                while await self._occurrences.prune():
                    pass  # In transactions that do some of it, so that others get their turn.

    async def step(self) -> bool:
        """Fire what is due; whether there may be more. Nothing is while the queue is full."""
        if self._queue.is_full:
            return False
        due = await self._occurrences.due(_BATCH)
        if not due:
            return False
        allowed = {
            each.schedule.id: await self._permissions.allowed(each.schedule, list(each.targets))
            for each in due
        }
        self._queue.note(await self._fire(due, allowed))
        return len(due) == _BATCH

    async def _fire(self, due: list[Due], allowed: Mapping[str, set[str]]) -> int:
        def plan(one: Due, now_ms: int) -> Firing:
            return self._plan(one, allowed, now_ms)

        try:
            return await self._occurrences.fire(due, plan)
        except WasmfaasError:
            raise
        except Exception:
            _log.exception("schedules cannot be fired together")
        # One that cannot be stored is not to keep the others from being.
        made = 0
        for one in due:
            try:
                made += await self._occurrences.fire([one], plan)
            except WasmfaasError:
                raise
            except Exception:
                _log.error("%s %s cannot be fired", one.schedule.family, one.schedule.name)
        return made

    def _plan(self, due: Due, allowed: Mapping[str, set[str]], now_ms: int) -> Firing:
        schedule = due.schedule
        try:
            return self._firing(due, allowed[schedule.id], now_ms)
        except Exception:
            _log.exception("%s %s cannot be fired", schedule.family, schedule.name)
            return Firing(next_at_ms=schedule.next_at_ms, due_at_ms=now_ms + _LATER_MS)

    def _firing(self, due: Due, allowed: set[str], now_ms: int) -> Firing:
        schedule = due.schedule
        times = Times.of(schedule.configuration, schedule.identity(schedule.family))
        missed = times.missed(schedule.timing, now_ms)
        following = times.after(schedule.anchor_ms, missed.newest_at_ms)
        done = following.next_at_ms is None
        completion = schedule.configuration.get("ActionAfterCompletion")
        too_old = now_ms - missed.due_at_ms > _age_s(due) * 1000
        scheduled_at_ms = None if too_old else missed.newest_at_ms
        events, refused = ([], []) if too_old else self._made(due, allowed, missed.newest_at_ms)
        return Firing(
            scheduled_at_ms=scheduled_at_ms,
            events=events,
            refused=refused,
            skipped=missed.older + too_old,
            next_at_ms=following.next_at_ms,
            due_at_ms=following.due_at_ms,
            delete=done and completion == "DELETE",
        )

    def _made(
        self, due: Due, allowed: set[str], scheduled_at_ms: int
    ) -> tuple[list[NewEvent], list[Refused]]:
        """What is enqueued for an occurrence, and what may not be."""
        schedule = due.schedule
        if schedule.family == SCHEDULE:
            event = self._events.of_schedule(schedule, scheduled_at_ms)
            return ([] if event is None else [event]), []
        said = self._events.scheduled(schedule, scheduled_at_ms)
        return self._events.of_targets(schedule, due.targets, said, allowed)


def _age_s(due: Due) -> int:
    """How old an occurrence may become: as old as the most patient target takes it."""
    if due.schedule.family == SCHEDULE:
        targets = [due.schedule.configuration["Target"]]
    else:
        targets = [dict(target.configuration) for target in due.targets]
    ages = [each.get("RetryPolicy", {}).get("MaximumEventAgeInSeconds") for each in targets]
    return max((AGE_S_MAX if age is None else int(age) for age in ages), default=AGE_S_MAX)
