"""Handlers of EventBridge Scheduler's operations."""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.scheduler.rules import check_dates, draft_of, timer_of
from wasmfaas.api.scheduler.tokens import place_of, token
from wasmfaas.schedule_errors import ScheduleNotFound
from wasmfaas.schedules.arns import DEFAULT, ScheduleArns
from wasmfaas.store.schedule_groups import ScheduleGroup, ScheduleGroups
from wasmfaas.store.schedules import SCHEDULE, Schedule, Schedules

_LISTED_MAX: Final = 100


class SchedulerOperations:
    """Handlers of all operations. Lifetime: process.

    *clock* gives Unix time in seconds; what is due is decided on the database's clock.
    """

    def __init__(
        self,
        *,
        arns: ScheduleArns,
        schedules: Schedules,
        groups: ScheduleGroups,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._arns = arns
        self._schedules = schedules
        self._groups = groups
        self._clock = clock

    def rows(self) -> Mapping[str, Handler]:
        return {
            "CreateSchedule": self.create,
            "CreateScheduleGroup": self.create_group,
            "DeleteSchedule": self.delete,
            "DeleteScheduleGroup": self.delete_group,
            "GetSchedule": self.get,
            "GetScheduleGroup": self.get_group,
            "ListScheduleGroups": self.list_groups,
            "ListSchedules": self.list,
            "ListTagsForResource": self.list_tags,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "UpdateSchedule": self.update,
        }

    async def create(self, call: Call) -> Reply:
        asked = call.parameters
        draft = draft_of(asked, self._arns)
        check_dates(asked, self._clock(), is_new=True)
        made = await self._schedules.create(draft, timer_of(draft), asked.get("ClientToken"))
        return Reply({"ScheduleArn": self._arns.schedule(made.group, made.name)})

    async def update(self, call: Call) -> Reply:
        """What the request leaves out has its default again."""
        asked = call.parameters
        draft = draft_of(asked, self._arns)
        check_dates(asked, self._clock(), is_new=False)
        made = await self._schedules.update(draft, timer_of(draft))
        return Reply({"ScheduleArn": self._arns.schedule(made.group, made.name)})

    async def get(self, call: Call) -> Reply:
        asked = call.parameters
        found = await self._schedules.get(SCHEDULE, asked.get("GroupName", DEFAULT), asked["Name"])
        return Reply({**self._summary(found), **found.configuration})

    async def delete(self, call: Call) -> Reply:
        asked = call.parameters
        await self._schedules.delete(SCHEDULE, asked.get("GroupName", DEFAULT), asked["Name"])
        return Reply()

    async def list(self, call: Call) -> Reply:
        asked = call.parameters
        group, name = place_of(asked.get("NextToken"), 2)
        found, more = await self._schedules.page(
            SCHEDULE,
            group=asked.get("GroupName"),
            prefix=asked.get("NamePrefix", ""),
            state=asked.get("State"),
            after=(group, name),
            limit=asked.get("MaxResults", _LISTED_MAX),
        )
        summaries = [
            {**self._summary(each), "Target": {"Arn": each.configuration["Target"]["Arn"]}}
            for each in found
        ]
        following = token(found[-1].group, found[-1].name) if more else None
        return Reply({"Schedules": summaries, "NextToken": following})

    async def create_group(self, call: Call) -> Reply:
        asked = call.parameters
        name, tags = asked["Name"], _tags(asked.get("Tags", ()))
        await self._groups.create(name, tags, asked.get("ClientToken"))
        return Reply({"ScheduleGroupArn": self._arns.group(name)})

    async def get_group(self, call: Call) -> Reply:
        return Reply(self._group(await self._groups.get(call.parameters["Name"])))

    async def delete_group(self, call: Call) -> Reply:
        await self._groups.delete(call.parameters["Name"])
        return Reply()

    async def list_groups(self, call: Call) -> Reply:
        asked = call.parameters
        (after,) = place_of(asked.get("NextToken"), 1)
        found, more = await self._groups.page(
            prefix=asked.get("NamePrefix", ""),
            after=after,
            limit=asked.get("MaxResults", _LISTED_MAX),
        )
        following = token(found[-1].name) if more else None
        groups = [self._group(each) for each in found]
        return Reply({"ScheduleGroups": groups, "NextToken": following})

    async def list_tags(self, call: Call) -> Reply:
        group = await self._groups.get(self._named(call))
        return Reply({"Tags": [{"Key": key, "Value": group.tags[key]} for key in group.tags]})

    async def tag(self, call: Call) -> Reply:
        await self._groups.tag(self._named(call), _tags(call.parameters["Tags"]))
        return Reply()

    async def untag(self, call: Call) -> Reply:
        await self._groups.untag(self._named(call), call.parameters["TagKeys"])
        return Reply()

    def _named(self, call: Call) -> str:
        """The group that a request names by its ARN."""
        arn = str(call.parameters["ResourceArn"])
        name = arn.rpartition("/")[2]
        if arn != self._arns.group(name):
            raise ScheduleNotFound(f"Schedule group {arn} does not exist.")
        return name

    def _summary(self, schedule: Schedule) -> dict[str, Any]:
        return {
            "Arn": self._arns.schedule(schedule.group, schedule.name),
            "Name": schedule.name,
            "GroupName": schedule.group,
            "State": schedule.state,
            "CreationDate": schedule.created_at_ms / 1000,
            "LastModificationDate": schedule.modified_at_ms / 1000,
        }

    def _group(self, group: ScheduleGroup) -> dict[str, Any]:
        return {
            "Arn": self._arns.group(group.name),
            "Name": group.name,
            "State": "ACTIVE",
            "CreationDate": group.created_at_ms / 1000,
            "LastModificationDate": group.modified_at_ms / 1000,
        }


def _tags(listed: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in listed}
