"""The calls that Terraform's provider makes for its `aws_lambda_*` resources, in its order, and
what it reads of the answers."""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.api.harness import PACKAGE, Harness, refused
from tests.conftest import zip_of
from wasmfaas.invoke.provisioning import Provisioned, Status

OTHER = zip_of({"app.py": "def lambda_handler(event, context): return 2\n"})


@pytest.fixture
def client(harness: Harness) -> Any:
    """With `aws_lambda_function.f` created, `publish = true`."""
    harness.deployer.holds = True
    harness.create("f", Publish=True, Tags={"a": "b"})
    client = harness.client()
    assert client.get_function(FunctionName="f")["Configuration"]["State"] == "Pending"
    finish(harness)
    client.get_waiter("function_active_v2").wait(FunctionName="f")
    return client


def finish(harness: Harness) -> None:
    harness.run(harness.deployer.finish(harness.run(harness.registry.get("f"))))


def newest_version(client: Any) -> dict[str, Any]:
    """As the provider finds it: the last element of the last page."""

    def versions() -> Iterator[dict[str, Any]]:
        pages = client.get_paginator("list_versions_by_function").paginate(
            FunctionName="f", PaginationConfig={"PageSize": 10_000}
        )
        for page in pages:
            yield from page["Versions"]

    return list(versions())[-1]


def read(client: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get_function(FunctionName="f")
    assert found["Code"]["Location"]
    assert found["Tags"] == {"a": "b"}
    assert client.get_function_code_signing_config(FunctionName="f")["FunctionName"] == "f"
    return found


def test_aws_lambda_function(harness: Harness, client: Any) -> None:
    assert newest_version(client)["Version"] == "1"
    client.put_function_concurrency(FunctionName="f", ReservedConcurrentExecutions=2)
    assert read(client)["Concurrency"] == {"ReservedConcurrentExecutions": 2}
    client.update_function_configuration(FunctionName="f", MemorySize=256)
    assert read(client)["Configuration"]["LastUpdateStatus"] == "InProgress"
    refused(
        "ResourceConflictException", client.update_function_code, FunctionName="f", ZipFile=OTHER
    )
    finish(harness)
    client.update_function_code(FunctionName="f", ZipFile=OTHER)
    finish(harness)
    assert read(client)["Configuration"]["LastUpdateStatus"] == "Successful"
    client.delete_function_concurrency(FunctionName="f")
    assert "Concurrency" not in read(client)
    version = client.publish_version(FunctionName="f")["Version"]
    published = client.get_function_configuration(FunctionName="f", Qualifier=version)
    assert (published["Version"], published["MemorySize"]) == ("2", 256)
    assert newest_version(client)["FunctionArn"] == f"{harness.arn('f')}:2"
    client.tag_resource(Resource=harness.arn("f"), Tags={"c": "d"})
    client.untag_resource(Resource=harness.arn("f"), TagKeys=["c"])
    client.delete_function(FunctionName="f")
    refused("ResourceNotFoundException", client.get_function, FunctionName="f")


def test_aws_lambda_alias(harness: Harness, client: Any) -> None:
    client.update_function_code(FunctionName="f", ZipFile=OTHER)
    finish(harness)
    client.publish_version(FunctionName="f")
    name = {"FunctionName": "f", "Name": "live"}
    client.create_alias(**name, FunctionVersion="1", Description="d", RoutingConfig={})
    assert client.get_alias(**name)["AliasArn"] == f"{harness.arn('f')}:live"
    client.update_alias(
        **name, FunctionVersion="1", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}}
    )
    assert client.get_alias(**name)["RoutingConfig"] == {"AdditionalVersionWeights": {"2": 0.5}}
    client.delete_alias(**name)
    # By this text the provider knows that it is gone.
    assert "Cannot find alias arn" in refused("ResourceNotFoundException", client.get_alias, **name)


@pytest.mark.parametrize("qualifier", [None, "live"])
def test_aws_lambda_permission(harness: Harness, client: Any, qualifier: str | None) -> None:
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    name = {"FunctionName": "f"} | ({} if qualifier is None else {"Qualifier": qualifier})
    client.add_permission(
        **name, StatementId="s", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
        SourceArn="arn:aws:events:us-east-1:000000000000:rule/r",
    )  # fmt: skip
    (statement,) = json.loads(client.get_policy(**name)["Policy"])["Statement"]
    resource = harness.arn("f") + (f":{qualifier}" if qualifier else "")
    assert (statement["Sid"], statement["Resource"]) == ("s", resource)
    assert statement["Principal"] == {"Service": "events.amazonaws.com"}
    client.remove_permission(**name, StatementId="s")
    refused("ResourceNotFoundException", client.get_policy, **name)


