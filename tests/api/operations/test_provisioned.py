"""Provisioned concurrency, as boto3 sees it."""

import re
from typing import Any

import pytest

from tests.api.harness import Harness, refused
from wasmfaas.invoke.provisioning import Provisioned, Status

MEMBER = "ProvisionedConcurrentExecutions"
INVALID = "InvalidParameterValueException"


@pytest.fixture
def published(harness: Harness) -> Harness:
    """With a version 1 of `f`, and an alias `prod` for it."""
    harness.create("f")
    harness.client().publish_version(FunctionName="f")
    harness.client().create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    return harness


def put(harness: Harness, qualifier: str, count: int, name: str = "f") -> Any:
    return harness.client().put_provisioned_concurrency_config(
        FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
    )


def test_a_configuration_lives_until_it_is_deleted(published: Harness) -> None:
    client = published.client()
    response = put(published, "1", 2)
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 202
    assert response[f"Requested{MEMBER}"] == 2
    assert (response[f"Allocated{MEMBER}"], response[f"Available{MEMBER}"]) == (0, 0)
    assert response["Status"] == "IN_PROGRESS"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+0000", response["LastModified"])
    chosen = {"FunctionName": "f", "Qualifier": "1"}
    published.provisioning.provisioned = Provisioned(1, Status.FAILED, "because")
    read = client.get_provisioned_concurrency_config(**chosen)
    assert (read["Status"], read["StatusReason"], read[f"Allocated{MEMBER}"]) == (
        "FAILED",
        "because",
        1,
    )
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")
    (shown,) = listed["ProvisionedConcurrencyConfigs"]
    assert (shown["FunctionArn"], shown["Status"]) == (published.arn("f") + ":1", "FAILED")
    for _ in range(2):
        deleted = client.delete_provisioned_concurrency_config(**chosen)
        assert deleted["ResponseMetadata"]["HTTPStatusCode"] == 204
    said = refused(
        "ProvisionedConcurrencyConfigNotFoundException",
        client.get_provisioned_concurrency_config,
        **chosen,
    )
    assert said == "No Provisioned Concurrency Config found for this function"
    listed = client.list_provisioned_concurrency_configs(FunctionName="f")
    assert listed["ProvisionedConcurrencyConfigs"] == []


def test_only_what_is_published_can_be_provisioned(published: Harness) -> None:
    client = published.client()
    client.create_alias(FunctionName="f", Name="dev", FunctionVersion="$LATEST")
    call = client.put_provisioned_concurrency_config
    for qualifier in ("$LATEST", "dev"):
        said = refused(INVALID, call, FunctionName="f", Qualifier=qualifier, **{MEMBER: 1})
        assert said == (
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    for read in (
        client.get_provisioned_concurrency_config,
        client.delete_provisioned_concurrency_config,
    ):
        said = refused(INVALID, read, FunctionName="f", Qualifier="$LATEST")
        assert said == "The function resource provided must be an alias or a published version."
    arn = published.arn("f")
    for qualifier, expected in (("7", f"Function not found: {arn}:7"),
                                ("x", f"Cannot find alias arn: {arn}:x")):  # fmt: skip
        said = refused(
            "ResourceNotFoundException",
            call,
            FunctionName="f",
            Qualifier=qualifier,
            ProvisionedConcurrentExecutions=1,
        )
        assert said == expected


def test_a_version_is_provisioned_by_itself_or_by_an_alias(published: Harness) -> None:
    client = published.client()
    call = client.put_provisioned_concurrency_config
    put(published, "prod", 1)
    said = refused(
        "ResourceConflictException", call, FunctionName="f", Qualifier="1", **{MEMBER: 1}
    )
    assert said == "Version is pointed by a Provisioned Concurrency alias"
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="prod")
    put(published, "1", 1)
    said = refused(
        "ResourceConflictException", call, FunctionName="f", Qualifier="prod", **{MEMBER: 1}
    )
    assert said == (
        "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned "
        "version"
    )


def test_it_comes_out_of_the_reservation_or_out_of_what_is_left(published: Harness) -> None:
    client = published.client()
    call = client.put_provisioned_concurrency_config
    chosen = {"FunctionName": "f", "Qualifier": "1"}
    limit = published.settings.concurrency_max
    assert refused(INVALID, call, **chosen, **{MEMBER: limit + 1}) == (
        "Specified ConcurrentExecutions for function is greater than account's unreserved "
        f"concurrency [{limit}]."
    )
    assert refused(INVALID, call, **chosen, **{MEMBER: limit - 99}) == (
        "Specified ConcurrentExecutions for function decreases account's "
        "UnreservedConcurrentExecution below its minimum value of [100]."
    )
    put(published, "1", 2)
    account = client.get_account_settings()["AccountLimit"]
    assert account["UnreservedConcurrentExecutions"] == limit - 2
    reserve = client.put_function_concurrency
    assert refused(INVALID, reserve, FunctionName="f", ReservedConcurrentExecutions=1) == (
        " ReservedConcurrentExecutions  1 should not be lower than function's total provisioned "
        "concurrency [2]."
    )
    reserve(FunctionName="f", ReservedConcurrentExecutions=3)
    assert refused(INVALID, call, **chosen, **{MEMBER: 4}) == (
        "Requested Provisioned Concurrency should not be greater than the "
        "reservedConcurrentExecution for function"
    )
    put(published, "1", 3)
    account = client.get_account_settings()["AccountLimit"]
    assert account["UnreservedConcurrentExecutions"] == limit - 3
