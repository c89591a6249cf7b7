"""The events that schedules and rules make, as EventBridge and its Scheduler make them."""

import json
import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from wasmfaas.schedules import rule_inputs
from wasmfaas.schedules.arns import ScheduleArns
from wasmfaas.store.events import NewEvent
from wasmfaas.store.occurrences import Refused
from wasmfaas.store.rules import RuleTarget
from wasmfaas.store.schedules import Schedule

#: EventBridge's and its Scheduler's defaults.
RETRIES_MAX: Final = 185
AGE_S_MAX: Final = 86_400


@dataclass(frozen=True, slots=True)
class EventMaker:
    """Makes events in one region and account. Lifetime: process."""

    arns: ScheduleArns

    def rule_arn(self, rule: Schedule) -> str:
        """The ARN of a rule."""
        return self.arns.rule(rule.group, rule.name)

    def of_schedule(self, schedule: Schedule, scheduled_at_ms: int) -> NewEvent | None:
        """The event of an occurrence; None where the target is no function here."""
        target = schedule.configuration["Target"]
        execution = str(uuid.uuid4())
        context = {
            "schedule-arn": self.arns.schedule(schedule.group, schedule.name),
            "scheduled-time": moment(scheduled_at_ms),
            "execution-id": execution,
            "attempt-number": "1",
        }
        text = target.get("Input")
        if text is None:
            text = json.dumps(
                {
                    "version": "0",
                    "id": execution,
                    "detail-type": "Scheduled Event",
                    "source": "aws.scheduler",
                    "account": self.arns.account_id,
                    "time": context["scheduled-time"],
                    "region": self.arns.region,
                    "resources": [context["schedule-arn"]],
                    "detail": "{}",
                }
            )
        for name, value in context.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return self._event(execution, target["Arn"], text.encode(), target)

    def scheduled(self, rule: Schedule, scheduled_at_ms: int) -> dict[str, Any]:
        """What EventBridge says of an occurrence of a rule."""
        return {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": self.arns.account_id,
            "time": moment(scheduled_at_ms),
            "region": self.arns.region,
            "resources": [self.rule_arn(rule)],
            "detail": {},
        }

    def of_rule(
        self, rule: Schedule, target: RuleTarget, event: Mapping[str, Any]
    ) -> NewEvent | None:
        """What a target gets of *event*; None where it is no function here."""
        reserved = {
            "aws.events.rule-arn": self.rule_arn(rule),
            "aws.events.rule-name": rule.name,
            "aws.events.event.ingestion-time": event["time"],
        }
        text = rule_inputs.rendered(target.configuration, event, reserved)
        return self._event(str(uuid.uuid4()), target.arn, text.encode(), target.configuration)

    def of_targets(
        self,
        rule: Schedule,
        targets: Sequence[RuleTarget],
        event: Mapping[str, Any],
        allowed: Collection[str],
    ) -> tuple[list[NewEvent], list[Refused]]:
        """What is enqueued of *event* for the *targets* of a rule; and what is refused, as only
        those with the ids in *allowed* let the rule in."""
        events: list[NewEvent] = []
        refused: list[Refused] = []
        for target in targets:
            made = self.of_rule(rule, target, event)
            if made is None:
                continue
            if target.id in allowed:
                events.append(made)
            else:
                refused.append(
                    Refused(
                        made,
                        f"The policy of {target.arn} does not allow events.amazonaws.com to invoke "
                        f"it for {self.rule_arn(rule)} (lambda add-permission).",
                    )
                )
        return events, refused

    def _event(
        self, event_id: str, arn: str, payload: bytes, target: Mapping[str, Any]
    ) -> NewEvent | None:
        function = self.arns.function(arn)
        if function is None:
            return None
        policy = target.get("RetryPolicy", {})
        return NewEvent(
            id=event_id,
            function_name=function[0],
            qualifier=function[1],
            payload=payload,
            retries_max=policy.get("MaximumRetryAttempts", RETRIES_MAX),
            age_s_max=policy.get("MaximumEventAgeInSeconds", AGE_S_MAX),
            dead_letter=target.get("DeadLetterConfig", {}).get("Arn"),
        )


def moment(at_ms: int) -> str:
    """A time as in events: `2027-01-31T09:00:00Z`."""
    return datetime.fromtimestamp(at_ms // 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