@pytest.mark.parametrize("qualifier", [None, "live"])
def test_aws_lambda_function_url(client: Any, qualifier: str | None) -> None:
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    name = {"FunctionName": "f"} | ({} if qualifier is None else {"Qualifier": qualifier})
    created = client.create_function_url_config(**name, AuthType="NONE")
    client.add_permission(
        **name, StatementId="FunctionURLAllowPublicAccess", Action="lambda:InvokeFunctionUrl",
        Principal="*", FunctionUrlAuthType="NONE",
    )  # fmt: skip
    found = client.get_function_url_config(**name)
    assert found["FunctionUrl"] == created["FunctionUrl"]
    # The provider's `url_id` is the first label of the host.
    host = urlsplit(found["FunctionUrl"]).hostname
    assert host is not None
    assert len(host.split(".")[0]) == 32
    client.update_function_url_config(**name, AuthType="NONE", Cors={"AllowOrigins": ["*"]})
    client.delete_function_url_config(**name)
    refused("ResourceNotFoundException", client.get_function_url_config, **name)


def test_a_package_is_told_by_its_hash(client: Any) -> None:
    """The provider plans an update where the hash is not that of the file."""
    before = client.get_function(FunctionName="f")["Configuration"]["CodeSha256"]
    updated = client.update_function_code(FunctionName="f", ZipFile=PACKAGE, DryRun=True)
    assert updated["CodeSha256"] == before


def test_aws_lambda_provisioned_concurrency_config(harness: Harness, client: Any) -> None:
    chosen = {"FunctionName": "f", "Qualifier": "1"}
    client.put_provisioned_concurrency_config(**chosen, ProvisionedConcurrentExecutions=2)
    assert client.get_provisioned_concurrency_config(**chosen)["Status"] == "IN_PROGRESS"
    harness.provisioning.provisioned = Provisioned(2, Status.READY)
    read = client.get_provisioned_concurrency_config(**chosen)
    assert (read["Status"], read["AllocatedProvisionedConcurrentExecutions"]) == ("READY", 2)
    client.delete_provisioned_concurrency_config(**chosen)
    refused(
        "ProvisionedConcurrencyConfigNotFoundException",
        client.get_provisioned_concurrency_config,
        **chosen,
    )


def test_aws_lambda_function_event_invoke_config(client: Any) -> None:
    chosen = {"FunctionName": "f", "Qualifier": "1"}
    client.put_function_event_invoke_config(
        **chosen,
        MaximumRetryAttempts=0,
        DestinationConfig={"OnFailure": {"Destination": "arn:aws:sns:us-east-1:000000000000:t"}},
    )
    read = client.get_function_event_invoke_config(**chosen)
    assert read["MaximumRetryAttempts"] == 0
    assert read["DestinationConfig"]["OnFailure"]["Destination"].endswith(":t")
    client.delete_function_event_invoke_config(**chosen)
    refused("ResourceNotFoundException", client.get_function_event_invoke_config, **chosen)


def test_aws_lambda_event_source_mapping(harness: Harness, client: Any) -> None:
    created = client.create_event_source_mapping(
        FunctionName=harness.arn("f"),
        EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q",
        Enabled=True,
        Tags={"a": "b"},
    )
    chosen = {"UUID": created["UUID"]}
    read = client.get_event_source_mapping(**chosen)
    assert (read["State"], read["FunctionArn"]) == ("Enabled", harness.arn("f"))
    arn = read["EventSourceMappingArn"]
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "b"}
    client.update_event_source_mapping(**chosen, FunctionName="f:1", BatchSize=7)
    read = client.get_event_source_mapping(**chosen)
    assert (read["State"], read["BatchSize"]) == ("Enabled", 7)
    assert read["FunctionArn"] == f"{harness.arn('f')}:1"
    assert client.delete_event_source_mapping(**chosen)["State"] == "Deleting"
    refused("ResourceNotFoundException", client.get_event_source_mapping, **chosen)
