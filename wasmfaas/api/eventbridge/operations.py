"""Handlers of EventBridge's operations on rules and targets."""

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.api.calls import Call, Handler, Reply
from wasmfaas.api.eventbridge.checks import bus_of, check_target, draft_of, timer_of
from wasmfaas.api.eventbridge.entries import Bus, EventOperations
from wasmfaas.api.scheduler.tokens import place_of, token
from wasmfaas.schedule_errors import InvalidSchedule, RuleLimitExceeded, ScheduleNotFound
from wasmfaas.schedules.arns import DEFAULT, ScheduleArns
from wasmfaas.store.rules import RuleTarget, RuleTargets
from wasmfaas.store.schedules import RULE, Draft, Schedule, Schedules

_LISTED_MAX: Final = 100
_TAGS_MAX: Final = 50
_DRAFT: Final = [field.name for field in dataclasses.fields(Draft)]


class EventBridgeOperations:
    """Handlers of all operations. Lifetime: process."""

    def __init__(
        self, *, arns: ScheduleArns, schedules: Schedules, targets: RuleTargets, bus: Bus
    ) -> None:
        self._arns = arns
        self._schedules = schedules
        self._targets = targets
        self._bus = bus

    def rows(self) -> Mapping[str, Handler]:
        return {
            "DeleteRule": self.delete,
            "DescribeRule": self.describe,
            "DisableRule": self.disable,
            "EnableRule": self.enable,
            "ListRuleNamesByTarget": self.list_names,
            "ListRules": self.list,
            "ListTagsForResource": self.list_tags,
            "ListTargetsByRule": self.list_targets,
            "PutRule": self.put,
            "PutTargets": self.put_targets,
            "RemoveTargets": self.remove_targets,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            **EventOperations(self._arns, self._bus).rows(),
        }

    async def put(self, call: Call) -> Reply:
        bus = bus_of(call.parameters, self._arns)
        rule = await self._put(draft_of(call.parameters, bus))
        return Reply({"RuleArn": self._arns.rule(bus, rule.name)})

    async def describe(self, call: Call) -> Reply:
        rule = await self._rule(call, "Name")
        return Reply({**self._members(rule), "CreatedBy": self._arns.account_id})

    async def list(self, call: Call) -> Reply:
        asked = call.parameters
        bus = bus_of(asked, self._arns)
        (after,) = place_of(asked.get("NextToken"), 1)
        found, more = await self._schedules.page(
            RULE,
            group=bus,
            prefix=asked.get("NamePrefix", ""),
            after=(bus, after),
            limit=asked.get("Limit", _LISTED_MAX),
        )
        following = token(found[-1].name) if more else None
        return Reply({"Rules": [self._members(rule) for rule in found], "NextToken": following})

    async def enable(self, call: Call) -> Reply:
        return await self._set_state(call, "ENABLED")

    async def disable(self, call: Call) -> Reply:
        return await self._set_state(call, "DISABLED")

    async def delete(self, call: Call) -> Reply:
        """A rule that is not there is deleted, as on AWS."""
        try:
            rule = await self._rule(call, "Name")
            if await self._targets.of(rule):
                raise InvalidSchedule("Rule can't be deleted since it has targets.")
            await self._schedules.delete(RULE, rule.group, rule.name)
        except ScheduleNotFound:
            bus_of(call.parameters, self._arns)
        return Reply()

    async def put_targets(self, call: Call) -> Reply:
        rule = await self._rule(call, "Rule")
        given = {target["Id"]: target for target in call.parameters["Targets"]}
        for target in given.values():
            check_target(target, self._arns)
        made = [
            RuleTarget(id=name, arn=target["Arn"], configuration=target)
            for name, target in given.items()
        ]
        await self._targets.put(rule, made)
        return Reply({"FailedEntryCount": 0, "FailedEntries": []})

    async def remove_targets(self, call: Call) -> Reply:
        rule = await self._rule(call, "Rule")
        await self._targets.remove(rule, call.parameters["Ids"])
        return Reply({"FailedEntryCount": 0, "FailedEntries": []})

    async def list_targets(self, call: Call) -> Reply:
        rule = await self._rule(call, "Rule")
        targets = [dict(target.configuration) for target in await self._targets.of(rule)]
        found, following = _page(targets, call.parameters, "Id")
        return Reply({"Targets": found, "NextToken": following})

    async def list_names(self, call: Call) -> Reply:
        bus_of(call.parameters, self._arns)
        names = await self._targets.rules_of(call.parameters["TargetArn"])
        found, following = _page([{"Name": name} for name in names], call.parameters, "Name")
        return Reply({"RuleNames": [each["Name"] for each in found], "NextToken": following})

    async def list_tags(self, call: Call) -> Reply:
        tags = (await self._tagged(call)).tags
        return Reply({"Tags": [{"Key": key, "Value": tags[key]} for key in tags]})

    async def tag(self, call: Call) -> Reply:
        rule = await self._tagged(call)
        given = {tag["Key"]: tag["Value"] for tag in call.parameters["Tags"]}
        tags = {**rule.tags, **given}
        if len(tags) > _TAGS_MAX:
            raise RuleLimitExceeded(f"A rule has at most {_TAGS_MAX} tags.")
        await self._schedules.set_tags(rule, tags)
        return Reply()

    async def untag(self, call: Call) -> Reply:
        rule, gone = await self._tagged(call), call.parameters["TagKeys"]
        kept = {key: value for key, value in rule.tags.items() if key not in gone}
        await self._schedules.set_tags(rule, kept)
        return Reply()

    async def _set_state(self, call: Call, state: str) -> Reply:
        rule = await self._rule(call, "Name")
        known = {name: getattr(rule, name) for name in _DRAFT}
        await self._put(Draft(**known | {"state": state}))
        return Reply()

    async def _put(self, draft: Draft) -> Schedule:
        return await self._schedules.put_rule(draft, timer_of(draft))

    async def _rule(self, call: Call, member: str) -> Schedule:
        bus = bus_of(call.parameters, self._arns)
        return await self._schedules.get(RULE, bus, call.parameters[member])

    async def _tagged(self, call: Call) -> Schedule:
        """The rule that a request names by its ARN."""
        arn = str(call.parameters["ResourceARN"])
        name = arn.rpartition("/")[2]
        if arn != self._arns.rule(DEFAULT, name):
            raise ScheduleNotFound(f"Rule {name[:64]} does not exist on EventBus default.")
        return await self._schedules.get(RULE, DEFAULT, name)

    def _members(self, rule: Schedule) -> dict[str, Any]:
        return {
            "Name": rule.name,
            "Arn": self._arns.rule(rule.group, rule.name),
            "EventPattern": rule.pattern,
            "State": rule.state,
            "EventBusName": rule.group,
            **rule.configuration,
        }


def _page(
    items: list[dict[str, Any]], asked: Mapping[str, Any], key: str
) -> tuple[list[dict[str, Any]], str | None]:
    """What a request asks for of *items*, which are in the order of *key*."""
    (after,) = place_of(asked.get("NextToken"), 1)
    limit = asked.get("Limit", _LISTED_MAX)
    behind = [item for item in items if item[key] > after]
    page = behind[:limit]
    return page, token(page[-1][key]) if len(behind) > limit else None
