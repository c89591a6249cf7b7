"""What a resource policy allows."""

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.policy import InvalidPolicy, Policy, Request, matches, url_request

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
ADA = "arn:aws:iam::123456789012:user/ada"


def policy(*statements: dict[str, Any]) -> Policy:
    text = json.dumps({"Version": "2012-10-17", "Id": "default", "Statement": statements})
    return Policy.parse(text)


def statement(**members: Any) -> dict[str, Any]:
    given = {"Effect": "Allow", "Principal": "*", "Action": "lambda:*", "Resource": ARN}
    return given | members


def request(**members: Any) -> Request:
    return Request(**({"action": "lambda:InvokeFunction", "resource": ARN} | members))


PUBLIC = statement(
    Action="lambda:InvokeFunctionUrl",
    Condition={"StringEquals": {"lambda:FunctionUrlAuthType": "NONE"}},
)


def test_an_open_url_needs_a_statement_for_all_with_its_type() -> None:
    assert policy(PUBLIC).allows(url_request(ARN, "NONE"))
    assert not policy(PUBLIC).allows(url_request(ARN, "AWS_IAM", ADA))
    for changed in (
        {"Action": "lambda:InvokeFunction"},
        {"Principal": {"AWS": ADA}},
        {"Resource": ARN + ":1"},
        {"Effect": "Deny"},
    ):
        assert not policy(PUBLIC | changed).allows(url_request(ARN, "NONE")), changed


def test_a_denial_wins() -> None:
    denial = statement(Effect="Deny", Action="lambda:InvokeFunctionUrl")
    assert not policy(PUBLIC, denial).allows(url_request(ARN, "NONE"))
    assert policy(PUBLIC, denial | {"Action": "lambda:Get*"}).allows(url_request(ARN, "NONE"))


@pytest.mark.parametrize(
    ("principal", "caller", "expected"),
    [
        ("*", None, True),
        ({"AWS": "*"}, None, True),
        ({"AWS": ADA}, ADA, True),
        ({"AWS": ADA}, None, False),
        ({"AWS": ADA}, ADA + "x", False),
        ({"AWS": ["x", ADA]}, ADA, True),
        ({"Service": "s3.amazonaws.com"}, "s3.amazonaws.com", True),
        ({"Service": "s3.amazonaws.com"}, "sns.amazonaws.com", False),
        ({"Service": "*"}, ADA, False),
    ],
)
def test_principals(principal: Any, caller: str | None, expected: bool) -> None:
    held = policy(statement(Principal=principal))
    assert held.allows(request(principal=caller)) is expected
    del held
    contrary = statement(NotPrincipal=principal)
    del contrary["Principal"]
    assert policy(contrary).allows(request(principal=caller)) is not expected


@pytest.mark.parametrize("account", ["123456789012", "arn:aws:iam::123456789012:root"])
def test_an_account_decides_itself_whom_it_lets_in_but_keeps_out_all_of_its(account: str) -> None:
    allowed = policy(statement(Principal={"AWS": account}))
    assert not allowed.allows(request(principal=ADA))

    denied = policy(statement(), statement(Effect="Deny", Principal={"AWS": account}))
    assert denied.denies(request(principal=ADA))
    assert not denied.denies(request(principal=ADA.replace("012:", "013:")))


