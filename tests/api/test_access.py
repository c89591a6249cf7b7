"""Who may use the API: signatures and roles, before anything else is looked at."""

import asyncio
import base64
import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.api.authenticated import Keys
from tests.api.harness import PACKAGE, Answer, Harness
from tests.auth.signing import REGION, signed
from tests.conftest import ROLE
from wasmfaas.api.service_model import ServiceModel
from wasmfaas.auth.principals import AccessKey

FUNCTIONS = "/2015-03-31/functions"
FUNCTION = {
    "Runtime": "python3.14",
    "Handler": "app.lambda_handler",
    "Role": ROLE,
    "Code": {"ZipFile": base64.b64encode(PACKAGE).decode()},
}
ARN = f"arn:aws:lambda:{REGION}:000000000000:function"
MISMATCH = "The request signature we calculated does not match the signature you provided."


class Door:
    """An API that asks who calls."""

    def __init__(self, directory: Path) -> None:
        folder = directory / "keys"
        folder.mkdir()
        self.keys = Keys(folder, "000000000000")
        self.harness = Harness(directory / "data", self.keys.authenticator)
        for name in ("web-1", "other"):
            body = json.dumps({**FUNCTION, "FunctionName": name}).encode()
            assert self.send(self.keys.admin, "POST", FUNCTIONS, body).status == 201

    def key(self, role: str, *functions: str) -> AccessKey:
        return asyncio.run(self.keys.store.create(f"a-{role}", role, functions))

    def send(
        self, key: AccessKey, method: str, target: str, body: bytes = b"", **how: Any
    ) -> Answer:
        sent = how.pop("sent", body)
        request = signed(method, target, body, key=key, **how)
        headers = {name.decode(): value.decode() for name, value in request.headers}
        headers.pop("content-length", None)
        path = request.raw_path.decode()
        if request.query_string:
            path += f"?{request.query_string.decode()}"
        return self.harness.request(method, path, headers=headers, body=[sent] if sent else [])


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    door = Door(tmp_path)
    yield door
    door.harness.close()


def refusal(answer: Answer) -> tuple[str, str]:
    document = json.loads(answer.body)
    assert answer.status == 403
    assert answer.headers["content-type"] == "application/json"
    return answer.headers["x-amzn-errortype"], document.get("message") or document["Message"]


def test_who_signs_is_served(door: Door) -> None:
    admin = door.keys.admin
    encoded = f"{ARN}:web-1".replace(":", "%3A")
    assert door.send(admin, "GET", f"{FUNCTIONS}/{encoded}").status == 200
    assert door.send(admin, "GET", f"{FUNCTIONS}/?MaxItems=1", expires_s=60).status == 200
    assert door.send(admin, "POST", f"{FUNCTIONS}/web-1/invocations", b"{}").status == 200
    assert door.send(admin, "PUT", f"{FUNCTIONS}/web-1/configuration", b"{}").status == 200


def test_who_does_not_is_refused(door: Door) -> None:
    unsigned = door.harness.request("GET", f"{FUNCTIONS}/")
    assert refusal(unsigned) == (
        "MissingAuthenticationTokenException",
        "Missing Authentication Token",
    )
    assert json.loads(unsigned.body) == {"message": "Missing Authentication Token"}
    admin = door.keys.admin
    stranger = dataclasses.replace(admin, id="AKIAIOSFODNN7EXAMPLE")
    assert refusal(door.send(stranger, "GET", f"{FUNCTIONS}/")) == (
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
    )
    liar = dataclasses.replace(admin, secret="guess")
    for answer in (
        door.send(liar, "GET", f"{FUNCTIONS}/"),
        door.send(admin, "POST", f"{FUNCTIONS}/web-1/invocations", b"{}", sent=b"{ }"),
        # Nothing reads this body, but it is not what was signed.
        door.send(admin, "DELETE", f"{FUNCTIONS}/web-1", b"", sent=b"x"),
    ):
        code, message = refusal(answer)
        assert code == "InvalidSignatureException"
        assert message.startswith(MISMATCH)
    assert door.send(admin, "GET", f"{FUNCTIONS}/web-1").status == 200


def test_no_operation_is_open_to_those_who_do_not_sign(door: Door) -> None:
    operations = ServiceModel.load().operations.values()
    for operation in operations:
        path = "/" + "/".join(
            "web-1" if segment.startswith("{") else segment for segment in operation.segments
        )
        query = "&".join(f"{name}={value}" for name, value in operation.query.items())
        answer = door.harness.request(operation.method, f"{path}?{query}", body=[b"{}"])
        assert refusal(answer)[0] == "MissingAuthenticationTokenException", operation.name
    assert len(operations) > 80


def test_a_stranger_is_refused_before_the_body_is_read(door: Door) -> None:
    stranger = dataclasses.replace(door.keys.admin, id="AKIAIOSFODNN7EXAMPLE")
    too_large = b"x" * 7_000_000
    answer = door.send(stranger, "POST", f"{FUNCTIONS}/web-1/invocations", b"", sent=too_large)
    assert refusal(answer)[0] == "UnrecognizedClientException"


