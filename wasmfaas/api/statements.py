"""Statements of policies, as AddPermission makes them."""

import re
from collections.abc import Mapping
from typing import Any

from wasmfaas.errors import InvalidParameterValue
from wasmfaas.policy import AUTH_TYPE, INVOKE, INVOKE_URL, VIA_URL

_SERVICE = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(amazonaws\.com(\.cn)?|amazon\.com)", re.ASCII)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_ARN = re.compile(r"arn:aws[a-zA-Z-]*:(iam|sts):[^:]*:[^:]+:.+", re.ASCII)


def statement(arn: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
    """The statement that AddPermission's *parameters* ask for on *arn*, in Lambda's order.

    Raises InvalidParameterValue.
    """
    action = parameters["Action"]
    _check_action(parameters, "FunctionUrlAuthType", action, INVOKE_URL)
    _check_action(parameters, "InvokedViaFunctionUrl", action, INVOKE)
    made = {
        "Sid": parameters["StatementId"],
        "Effect": "Allow",
        "Principal": principal_of(parameters["Principal"]),
        "Action": action,
        "Resource": arn,
    }
    condition = _condition(parameters)
    return made | ({"Condition": condition} if condition else {})


def _check_action(parameters: Mapping[str, Any], member: str, action: str, only: str) -> None:
    if member in parameters and action != only:
        raise InvalidParameterValue(f"{member} is only supported for {only} action")


def principal_of(text: str) -> Any:
    """The Principal that *text* means: everybody, a service, an account, or an ARN of IAM's.

    Raises InvalidParameterValue.
    """
    if text == "*":
        return text
    if _SERVICE.fullmatch(text):
        return {"Service": text}
    if _ACCOUNT.fullmatch(text):
        return {"AWS": f"arn:aws:iam::{text}:root"}
    if _ARN.fullmatch(text):
        return {"AWS": text}
    raise InvalidParameterValue(
        "The provided principal was invalid. Please check the principal and try again."
    )


def _condition(parameters: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    via_url = parameters.get("InvokedViaFunctionUrl")
    wanted = {
        "StringEquals": {
            AUTH_TYPE: parameters.get("FunctionUrlAuthType"),
            "aws:PrincipalOrgID": parameters.get("PrincipalOrgID"),
            "AWS:SourceAccount": parameters.get("SourceAccount"),
            "lambda:EventSourceToken": parameters.get("EventSourceToken"),
        },
        "Bool": {VIA_URL: None if via_url is None else str(via_url).lower()},
        "ArnLike": {"AWS:SourceArn": parameters.get("SourceArn")},
    }
    given = {
        operator: {key: value for key, value in keys.items() if value}
        for operator, keys in wanted.items()
    }
    return {operator: keys for operator, keys in given.items() if keys}