@pytest.mark.parametrize(
    ("condition", "value", "expected"),
    [
        ({"StringEquals": {"AWS:SourceAccount": "1"}}, "1", True),
        ({"StringEquals": {"aws:sourceaccount": ["2", "1"]}}, "1", True),
        ({"StringEquals": {"AWS:SourceAccount": "1"}}, None, False),
        ({"StringEqualsIfExists": {"AWS:SourceAccount": "1"}}, None, True),
        ({"StringNotEquals": {"AWS:SourceAccount": "1"}}, "1", False),
        ({"StringNotEquals": {"AWS:SourceAccount": ["1", "2"]}}, "2", False),
        ({"StringNotEquals": {"AWS:SourceAccount": "1"}}, None, True),
        ({"StringLike": {"AWS:SourceAccount": "1*3"}}, "1223", True),
        ({"ArnLike": {"AWS:SourceAccount": "arn:aws:s3:*:*:b*"}}, "arn:aws:s3:::bucket", True),
        ({"ArnLike": {"AWS:SourceAccount": "arn:aws:s3:*"}}, "arn:aws:s3:::bucket", False),
        ({"Bool": {"AWS:SourceAccount": True}}, "true", True),
        ({"Null": {"AWS:SourceAccount": "true"}}, None, True),
        ({"Null": {"AWS:SourceAccount": "true"}}, "1", False),
        ({"IpAddress": {"AWS:SourceAccount": "10.0.0.0/8"}}, "10.1.2.3", True),
        ({"NotIpAddress": {"AWS:SourceAccount": "10.0.0.0/8"}}, "10.1.2.3", False),
        ({"StringEquals": {"AWS:SourceAccount": "1"}, "Null": {"x": "false"}}, "1", False),
    ],
)
def test_conditions(condition: Any, value: str | None, expected: bool) -> None:
    conditions = {} if value is None else {"aws:SourceAccount": value}
    assert policy(statement(Condition=condition)).allows(request(conditions=conditions)) is expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({"Action": "*"}, True),
        ({"Action": ["lambda:GetFunction", "LAMBDA:invoke*"]}, True),
        ({"NotAction": "lambda:InvokeFunction"}, False),
        ({"Resource": ARN + "*"}, True),
        ({"Resource": ARN.upper()}, False),
        ({"NotResource": ARN}, False),
    ],
)
def test_actions_and_resources(members: dict[str, Any], expected: bool) -> None:
    given = statement(**members)
    for name in members:
        if name.startswith("Not"):
            del given[name.removeprefix("Not")]
    assert policy(given).allows(request()) is expected


@pytest.mark.parametrize(
    "text",
    [
        "", "[]", "nope", "[" * 100_000, "{}", '{"Statement":[]}', '{"Statement":[1]}',
        '{"Statement":[{"Effect":"Allow"}]}', '{"Version":"1","Statement":[]}',
        json.dumps({"Statement": statement(Effect="Maybe")}),
        json.dumps({"Statement": statement(Principal="ada")}),
        json.dumps({"Statement": statement(Principal={"Planet": "earth"})}),
        json.dumps({"Statement": statement(Action=[])}),
        json.dumps({"Statement": statement(NotAction="x")}),
        json.dumps({"Statement": statement(Condition={"DateGreaterThan": {"a": "b"}})}),
        json.dumps({"Statement": statement(Condition={"StringEquals": {"a": {}}})}),
        json.dumps({"Statement": statement(Extra=1)}),
        json.dumps({"Statement": [statement(Sid="a"), statement(Sid="a")]}),
    ],
)  # fmt: skip
def test_what_is_no_policy(text: str) -> None:
    with pytest.raises(InvalidPolicy):
        Policy.parse(text)


@given(st.text("ab*?", max_size=8), st.text("abc", max_size=8))
def test_wildcards_are_what_they_are_as_an_expression(pattern: str, value: str) -> None:
    expression = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    assert matches(pattern, value) is bool(re.fullmatch(expression, value))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["*", "Allow", ARN, "a:b"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["Effect", "Principal", "AWS", "Action", "Resource", "Condition",
                         "StringEquals", "Null", "Statement", "Sid", "NotPrincipal"]),
        inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(JSON, st.dictionaries(st.sampled_from(["Principal", "Action", "Condition"]), JSON))
def test_what_is_accepted_can_be_asked(document: Any, members: dict[str, Any]) -> None:
    for text in (json.dumps(document), json.dumps({"Statement": statement(**members)})):
        try:
            held = Policy.parse(text)
        except InvalidPolicy:
            continue
        assert held.allows(url_request(ARN, "NONE")) in (True, False)


def test_wildcards_take_no_exponential_time() -> None:
    assert not matches("*a" * 2000 + "b", "a" * 5000)
