"""What each role may do.

Actions are named as in IAM: the operations of AWS's services under their own names, but
Invoke under `lambda:InvokeFunction`; and ours under `wasmfaas:`.
"""

from typing import Final

from wasmfaas.auth.principals import Principal, Role
from wasmfaas.errors import NotAuthorized
from wasmfaas.policy import matches

ADMINS: Final = frozenset((Role.ADMIN,))
DEPLOYERS: Final = ADMINS | {Role.DEPLOYER}
READERS: Final = DEPLOYERS | {Role.READ_ONLY}
INVOKERS: Final = DEPLOYERS | {Role.INVOKER}
EVERYONE: Final = frozenset(Role)

INVOKE_URL: Final = "lambda:InvokeFunctionUrl"

#: Who may do what: the first row that is for an action decides.
RULES: Final = (
    ("sts:GetCallerIdentity", EVERYONE),
    ("lambda:InvokeFunction", INVOKERS),
    ("lambda:InvokeFunctionUrl", INVOKERS),
    ("lambda:InvokeAsync", INVOKERS),
    ("lambda:Get*", READERS),
    ("lambda:List*", READERS),
    ("lambda:*", DEPLOYERS),
    ("logs:Describe*", READERS),
    ("logs:Get*", READERS),
    ("logs:Filter*", READERS),
    ("logs:List*", READERS),
    ("logs:StartLiveTail", READERS),
    ("logs:*", DEPLOYERS),
    ("sqs:Get*", READERS),
    ("sqs:List*", READERS),
    ("sqs:*", DEPLOYERS),
    ("scheduler:Get*", READERS),
    ("scheduler:List*", READERS),
    ("scheduler:*", DEPLOYERS),
    ("events:Describe*", READERS),
    ("events:List*", READERS),
    ("events:TestEventPattern", READERS),
    ("events:*", DEPLOYERS),
    ("wasmfaas:Get*", READERS),
    ("wasmfaas:PutPermissions", DEPLOYERS),
    ("wasmfaas:*Webhook*", DEPLOYERS),
    ("wasmfaas:RedriveDeadLetters", DEPLOYERS),
    ("wasmfaas:PurgeDeadLetters", DEPLOYERS),
    ("*", ADMINS),
)
#: Operations whose action has another name.
_ACTIONS: Final = {
    "Invoke": "lambda:InvokeFunction",
    "InvokeWithResponseStream": "lambda:InvokeFunction",
    "GetLayerVersionByArn": "lambda:GetLayerVersion",
}


def action_of(operation: str) -> str:
    """The action that a caller of Lambda's *operation* has to be allowed."""
    return _ACTIONS.get(operation, f"lambda:{operation}")


def allows(principal: Principal, action: str, function: str | None = None) -> bool:
    """Whether the principal's role allows *action*, on *function* where it is about one.

    An invoker is allowed nothing but on the functions that its key names.
    """
    roles = next(roles for pattern, roles in RULES if matches(pattern, action))
    if principal.role not in roles:
        return False
    if principal.role is Role.INVOKER and roles is INVOKERS:
        return function is not None and principal.names(function)
    return True


def refusal(
    principal: Principal, action: str, resource: str, *, denied: bool = False
) -> NotAuthorized:
    """The error for a principal that may not, in IAM's words. *resource* is an ARN, or `*`;
    *denied* says that a function's policy does not want it, whatever the role."""
    reason = (
        "with an explicit deny in a resource-based policy"
        if denied
        else f"because no identity-based policy allows the {action} action"
    )
    return NotAuthorized(
        f"User: {principal.arn} is not authorized to perform: {action} on resource: "
        f"{resource[:300]} {reason}"
    )


def check(principal: Principal, action: str, resource: str = "*") -> None:
    """Raise NotAuthorized unless the principal's role allows *action*, which is about no
    function."""
    if not allows(principal, action):
        raise refusal(principal, action, resource)
