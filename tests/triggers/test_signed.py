"""Function URLs of AuthType AWS_IAM: who is let in, and what the function is told of them."""

import asyncio
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.authenticated import Keys
from tests.auth.signing import NOW, signed
from tests.triggers.test_http import Answer, Invocations, Lookups, ask, function, http_scope
from wasmfaas.auth.principals import AccessKey
from wasmfaas.policy import Policy
from wasmfaas.settings import Settings
from wasmfaas.triggers.http import FunctionUrls

ACCOUNT = "000000000000"
ARN = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f"
FORBIDDEN = "Forbidden. For troubleshooting Function URL authorization issues, see: "
BODY = b'{"n": 1}'


def statement(effect: str, name: str, **more: Any) -> dict[str, Any]:
    return {
        "Effect": effect,
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/{name}"},
        "Action": "lambda:InvokeFunctionUrl",
        "Resource": ARN,
        **more,
    }


class Url:
    """The URL of `f`, and the keys that there are."""

    def __init__(self, directory: Path, *statements: dict[str, Any]) -> None:
        self.keys = Keys(directory, ACCOUNT)
        self.invocations = Invocations()
        policy = Policy({"Version": "2012-10-17", "Statement": list(statements)})
        lookups = Lookups(function(AuthType="AWS_IAM"), policy=policy if statements else None)
        self._urls = FunctionUrls(
            Settings(),
            lookups,
            lookups,
            self.invocations,
            lambda name: ARN,
            self.keys.authenticator,
        )

    def key(self, name: str, role: str, *functions: str) -> AccessKey:
        return asyncio.run(self.keys.store.create(name, role, functions))

    def call(
        self, key: AccessKey | None, target: str = "/f/f/x", body: bytes = BODY, **how: Any
    ) -> Answer:
        headers: list[tuple[str, str]] = []
        sent = how.pop("sent", body)
        if key is not None:
            request = signed("POST", target, body, key=key, **how)
            target = f"{request.raw_path.decode()}?{request.query_string.decode()}"
            headers = [(name.decode(), value.decode()) for name, value in request.headers]
        scope = http_scope("POST", target, headers=headers)
        answer = asyncio.run(ask(self._urls, scope, sent))
        assert answer is not None
        return answer


def message(answer: Answer) -> str:
    assert answer.status == 403
    document = json.loads(answer.body)
    return str(document.get("Message") or document["message"])


def test_the_function_is_told_who_calls(tmp_path: Path) -> None:
    url = Url(tmp_path)
    key = url.keys.admin
    assert url.call(key, "/f/f/a%2Fb?c=d").status == 200
    assert url.call(key, "/f/f/x", b"", expires_s=60).status == 200
    context = url.invocations.events[0]["requestContext"]
    assert context["accountId"] == ACCOUNT
    assert context["authorizer"] == {
        "iam": {
            "accessKey": key.id,
            "accountId": ACCOUNT,
            "callerId": "AIDA" + key.id[4:],
            "cognitoIdentity": None,
            "principalOrgId": None,
            "userArn": f"arn:aws:iam::{ACCOUNT}:user/local",
            "userId": "AIDA" + key.id[4:],
        }
    }


def test_who_does_not_sign_is_kept_out(tmp_path: Path) -> None:
    url = Url(tmp_path)
    assert message(url.call(None)).startswith(FORBIDDEN)
    liar = dataclasses.replace(url.keys.admin, secret="guess")
    for answer in (
        url.call(liar),
        url.call(url.keys.admin, sent=b"other"),
        url.call(url.keys.admin, at_s=NOW - 301),
        url.call(url.keys.admin, service="execute-api"),
    ):
        assert answer.headers["x-amzn-errortype"] == "InvalidSignatureException"
        assert message(answer)
    assert url.invocations.events == []
    for _ in range(8):
        url.call(None)
    assert url.keys.waits > 0


@pytest.mark.parametrize(
    ("role", "functions", "status"),
    [
        ("deployer", (), 200),
        ("invoker", ("f",), 200),
        ("invoker", ("g",), 403),
        ("read-only", (), 403),
    ],
)
def test_the_role_decides(
    tmp_path: Path, role: str, functions: tuple[str, ...], status: int
) -> None:
    url = Url(tmp_path)
    answer = url.call(url.key("ada", role, *functions))
    assert answer.status == status
    if status == 403:
        assert message(answer).startswith(FORBIDDEN)


def test_or_the_policy_does(tmp_path: Path) -> None:
    iam = {"Condition": {"StringEquals": {"lambda:FunctionUrlAuthType": "AWS_IAM"}}}
    url = Url(tmp_path, statement("Allow", "ada", **iam), statement("Deny", "local"))
    assert url.call(url.key("ada", "read-only")).status == 200
    assert url.call(url.key("bob", "read-only")).status == 403
    # What the policy denies, no role allows.
    assert url.call(url.keys.admin).status == 403
