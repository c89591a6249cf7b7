"""EventBridge and its Scheduler over a real database, for unmodified boto3 clients."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from sqlalchemy import Connection, delete, update
from starlette.types import Receive, Scope, Send

from tests.api.harness import HOST, Harness
from tests.conftest import REGION
from tests.triggers.scheduling import Open
from wasmfaas.api.eventbridge.operations import EventBridgeOperations
from wasmfaas.api.eventbridge.service import EVENTBRIDGE
from wasmfaas.api.scheduler.application import SchedulerApi
from wasmfaas.api.scheduler.operations import SchedulerOperations
from wasmfaas.api.targeted import TargetedApi
from wasmfaas.auth.authenticator import AnyoneAuthenticator
from wasmfaas.schedules.arns import ScheduleArns
from wasmfaas.store.occurrences import Occurrences
from wasmfaas.store.rules import RuleTargets
from wasmfaas.store.schedule_groups import ScheduleGroups
from wasmfaas.store.schedule_tables import SCHEDULE_GROUPS, SCHEDULES
from wasmfaas.store.schedules import Schedules
from wasmfaas.store.schema import EVENTS
from wasmfaas.triggers.event_bus import EventBus
from wasmfaas.triggers.schedule_events import EventMaker
from wasmfaas.triggers.schedules import Permissions

FUNCTION = f"arn:aws:lambda:{REGION}:000000000000:function:f"
ROLE = "arn:aws:iam::000000000000:role/r"
OFF = {"Mode": "OFF"}


class ScheduleHarness(Harness):
    """The Lambda API's harness with EventBridge and its Scheduler in its place."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        arns = ScheduleArns(REGION, self.settings.account_id)
        authenticator = AnyoneAuthenticator(self.settings.account_id)
        self.schedules, targets = Schedules(self.database), RuleTargets(self.database)
        self.policies = Open()
        occurrences, maker = Occurrences(self.database), EventMaker(arns)
        permissions = Permissions(self.policies, maker)
        bus = EventBus(targets, occurrences, self.queue, permissions, maker)
        scheduler = SchedulerOperations(
            arns=arns, schedules=self.schedules, groups=ScheduleGroups(self.database)
        )
        events = EventBridgeOperations(
            arns=arns, schedules=self.schedules, targets=targets, bus=bus
        )
        by_header = TargetedApi(EVENTBRIDGE, events, authenticator)
        by_path = SchedulerApi(scheduler, authenticator)

        async def api(scope: Scope, receive: Receive, send: Send) -> None:
            named = EVENTBRIDGE.matches(scope)
            await (by_header if named else by_path)(scope, receive, send)

        self.api = api  # type: ignore[assignment]
        self.scheduler = self._made("scheduler", "scheduler")
        self.events = self._made("events", "eventbridge")

    def schedule(self, name: str = "s", **members: Any) -> Any:
        """CreateSchedule with what is not in *members* filled in."""
        given = {
            "Name": name,
            "ScheduleExpression": "cron(0 9 ? * MON-FRI *)",
            "FlexibleTimeWindow": OFF,
            "Target": {"Arn": FUNCTION, "RoleArn": ROLE},
        }
        return self.scheduler.create_schedule(**(given | members))

    def rule(self, name: str = "r", **members: Any) -> Any:
        """PutRule, every hour unless *members* say otherwise."""
        given = members or {"ScheduleExpression": "rate(1 hour)"}
        return self.events.put_rule(Name=name, **given)

    def targets(self, *targets: Mapping[str, Any], rule: str = "r") -> Any:
        return self.events.put_targets(Rule=rule, Targets=[{"Arn": FUNCTION, **t} for t in targets])

    def clear(self) -> None:
        """Delete all there is."""

        def transaction(connection: Connection) -> None:
            connection.execute(delete(SCHEDULES))
            groups = SCHEDULE_GROUPS
            connection.execute(delete(groups).where(groups.c.name != "default"))
            connection.execute(update(groups).values(tags="{}"))
            connection.execute(delete(EVENTS))

        self.run(self.database.run(transaction))
        self.policies.closed.clear()

    def queued(self) -> Sequence[Any]:
        """The payloads of what waits."""
        claimed = self.run(self.queue.claim(100))
        return [json.loads(event.payload) for event in claimed]

    def _made(self, service: str, event: str) -> Any:
        client = boto3.client(
            service,
            endpoint_url=f"http://{HOST}",
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 0}),
        )
        client.meta.events.register(f"before-send.{event}", self._before_send)
        return client


def in_hours(hours: float) -> int:
    return int(time.time() + hours * 3600)
