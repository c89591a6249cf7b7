"""What a webhook may be."""

from typing import Any

import pytest

from wasmfaas.errors import InvalidParameterValue
from wasmfaas.hooks.definitions import Definition, check_name, check_secret


@pytest.mark.parametrize(
    "members",
    [
        {"function": "f"},
        {"function": "f", "kind": "s3"},
        {"function": "f", "kind": "s3", "signature": "none", "qualifier": "live"},
        {"function": "f", "signature": "slack", "tolerance_s": 60},
        {"function": "f", "signature": "bearer", "header": "X-Gitlab-Token", "prefix": ""},
    ],
)
def test_a_definition_is_what_its_members_make(members: dict[str, Any]) -> None:
    definition = Definition.of(members)
    assert Definition.of(definition.document()) == definition


def test_what_is_not_said_is_presumed() -> None:
    assert Definition.of({"function": "f"}).scheme.signature == "standard"
    assert Definition.of({"function": "f", "kind": "s3"}).scheme.signature == "bearer"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({}, "function is None"),
        ({"function": "a b"}, "function is 'a b'"),
        ({"function": "f", "qualifier": "$X"}, "qualifier is"),
        ({"function": "f", "kind": "ftp"}, "signed, s3"),
        ({"function": "f", "signature": "none"}, "kind s3"),
        ({"function": "f", "secret": "abc"}, "has no 'secret'"),
    ],
)
def test_what_makes_no_sense_is_refused(members: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        Definition.of(members)
    assert words in refused.value.message


@pytest.mark.parametrize("name", ["", "a/b", "a b", "x" * 65, "é", None, "a\n"])
def test_names_fit_into_a_url(name: Any) -> None:
    with pytest.raises(InvalidParameterValue):
        check_name(name)


@pytest.mark.parametrize("secret", ["", "short", "x" * 1025, " leading-space", "line\nbreak-x", 7])
def test_what_cannot_be_a_secret_is_refused_without_being_told(secret: Any) -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        check_secret(secret)
    assert str(secret) == "" or str(secret) not in refused.value.message.replace("1 to", "")


def test_spaces_within_a_secret_are_its_own() -> None:
    assert check_secret("It's a Secret to Everybody") == "It's a Secret to Everybody"
