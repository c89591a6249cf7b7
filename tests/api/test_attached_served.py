"""What is attached to functions, through a running server: each operation once, and what follows
from it where the function is called."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import Server, open_url

SOURCE = {"app.py": "def lambda_handler(event, context):\n    return context.function_version\n"}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Any]:
    client = server.lambda_client()
    yield client
    client.close()


@pytest.fixture(scope="module")
def name(server: Server, client: Any) -> str:
    """A function with a URL, a version 1, and an alias `prod` for it that has a URL too."""
    name = server.deploy("attached", SOURCE)
    client.publish_version(FunctionName=name)
    client.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    client.create_function_url_config(FunctionName=name, Qualifier="prod", AuthType="NONE")
    return name


def status(server: Server, label: str) -> int:
    return server.http.get(f"/f/{label}/").status_code


def test_a_url_is_open_while_the_policy_says_so(server: Server, client: Any, name: str) -> None:
    assert status(server, name) == 200
    assert status(server, f"{name}:prod") == 403
    client.add_permission(
        FunctionName=name,
        Qualifier="prod",
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        Principal="*",
        FunctionUrlAuthType="NONE",
    )
    assert server.http.get(f"/f/{name}:prod/").text == "1"
    sid = "FunctionURLAllowPublicAccess"
    client.remove_permission(FunctionName=name, StatementId=sid)
    answer = server.http.get(f"/f/{name}/")
    assert (answer.status_code, answer.headers["x-amzn-errortype"]) == (
        403,
        "AccessDeniedException",
    )
    assert list(answer.json()) == ["Message"]
    assert status(server, f"{name}:prod") == 200
    open_url(client, name)
    assert status(server, name) == 200
    policy = json.loads(client.get_policy(FunctionName=name)["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == [sid]


def test_a_policy_that_denies_closes_a_url(server: Server, client: Any, name: str) -> None:
    arn = client.get_function_configuration(FunctionName=name)["FunctionArn"]
    before = client.get_resource_policy(ResourceArn=arn)["Policy"]
    denied = json.loads(before)
    denial = {"Effect": "Deny", "Principal": "*", "Action": "lambda:*", "Resource": arn}
    denied["Statement"].append({"Sid": "no", **denial})
    client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(denied))
    assert status(server, name) == 403
    client.delete_resource_policy(ResourceArn=arn)
    assert status(server, name) == 403
    client.put_resource_policy(ResourceArn=arn, Policy=before)
    assert status(server, name) == 200


def test_configurations_are_put_and_read(client: Any, name: str) -> None:
    client.put_function_event_invoke_config(FunctionName=name, MaximumRetryAttempts=1)
    client.update_function_event_invoke_config(FunctionName=name, MaximumEventAgeInSeconds=60)
    read = client.get_function_event_invoke_config(FunctionName=name)
    assert (read["MaximumRetryAttempts"], read["MaximumEventAgeInSeconds"]) == (1, 60)
    assert len(
        client.list_function_event_invoke_configs(FunctionName=name)["FunctionEventInvokeConfigs"]
    ) == 1  # fmt: skip
    client.delete_function_event_invoke_config(FunctionName=name)
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    read = client.get_runtime_management_config(FunctionName=name)
    assert read["UpdateRuntimeOn"] == "FunctionUpdate"
    assert client.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == ""


def test_concurrency_is_put_and_read(client: Any, name: str) -> None:
    client.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=5)
    assert client.get_function_concurrency(FunctionName=name)["ReservedConcurrentExecutions"] == 5
    limit = client.get_account_settings()["AccountLimit"]
    assert limit["ConcurrentExecutions"] - limit["UnreservedConcurrentExecutions"] == 5
    client.delete_function_concurrency(FunctionName=name)
    chosen = {"FunctionName": name, "Qualifier": "prod"}
    client.put_provisioned_concurrency_config(**chosen, ProvisionedConcurrentExecutions=1)
    listed = client.list_provisioned_concurrency_configs(FunctionName=name)
    assert len(listed["ProvisionedConcurrencyConfigs"]) == 1
    client.delete_provisioned_concurrency_config(**chosen)


def test_event_sources_are_mapped(client: Any, name: str) -> None:
    def await_mappings(*states: tuple[str, int]) -> None:
        deadline = time.monotonic() + 200
        while True:
            listed = client.list_event_source_mappings(FunctionName=name)["EventSourceMappings"]
            found = tuple((each["State"], each["BatchSize"]) for each in listed)
            if found == states:
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    created = client.create_event_source_mapping(
        FunctionName=name, EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q"
    )
    chosen = {"UUID": created["UUID"]}
    client.update_event_source_mapping(**chosen, BatchSize=1)
    await_mappings(("Enabled", 1))
    client.delete_event_source_mapping(**chosen)
    await_mappings()
