"""Schedules and rules in a database, with a clock that a test sets."""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, select

from wasmfaas.api.schedule_timers import never, timer
from wasmfaas.policy import Policy
from wasmfaas.schedules.arns import ScheduleArns
from wasmfaas.store.database import Database
from wasmfaas.store.occurrences import Occurrences
from wasmfaas.store.queue import EventQueue
from wasmfaas.store.rules import RuleTarget, RuleTargets
from wasmfaas.store.schedule_tables import OCCURRENCES
from wasmfaas.store.schedules import RULE, SCHEDULE, Draft, Schedule, Schedules
from wasmfaas.store.schema import EVENTS
from wasmfaas.triggers.schedule_events import EventMaker
from wasmfaas.triggers.schedules import Permissions, ScheduleRunner

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
ROLE = "arn:aws:iam::000000000000:role/r"
HOUR_MS = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


class Open:
    """Functions that let EventBridge in, but those that are named."""

    def __init__(self) -> None:
        self.closed: set[str] = set()

    async def policy(self, name: str, qualifier: str = "") -> Policy | None:
        if name in self.closed:
            return None
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "lambda:InvokeFunction",
            "Resource": f"{FUNCTION[:-1]}{name}",
        }
        return Policy.of({"Version": "2012-10-17", "Statement": [statement]})


class Scheduling:
    """One server's part in it."""

    def __init__(self, database: Database | str | Path, now: str, events_max: int = 1000) -> None:
        """*database* may be the path or the URL of one."""
        self.now_ms = ms(now)
        is_open = isinstance(database, Database)
        self.database = database if is_open else Database.open(database)
        self.policies = Open()
        self.queue = EventQueue(self.database, "a", events_max, self.clock)
        self.schedules = Schedules(self.database, self.clock)
        self.targets = RuleTargets(self.database)
        self.occurrences = Occurrences(self.database, self.clock)
        self.maker = EventMaker(ScheduleArns("us-east-1", "000000000000"))
        permissions = Permissions(self.policies, self.maker)
        self.runner = ScheduleRunner(self.occurrences, self.queue, permissions, self.maker)

    def clock(self, connection: Connection) -> int:
        return self.now_ms

    async def schedule(self, expression: str, name: str = "s", **members: Any) -> Schedule:
        draft = self.draft(expression, name, **members)
        return await self.schedules.create(
            draft, timer(draft, SCHEDULE, at_once=True) or never, None
        )

    def draft(self, expression: str, name: str = "s", **members: Any) -> Draft:
        state = members.pop("State", "ENABLED")
        target = {"Arn": FUNCTION, "RoleArn": ROLE} | members.pop("Target", {})
        configuration = {
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
        } | members
        return Draft(group="default", name=name, state=state, configuration=configuration)

    async def rule(self, expression: str, *targets: Mapping[str, Any]) -> Schedule:
        configuration = {"ScheduleExpression": expression}
        draft = Draft(group="default", name="r", state="ENABLED", configuration=configuration)
        rule = await self.schedules.put_rule(draft, timer(draft, RULE, at_once=False) or never)
        given = targets or ({"Id": "1", "Arn": FUNCTION},)
        await self.targets.put(
            rule, [RuleTarget(id=each["Id"], arn=each["Arn"], configuration=each) for each in given]
        )
        return await self.schedules.get(RULE, "default", "r")

    async def at(self, moment: str) -> list[str]:
        """The scheduled times of what is fired when a server looks at *moment*."""
        self.now_ms = ms(moment)
        before = {row["id"] for row in await self.events()}
        await self.runner.step()
        made = [row for row in await self.events() if row["id"] not in before]
        return [json.loads(row["payload"])["time"] for row in made]

    async def events(self) -> list[dict[str, Any]]:
        query = select(EVENTS).order_by(EVENTS.c.enqueued_at_ms)
        rows = await self.database.run(
            lambda connection: connection.execute(query).mappings().all()
        )
        return [dict(row) for row in rows]

    async def rows(self) -> list[int]:
        """The occurrences that there are."""
        query = select(OCCURRENCES.c.scheduled_at_ms).order_by(OCCURRENCES.c.scheduled_at_ms)
        return list(await self.database.run(lambda connection: connection.scalars(query).all()))

    def close(self) -> None:
        self.database.close()
