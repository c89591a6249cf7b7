"""GetCallerIdentity, read by botocore's own parser, and what else comes to `/`."""

import asyncio
import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from botocore.parsers import create_parser
from botocore.session import Session

from tests.api.authenticated import Keys
from tests.api.harness import Answer, send_request
from tests.auth.signing import NOW, signed
from wasmfaas.api.sts import Sts, is_query
from wasmfaas.auth.principals import AccessKey

ACCOUNT = "123456789012"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
IDENTITY = b"Action=GetCallerIdentity&Version=2011-06-15"


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    return Keys(tmp_path, ACCOUNT)


def ask(keys: Keys, key: AccessKey, body: bytes = IDENTITY, **how: Any) -> Answer:
    request = signed("POST", "/", body, FORM, key=key, **({"service": "sts"} | how))
    headers = {name.decode(): value.decode() for name, value in request.headers}
    return send(keys, "POST", "/", headers, [body])


def send(
    keys: Keys, method: str, target: str, headers: Mapping[str, str], body: list[bytes]
) -> Answer:
    return asyncio.run(
        send_request(Sts(keys.authenticator), method, target, headers=headers, body=body)
    )


def parsed(answer: Answer) -> Any:
    """As boto3 shows it."""
    model = Session().get_service_model("sts").operation_model("GetCallerIdentity")
    response = {"body": answer.body, "headers": answer.headers, "status_code": answer.status}
    return create_parser("query").parse(response, model.output_shape)


@pytest.mark.parametrize(
    ("role", "functions"), [("admin", ()), ("invoker", ("f",)), ("read-only", ())]
)
def test_everyone_may_know_who_they_are(keys: Keys, role: str, functions: tuple[str, ...]) -> None:
    key = asyncio.run(keys.store.create("ada", role, functions))
    identity = parsed(ask(keys, key))
    assert identity.pop("ResponseMetadata")["HTTPStatusCode"] == 200
    assert identity == {
        "UserId": "AIDA" + key.id[4:],
        "Account": ACCOUNT,
        "Arn": f"arn:aws:iam::{ACCOUNT}:user/ada",
    }


def test_a_presigned_get_is_answered(keys: Keys) -> None:
    target = f"/?{IDENTITY.decode()}"
    request = signed("GET", target, key=keys.admin, service="sts", expires_s=60)
    target = f"/?{request.query_string.decode()}"
    assert parsed(send(keys, "GET", target, {}, []))["Account"] == ACCOUNT


@pytest.mark.parametrize(
    ("body", "how", "code", "status"),
    [
        (b"Action=AssumeRole&Version=2011-06-15", {}, "InvalidAction", 400),
        (b"Action=%3Cb%3E&Version=%26", {}, "InvalidAction", 400),
        (b"", {}, "InvalidAction", 400),
        (IDENTITY, {"service": "iam"}, "SignatureDoesNotMatch", 403),
        (IDENTITY, {"at_s": NOW - 301}, "SignatureDoesNotMatch", 403),
        (IDENTITY, {"token": "t"}, "InvalidClientTokenId", 403),
    ],
)
def test_errors_are_xml(
    keys: Keys, body: bytes, how: dict[str, Any], code: str, status: int
) -> None:
    error = parsed(ask(keys, keys.admin, body, **how))
    assert (error["Error"]["Code"], error["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    assert error["Error"]["Type"] == "Sender"


def test_who_does_not_sign_is_told_so(keys: Keys) -> None:
    error = parsed(send(keys, "POST", "/", FORM, [IDENTITY]))
    assert error["Error"]["Code"] == "MissingAuthenticationToken"
    wrong = dataclasses.replace(keys.admin, secret="guess")
    assert parsed(ask(keys, wrong))["Error"]["Code"] == "SignatureDoesNotMatch"


def test_a_request_is_bounded(keys: Keys) -> None:
    assert ask(keys, keys.admin, b"a" * 70_000).status == 413


@pytest.mark.parametrize(
    ("method", "path", "query", "headers", "expected"),
    [
        ("POST", b"/", b"", [], True),
        ("GET", b"/", b"Action=GetCallerIdentity", [], True),
        ("GET", b"/", b"", [], False),
        ("POST", b"/", b"", [(b"x-amz-target", b"Logs_20140328.GetLogEvents")], False),
        ("POST", b"/2015-03-31/functions", b"", [], False),
    ],
)
def test_the_query_protocol_has_the_root(
    method: str, path: bytes, query: bytes, headers: list[tuple[bytes, bytes]], expected: bool
) -> None:
    scope = {
        "type": "http", "method": method, "path": path.decode(), "raw_path": path,
        "query_string": query, "headers": headers,
    }  # fmt: skip
    assert is_query(scope) is expected


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"Action=%00", b"Action=%ED%A0%80&Version=%0B", b"&" * 1000, b"=&=",
        b"Action=" + b"x" * 60_000, b"Action=<a>]]>&amp;", b"A=b&" * 10_000, b"{}", b"x" * 70_000,
        IDENTITY + b"&Action=Nothing",
    ],
    ids=range(12),
)  # fmt: skip
def test_what_is_no_query_is_refused_in_sound_xml(keys: Keys, body: bytes) -> None:
    key = asyncio.run(keys.store.create("ada", "admin", ()))
    answer = ask(keys, key, body)
    assert 400 <= answer.status < 500
    assert len(answer.body) < 1000
    error = ElementTree.fromstring(answer.body).find("{*}Error")
    assert error is not None
    assert error.findtext("{*}Message")
