"""What EventBridge, or this server, asks of rules and targets beyond the service model."""

from collections.abc import Mapping
from typing import Any, Final

from wasmfaas import patterns
from wasmfaas.api.schedule_timers import never, timer
from wasmfaas.schedule_errors import (
    InvalidEventPattern,
    InvalidExpression,
    InvalidSchedule,
    ScheduleNotFound,
)
from wasmfaas.schedules import rule_inputs
from wasmfaas.schedules.arns import DEFAULT, ScheduleArns
from wasmfaas.schedules.expressions import is_well_numbered
from wasmfaas.store.schedules import RULE, Draft, Timer

_TARGET_MEMBERS: Final = (
    "Id", "Arn", "RoleArn", "Input", "InputPath", "InputTransformer", "DeadLetterConfig",
    "RetryPolicy",
)  # fmt: skip


def bus_of(parameters: Mapping[str, Any], arns: ScheduleArns) -> str:
    """The event bus that a request names, by its name or its ARN: there is one. Raises
    ScheduleNotFound."""
    given = parameters.get("EventBusName", DEFAULT)
    if given not in (DEFAULT, arns.bus(DEFAULT)):
        raise ScheduleNotFound(
            f"Event bus {given.rpartition('/')[2]} does not exist. This server has the default "
            "one only."
        )
    return DEFAULT


def draft_of(parameters: Mapping[str, Any], bus: str) -> Draft:
    """The rule that a request describes. Raises InvalidSchedule, InvalidEventPattern."""
    expression, pattern = parameters.get("ScheduleExpression"), parameters.get("EventPattern")
    if not expression and not pattern:
        raise InvalidSchedule("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if pattern:
        check_pattern(pattern)
    kept = ("Description", "RoleArn", "ScheduleExpression")
    return Draft(
        group=bus,
        name=parameters["Name"],
        state=parameters.get("State", "ENABLED"),
        configuration={name: parameters[name] for name in kept if parameters.get(name)},
        pattern=pattern or None,
        tags={tag["Key"]: tag["Value"] for tag in parameters.get("Tags", ())},
    )


def timer_of(draft: Draft) -> Timer:
    """When it is due. Raises InvalidSchedule, in AWS's words with what is wrong behind them."""
    expression = draft.configuration.get("ScheduleExpression", "")
    refusal = "Parameter ScheduleExpression is not valid."
    if expression.startswith("at("):
        raise InvalidSchedule(f"{refusal} Rules take rate and cron; schedules also take at.")
    try:
        found = timer(draft, RULE, at_once=False)
    except InvalidExpression as error:
        raise InvalidSchedule(f"{refusal} {error.message}") from None
    if not is_well_numbered(expression):
        raise InvalidSchedule(
            f"{refusal} The unit of {expression} has to be in the singular for 1, and in the "
            "plural otherwise."
        )
    return found or never


def check_pattern(text: str) -> patterns.Pattern:
    """The pattern in *text*. Raises InvalidEventPattern."""
    try:
        return patterns.parse(text)
    except patterns.InvalidPattern as error:
        raise InvalidEventPattern(f"Event pattern is not valid. Reason: {error}") from None


def check_target(target: Mapping[str, Any], arns: ScheduleArns) -> None:
    """Raise InvalidSchedule for a target that is no function here, or whose input is none."""
    arn = target["Arn"]
    refusal = f"Parameter {arn[:200]} is not valid. Reason:"
    if not arn.startswith("arn:") or arn.count(":") < 5:
        raise InvalidSchedule(f"{refusal} Provided Arn is not in correct format.")
    if arns.function(arn) is None:
        raise InvalidSchedule(
            f"{refusal} it is no Lambda function of this server, whose ARNs begin with "
            f"arn:aws:lambda:{arns.region}:{arns.account_id}:function:. Other targets are not "
            "supported."
        )
    others = [name for name in target if name not in _TARGET_MEMBERS]
    if others:
        raise InvalidSchedule(f"{others[0]} does not go with a Lambda function as target.")
    rule_inputs.check(target)
