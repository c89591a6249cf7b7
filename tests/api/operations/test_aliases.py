from typing import Any

import pytest

from tests.api.harness import Harness, refused


@pytest.fixture
def client(harness: Harness) -> Any:
    """With a function `f` of two versions."""
    harness.create("f")
    client = harness.client()
    for number in ("1", "2"):
        client.update_function_configuration(FunctionName="f", Description=number)
        assert client.publish_version(FunctionName="f")["Version"] == number
    return client


def plain(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def test_an_alias_from_creation_to_deletion(harness: Harness, client: Any) -> None:
    arn = harness.arn("f")
    routing = {"AdditionalVersionWeights": {"2": 0.25}}
    created = client.create_alias(
        FunctionName="f", Name="prod", FunctionVersion="1", Description="d", RoutingConfig=routing
    )
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert plain(created) == {
        "AliasArn": f"{arn}:prod",
        "Name": "prod",
        "FunctionVersion": "1",
        "Description": "d",
        "RoutingConfig": routing,
        "RevisionId": created["RevisionId"],
    }
    assert plain(client.get_alias(FunctionName=arn, Name="prod")) == plain(created)
    found = client.get_function(FunctionName="f", Qualifier="prod")["Configuration"]
    assert (found["FunctionArn"], found["Version"]) == (f"{arn}:prod", "1")
    for qualifier, versions in (("1", ["1"]), ("prod", ["1"])):
        said = client.get_function_configuration(FunctionName=f"f:{qualifier}")["Version"]
        assert [said] == versions
    updated = client.update_alias(
        FunctionName="f", Name="prod", FunctionVersion="2", RoutingConfig={}
    )
    assert set(updated) & {"RoutingConfig"} == set()
    assert (updated["FunctionVersion"], updated["Description"]) == ("2", "d")
    said = refused(
        "PreconditionFailedException",
        client.update_alias,
        FunctionName="f",
        Name="prod",
        RevisionId=created["RevisionId"],
    )
    assert said.endswith("Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
    answer = client.invoke(FunctionName="f", Qualifier="prod")
    assert answer["ExecutedVersion"] == "2"
    assert harness.invoker.calls[-1][2].invoked_function_arn == f"{arn}:prod"
    said = refused(
        "ResourceConflictException", client.delete_function, FunctionName="f", Qualifier="2"
    )
    assert said == "Unable to delete version because the following aliases reference it: [prod]"
    said = refused("InvalidParameterValueException", client.delete_function, FunctionName="f:prod")
    assert said == "Deletion of aliases is not currently supported."
    for _ in range(2):
        deleted = client.delete_alias(FunctionName="f", Name="prod")
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    said = refused("ResourceNotFoundException", client.get_alias, FunctionName="f", Name="prod")
    assert said == f"Cannot find alias arn: {arn}:prod"
    said = refused("ResourceNotFoundException", client.invoke, FunctionName="f:prod")
    assert said == f"Function not found: {arn}:prod"


def test_lists_of_aliases(client: Any) -> None:
    for number in range(1, 8):
        client.create_alias(
            FunctionName="f", Name=f"a{number}", FunctionVersion=str(number % 2 + 1)
        )
    pages = client.get_paginator("list_aliases").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 3}
    )
    sizes = [len(page["Aliases"]) for page in pages]
    assert sizes == [3, 3, 1]
    some = client.list_aliases(FunctionName="f", FunctionVersion="1", MaxItems=10_000)
    assert [alias["Name"] for alias in some["Aliases"]] == ["a2", "a4", "a6"]
    assert "NextMarker" not in some


MAP = "'routingConfig.additionalVersionWeights' failed to satisfy constraint: Map"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        ({"FunctionVersion": "10"}, "ResourceNotFoundException", "Function not found: {arn}:10"),
        ({"FunctionName": "no"}, "ResourceNotFoundException", "Function not found: {no}:1"),
        ({"Weights": {"10": 0.5}}, "ResourceNotFoundException", "Function not found: {arn}:10"),
        ({"Weights": {"1": 0.1, "2": 0.2}}, "InvalidParameterValueException",
         "Number of items in AdditionalVersionWeights cannot be greater than 1"),
        ({"Weights": {"1": 0.1}}, "InvalidParameterValueException", "Invalid function version 1. "
         "Function version 1 is already included in routing configuration."),
        ({"FunctionVersion": "$LATEST", "Weights": {"1": 0.1}}, "InvalidParameterValueException",
         "$LATEST is not supported for an alias pointing to more than 1 version"),
        ({"Weights": {"2": 2.0}}, "ValidationException", "1 validation error detected: Value "
         f"'{{2=2.0}}' at {MAP} value must satisfy constraint: [Member must have value less than "
         "or equal to 1.0, Member must have value greater than or equal to 0.0, Member must not "
         "be null]"),
        ({"Weights": {"$LATEST": 0.5}}, "ValidationException", "1 validation error detected: Value "
         f"'{{$LATEST=0.5}}' at {MAP} keys must satisfy constraint: [Member must have length less "
         "than or equal to 1024, Member must have length greater than or equal to 1, Member must "
         "satisfy regular expression pattern: [0-9]+, Member must not be null]"),
        ({"Name": "42"}, "ValidationException", "1 validation error detected: Value '42' at 'name' "
         "failed to satisfy constraint: Member must satisfy regular expression pattern: "
         "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"),
        ({"Name": "taken"}, "ResourceConflictException", "Alias already exists: {arn}:taken"),
    ],
)  # fmt: skip
def test_aliases_that_cannot_be(
    harness: Harness, client: Any, arguments: dict[str, Any], code: str, said: str
) -> None:
    client.create_alias(FunctionName="f", Name="taken", FunctionVersion="1")
    weights = arguments.pop("Weights", None)
    if weights is not None:
        arguments["RoutingConfig"] = {"AdditionalVersionWeights": weights}
    complete = {"FunctionName": "f", "Name": "a", "FunctionVersion": "1"} | arguments
    message = refused(code, client.create_alias, **complete)
    assert message == said.replace("{arn}", harness.arn("f")).replace("{no}", harness.arn("no"))


def test_what_is_said_of_aliases_that_are_not_there(harness: Harness, client: Any) -> None:
    arn = harness.arn("f")
    said = refused("ResourceNotFoundException", client.update_alias, FunctionName="f", Name="no")
    assert said == f"Alias not found: {arn}:no"
    for name in ("f", "gone"):
        said = refused("ResourceNotFoundException", client.get_alias, FunctionName=name, Name="no")
        assert said == f"Cannot find alias arn: {harness.arn(name)}:no"
    for qualifier in ("no", "valid-with-$-but-doesnotexist"):
        said = refused(
            "ResourceNotFoundException", client.get_function, FunctionName="f", Qualifier=qualifier
        )
        assert said == f"Function not found: {arn}:{qualifier}"
