"""Schedules, rules, and the event bus."""

from dataclasses import dataclass
from typing import Self

from wasmfaas.api.eventbridge.operations import EventBridgeOperations
from wasmfaas.api.eventbridge.service import EVENTBRIDGE
from wasmfaas.api.scheduler.application import SchedulerApi, is_scheduler
from wasmfaas.api.scheduler.operations import SchedulerOperations
from wasmfaas.api.schedules import ScheduleRoutes
from wasmfaas.api.targeted import TargetedApi
from wasmfaas.front import Row
from wasmfaas.schedules.arns import ScheduleArns
from wasmfaas.store.occurrences import Occurrences
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.rules import RuleTargets
from wasmfaas.store.schedule_groups import ScheduleGroups
from wasmfaas.store.schedules import Schedules
from wasmfaas.triggers.event_bus import EventBus
from wasmfaas.triggers.schedule_events import EventMaker
from wasmfaas.triggers.schedules import Permissions, ScheduleRunner
from wasmfaas.wiring.core import Core


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleParts:
    """What serves them, and our own routes about them. Lifetime: process."""

    rows: tuple[Row, ...]
    routes: ScheduleRoutes

    @classmethod
    def open(cls, core: Core, queue: EventQueue) -> Self:
        arns = ScheduleArns(core.settings.region, core.settings.account_id)
        schedules, targets = Schedules(core.database), RuleTargets(core.database)
        occurrences, maker = Occurrences(core.database), EventMaker(arns)
        permissions = Permissions(core.registry.attachments, maker)
        runner = ScheduleRunner(occurrences, queue, permissions, maker)
        core.tasks.start(runner.run())
        core.tasks.start(runner.keep_pruned())
        scheduler = SchedulerOperations(
            arns=arns, schedules=schedules, groups=ScheduleGroups(core.database)
        )
        bus = EventBus(targets, occurrences, queue, permissions, maker)
        events = EventBridgeOperations(arns=arns, schedules=schedules, targets=targets, bus=bus)
        authenticator = core.authenticator
        rows = (
            (EVENTBRIDGE.matches, TargetedApi(EVENTBRIDGE, events, authenticator)),
            (is_scheduler, SchedulerApi(scheduler, authenticator)),
        )
        return cls(rows=rows, routes=ScheduleRoutes(schedules, targets, occurrences))
