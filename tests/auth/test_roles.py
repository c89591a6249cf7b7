"""What each role may do, of all that there is."""

import pytest

from wasmfaas.api.service_model import ServiceModel
from wasmfaas.auth import roles
from wasmfaas.auth.principals import Principal, Role
from wasmfaas.errors import NotAuthorized

OPERATIONS = sorted(ServiceModel.load().operations)
INVOCATIONS = {"Invoke", "InvokeAsync", "InvokeWithResponseStream"}
READS = {name for name in OPERATIONS if name.startswith(("Get", "List"))}
ARN = "arn:aws:lambda:us-east-1:000000000000:function:web-1"


def holder(role: Role, *functions: str) -> Principal:
    return Principal(
        arn="arn:aws:iam::000000000000:user/ada", account_id="000000000000", user_id="AIDA",
        access_key_id="WFAK", role=role, functions=functions,
    )  # fmt: skip


def allowed(principal: Principal, function: str | None = "web-1") -> set[str]:
    return {
        operation
        for operation in OPERATIONS
        if roles.allows(principal, roles.action_of(operation), function)
    }


def test_admins_and_deployers_may_use_the_whole_of_lambda() -> None:
    assert allowed(holder(Role.ADMIN)) == allowed(holder(Role.DEPLOYER)) == set(OPERATIONS)


def test_readers_only_read() -> None:
    assert allowed(holder(Role.READ_ONLY)) == READS


def test_invokers_only_invoke_what_they_are_for() -> None:
    web = holder(Role.INVOKER, "other", "web-*")
    assert allowed(web) == INVOCATIONS
    assert not allowed(web, "api") | allowed(web, None)
    assert roles.allows(web, roles.INVOKE_URL, "web-2")
    assert not roles.allows(web, roles.INVOKE_URL, "api")


@pytest.mark.parametrize(
    ("action", "who"),
    [
        ("sts:GetCallerIdentity", set(Role)),
        ("logs:FilterLogEvents", {Role.ADMIN, Role.DEPLOYER, Role.READ_ONLY}),
        ("logs:DeleteLogGroup", {Role.ADMIN, Role.DEPLOYER}),
        ("wasmfaas:GetUsage", {Role.ADMIN, Role.DEPLOYER, Role.READ_ONLY}),
        ("wasmfaas:GetEvents", {Role.ADMIN, Role.DEPLOYER, Role.READ_ONLY}),
        ("wasmfaas:RedriveDeadLetters", {Role.ADMIN, Role.DEPLOYER}),
        ("wasmfaas:PurgeDeadLetters", {Role.ADMIN, Role.DEPLOYER}),
        ("wasmfaas:ListKeys", {Role.ADMIN}),
        ("wasmfaas:CreateKey", {Role.ADMIN}),
        ("iam:CreateUser", {Role.ADMIN}),
    ],
)
def test_what_is_beside_lambda(action: str, who: set[Role]) -> None:
    assert {role for role in Role if roles.allows(holder(role), action)} == who


def test_a_refusal_is_worded_as_iam_words_it() -> None:
    with pytest.raises(NotAuthorized) as caught:
        roles.check(holder(Role.READ_ONLY), "lambda:DeleteFunction", ARN)
    assert caught.value.body() == {
        "Message": "User: arn:aws:iam::000000000000:user/ada is not authorized to perform: "
        f"lambda:DeleteFunction on resource: {ARN} because no identity-based policy allows the "
        "lambda:DeleteFunction action"
    }