def test_failures_wait_the_longer_the_more_there_are(door: Door) -> None:
    for _ in range(8):
        door.harness.request("GET", f"{FUNCTIONS}/")
    assert door.keys.waits == 3
    assert door.send(door.keys.admin, "GET", f"{FUNCTIONS}/").status == 200
    assert door.keys.waits == 3


def test_readers_read(door: Door) -> None:
    reader = door.key("read-only")
    assert door.send(reader, "GET", f"{FUNCTIONS}/web-1").status == 200
    for method, target, action, resource in (
        ("DELETE", f"{FUNCTIONS}/web-1", "DeleteFunction", f"{ARN}:web-1"),
        ("DELETE", f"{FUNCTIONS}/{ARN}:web-1", "DeleteFunction", f"{ARN}:web-1"),
        ("POST", f"{FUNCTIONS}/web-1/invocations", "InvokeFunction", f"{ARN}:web-1"),
        ("POST", FUNCTIONS, "CreateFunction", "*"),
        ("POST", "/2018-10-31/layers/l/versions", "PublishLayerVersion",
         f"arn:aws:lambda:{REGION}:000000000000:layer:l"),
        ("POST", f"/2017-03-31/tags/{ARN}:web-1", "TagResource", f"{ARN}:web-1"),
    ):  # fmt: skip
        assert refusal(door.send(reader, method, target)) == (
            "AccessDeniedException",
            "User: arn:aws:iam::000000000000:user/a-read-only is not authorized to perform: "
            f"lambda:{action} on resource: {resource} because no identity-based policy allows the "
            f"lambda:{action} action",
        )


def test_invokers_invoke_what_they_are_for_by_whatever_name(door: Door) -> None:
    invoker = door.key("invoker", "web-*")
    for name in ("web-1", f"{ARN}:web-1", "000000000000:function:web-1", "web-1:$LATEST"):
        path = f"{FUNCTIONS}/{name.replace(':', '%3A')}/invocations"
        assert door.send(invoker, "POST", path, b"{}").status == 200, name
    for name in ("other", f"{ARN}:other", f"{ARN.replace('us-east-1', 'eu-west-1')}:web-1", "%00"):
        code, _ = refusal(door.send(invoker, "POST", f"{FUNCTIONS}/{name}/invocations", b"{}"))
        assert code == "AccessDeniedException", name
    assert refusal(door.send(invoker, "GET", f"{FUNCTIONS}/web-1"))[0] == "AccessDeniedException"


def test_a_policy_lets_in_whom_it_names(door: Door) -> None:
    reader = door.key("read-only")
    invoke, aliased = (f"{FUNCTIONS}/web-1/invocations{query}" for query in ("", "?Qualifier=a"))
    statement = {
        "StatementId": "s", "Action": "lambda:InvokeFunction",
        "Principal": "arn:aws:iam::000000000000:user/a-read-only",
    }  # fmt: skip
    assert door.send(reader, "POST", invoke, b"{}").status == 403
    body = json.dumps(statement).encode()
    assert door.send(door.keys.admin, "POST", f"{FUNCTIONS}/web-1/policy", body).status == 201
    assert door.send(reader, "POST", invoke, b"{}").status == 200
    # Neither another function, nor another qualifier, nor anything else.
    assert door.send(reader, "POST", f"{FUNCTIONS}/other/invocations", b"{}").status == 403
    assert door.send(reader, "POST", aliased, b"{}").status == 403
    assert door.send(reader, "DELETE", f"{FUNCTIONS}/web-1").status == 403


def test_a_policy_keeps_out_whom_it_denies(door: Door) -> None:
    """Whatever the role lets them do, and by whatever name; but for admins, who can undo it."""
    invoker = door.key("invoker", "*")
    denied = {
        "Effect": "Deny", "Action": "lambda:InvokeFunction", "Resource": f"{ARN}:web-1",
        "Principal": {"AWS": "arn:aws:iam::000000000000:user/a-invoker"},
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [denied]})
    body = json.dumps({"Policy": policy}).encode()
    target = f"/2026-07-09/resource-policy/{ARN}:web-1".replace(":", "%3A")
    assert door.send(door.keys.admin, "PUT", target, body).status == 200
    for name in ("web-1", "web-1?Qualifier=$LATEST", f"{ARN}:web-1"):
        name, _, query = name.partition("?")
        invoke = f"{FUNCTIONS}/{name}/invocations" + (f"?{query}" if query else "")
        code, message = refusal(door.send(invoker, "POST", invoke, b"{}"))
        assert code == "AccessDeniedException"
        assert message.endswith("with an explicit deny in a resource-based policy")
    assert door.send(invoker, "POST", f"{FUNCTIONS}/other/invocations", b"{}").status == 200
    admin = door.keys.admin
    assert door.send(admin, "POST", f"{FUNCTIONS}/web-1/invocations", b"{}").status == 200


def test_deployers_deploy(door: Door) -> None:
    deployer = door.key("deployer")
    assert door.send(deployer, "DELETE", f"{FUNCTIONS}/other").status == 204
