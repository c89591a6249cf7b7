"""What EventBridge Scheduler, or this server, asks of a schedule beyond the service model."""

import json
from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.api.schedule_timers import timer
from wasmfaas.schedule_errors import InvalidExpression, InvalidSchedule
from wasmfaas.schedules.arns import ScheduleArns
from wasmfaas.store.schedules import SCHEDULE, Draft, Timer

INPUT_BYTES_MAX: Final = 256 * 1024
_START_EARLY_S: Final = 300
_POLICY: Final = {"MaximumEventAgeInSeconds": 86_400, "MaximumRetryAttempts": 185}
#: Members that are kept by themselves.
_APART: Final = ("Name", "GroupName", "State", "ClientToken")
_TARGET_MEMBERS: Final = ("Arn", "RoleArn", "DeadLetterConfig", "RetryPolicy", "Input")


def draft_of(parameters: Mapping[str, Any], arns: ScheduleArns) -> Draft:
    """The schedule that a request describes, with EventBridge's defaults. Raises
    InvalidSchedule."""
    if parameters.get("KmsKeyArn") is not None:
        raise InvalidSchedule("KmsKeyArn is not supported by this server. Leave it out.")
    target = parameters["Target"]
    check_target(target, arns)
    configuration = {
        "ScheduleExpressionTimezone": "UTC",
        "ActionAfterCompletion": "NONE",
        **{name: value for name, value in parameters.items() if name not in _APART},
        "Target": {**target, "RetryPolicy": {**_POLICY, **target.get("RetryPolicy", {})}},
    }
    return Draft(
        group=parameters.get("GroupName", "default"),
        name=parameters["Name"],
        state=parameters.get("State", "ENABLED"),
        configuration=configuration,
    )


def timer_of(draft: Draft) -> Timer:
    """When it is due. Raises InvalidSchedule, in AWS's words with what is wrong behind them."""
    try:
        found = timer(draft, SCHEDULE, at_once=True)
    except InvalidExpression as error:
        raise InvalidSchedule(
            f"Invalid Schedule Expression {draft.configuration['ScheduleExpression']}. "
            f"{error.message}"
        ) from None
    if found is None:
        raise InvalidSchedule("ScheduleExpression is missing.")
    return found


def check_dates(parameters: Mapping[str, Any], now_s: float, *, is_new: bool) -> None:
    """Raise InvalidSchedule for dates that cannot be meant."""
    if parameters["ScheduleExpression"].startswith("at("):
        return
    start, end = parameters.get("StartDate"), parameters.get("EndDate")
    if is_new and start is not None and start < now_s - _START_EARLY_S:
        raise InvalidSchedule("The StartDate you specify cannot be earlier than 5 minutes ago.")
    if is_new and end is not None and end <= now_s:
        raise InvalidSchedule("The EndDate you specify must be in the future.")
    if start is not None and end is not None and end <= start:
        raise InvalidSchedule("The EndDate you specify must come after the StartDate.")
    for name, value in (("StartDate", start), ("EndDate", end)):
        # Years 1970 to 2199, as expressions have them.
        if value is not None and not 0 <= value < 7_258_118_400:
            raise InvalidSchedule(f"The {name} must be in the years 1970 to 2199.")


def check_target(target: Mapping[str, Any], arns: ScheduleArns) -> None:
    """Raise InvalidSchedule for a target that is no function here, or whose Input is none."""
    arn = target["Arn"]
    if not arn.startswith("arn:") or arn.count(":") < 5:
        raise InvalidSchedule("Provided Arn is not in correct format.")
    if arns.function(arn) is None:
        raise InvalidSchedule(
            f"The target {arn[:200]} is no Lambda function of this server: ARNs of those begin "
            f"with arn:aws:lambda:{arns.region}:{arns.account_id}:function:. Other targets are "
            "not supported."
        )
    others = [name for name in target if name not in _TARGET_MEMBERS]
    if others:
        raise InvalidSchedule(f"{others[0]} does not go with a Lambda function as target.")
    text = target.get("Input")
    if text is None:
        return
    size = len(text.encode())
    if size > INPUT_BYTES_MAX:
        raise InvalidSchedule(
            f"Input has {size} bytes, but at most {INPUT_BYTES_MAX} are accepted."
        )
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSchedule(
            f"Input must be well-formed JSON for a Lambda function as target: {error}."
        ) from None
