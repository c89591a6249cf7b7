import pytest

from wasmfaas.api.names import FunctionReference, Names
from wasmfaas.errors import InvalidParameterValue, ResourceNotFound

NAMES = Names("us-east-1", "000000000000")
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.mark.parametrize(
    ("text", "name", "qualifier"),
    [
        ("f", "f", None),
        ("f:prod", "f", "prod"),
        ("f:$LATEST", "f", "$LATEST"),
        ("function:f", "f", None),
        ("000000000000:function:f", "f", None),
        ("000000000000:function:f:1", "f", "1"),
        (ARN, "f", None),
        (f"{ARN}:$LATEST", "f", "$LATEST"),
        ("function", "function", None),
        ("f:us-east-1", "f", "us-east-1"),
        ("-_-", "-_-", None),
    ],
)
def test_every_form_of_a_name(text: str, name: str, qualifier: str | None) -> None:
    assert NAMES.parse(text) == FunctionReference(name, qualifier)


def test_a_qualifier_may_be_given_twice_if_both_agree() -> None:
    assert NAMES.parse("f:1", "1").qualifier == "1"
    assert NAMES.parse("f", "1").qualifier == "1"
    with pytest.raises(InvalidParameterValue, match="does not match the specified qualifier"):
        NAMES.parse("f:1", "2")


def test_other_regions_and_accounts_are_not_reachable() -> None:
    with pytest.raises(ResourceNotFound) as caught:
        NAMES.parse("arn:aws:lambda:ap-southeast-1:000000000000:function:f")
    assert caught.value.message == (
        "Functions from 'ap-southeast-1' are not reachable in this region ('us-east-1')"
    )
    with pytest.raises(ResourceNotFound, match="the account of this server is 000000000000"):
        NAMES.parse("123456789012:function:f")


def test_operations_on_functions_take_no_qualifier() -> None:
    assert NAMES.unqualified(ARN) == "f"
    with pytest.raises(InvalidParameterValue, match="permitted on Lambda functions only"):
        NAMES.unqualified("f:$LATEST")


def test_arns() -> None:
    assert NAMES.arn("f") == ARN
    assert NAMES.arn("f", "$LATEST") == f"{ARN}:$LATEST"
