"""Every operation that is not refused, through unmodified boto3 and a real server, with all of
boto3's waiters and paginators for Lambda.

A test names the operations that it drives; that it does, and that all of them are named somewhere,
is checked."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.api.harness import refused
from tests.api.probes.generation import Probes
from tests.conftest import ROLE, Server, zip_of

#: Operations that this server has not, and says so.
REFUSED = {
    "CheckpointDurableExecution", "CreateCapacityProvider", "CreateCodeSigningConfig",
    "DeleteCapacityProvider", "DeleteDurableExecution", "GetCapacityProvider",
    "GetDurableExecution", "GetDurableExecutionHistory", "GetDurableExecutionState",
    "GetFunctionScalingConfig", "ListCapacityProviders", "ListCodeSigningConfigs",
    "ListDurableExecutionsByFunction", "ListFunctionVersionsByCapacityProvider",
    "PauseDurableExecution", "PutFunctionScalingConfig", "ResumeDurableExecution",
    "SendDurableExecutionCallbackFailure",
    "SendDurableExecutionCallbackHeartbeat", "SendDurableExecutionCallbackSuccess",
    "StopDurableExecution", "UpdateCapacityProvider",
}  # fmt: skip
#: Operations whose tests are elsewhere: what matters about them is when an answer's parts arrive.
ELSEWHERE = {"InvokeWithResponseStream"}

SOURCE = "def lambda_handler(event, context):\n    return [{number}, context.function_version]\n"
QUICK = {"Delay": 0.1, "MaxAttempts": 600}
QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
SIGNING = "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0"

Test = Callable[..., None]


def drives(*operations: str, pages: str = "", waits: str = "") -> Callable[[Test], Test]:
    """Says which operations a test calls, which of them page by page, and with which waiters."""

    def named(test: Test) -> Test:
        test.__dict__.update(
            operations={*operations}, pages={*pages.split()}, waits={*waits.split()}
        )
        return test

    return named


@pytest.fixture(scope="module")
def lambda_client(server: Server) -> Iterator[Any]:
    client = server.lambda_client()
    yield client
    client.close()


@pytest.fixture
def client(request: pytest.FixtureRequest, lambda_client: Any) -> Iterator[Any]:
    """A client that has to be asked for what the test says that it drives."""
    asked: set[str] = set()

    def note(model: Any, **_: Any) -> None:
        asked.add(model.name)

    lambda_client.meta.events.register("before-call.lambda", note)
    yield lambda_client
    lambda_client.meta.events.unregister("before-call.lambda", note)
    assert getattr(request.function, "operations", set()) <= asked


@pytest.fixture
def name(client: Any, function_name: str) -> Iterator[str]:
    """A function whose version 1 is not its `$LATEST`."""
    client.create_function(
        FunctionName=function_name, Runtime="python3.14", Role=ROLE, Handler="app.lambda_handler",
        Code={"ZipFile": package(1)}, Publish=True, Timeout=30,
    )  # fmt: skip
    wait(client, "function_active_v2", function_name)
    yield function_name
    client.delete_function(FunctionName=function_name)


def package(number: int) -> bytes:
    return zip_of({"app.py": SOURCE.format(number=number)})


def wait(client: Any, waiter: str, function: str, **chosen: Any) -> None:
    client.get_waiter(waiter).wait(FunctionName=function, **chosen, WaiterConfig=QUICK)


def paged(client: Any, operation: str, member: str, size: int = 1, **chosen: Any) -> list[Any]:
    """All items, asked for *size* at a time; no page has more."""
    pages = list(
        client.get_paginator(operation).paginate(**chosen, PaginationConfig={"PageSize": size})
    )
    assert all(len(page[member]) <= size for page in pages)
    items = [item for page in pages for item in page[member]]
    assert len(pages) >= len(items) / size
    return items


@drives(
    "CreateFunction", "GetFunction", "GetFunctionConfiguration", "UpdateFunctionCode",
    "UpdateFunctionConfiguration", "ListFunctions", "DeleteFunction", "Invoke",
    pages="list_functions",
    waits="function_exists function_active function_active_v2 function_updated function_updated_v2",
)  # fmt: skip
def test_functions(client: Any, name: str, function_name: str) -> None:
    wait(client, "function_exists", name)
    wait(client, "function_active", name)
    client.update_function_code(FunctionName=name, ZipFile=package(2))
    wait(client, "function_updated", name)
    updated = client.update_function_configuration(FunctionName=name, Description="d")
    assert updated["LastUpdateStatus"] == "InProgress"
    wait(client, "function_updated_v2", name)
    configuration = client.get_function_configuration(FunctionName=name)
    configuration.pop("ResponseMetadata")
    assert client.get_function(FunctionName=name)["Configuration"] == configuration
    assert configuration["Description"] == "d"
    answer = client.invoke(FunctionName=name, Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == [2, "$LATEST"]
    other = f"{name}-other"
    client.create_function(
        FunctionName=other, Runtime="python3.14", Role=ROLE, Handler="app.lambda_handler",
        Code={"ZipFile": package(1)},
    )  # fmt: skip
    names = [each["FunctionName"] for each in paged(client, "list_functions", "Functions", 2)]
    assert {name, other} <= set(names)
    assert len(names) == len(set(names))
    client.delete_function(FunctionName=other)
    refused("ResourceNotFoundException", client.get_function, FunctionName=other)


@drives(
    "PublishVersion", "ListVersionsByFunction", "CreateAlias", "GetAlias", "UpdateAlias",
    "ListAliases", "DeleteAlias",
    pages="list_versions_by_function list_aliases", waits="published_version_active",
)  # fmt: skip
def test_versions_and_aliases(client: Any, name: str) -> None:
    client.update_function_code(FunctionName=name, ZipFile=package(2))
    wait(client, "function_updated_v2", name)
    assert client.publish_version(FunctionName=name)["Version"] == "2"
    wait(client, "published_version_active", name, Qualifier="2")
    versions = paged(client, "list_versions_by_function", "Versions", FunctionName=name)
    assert [each["Version"] for each in versions] == ["$LATEST", "1", "2"]
    for alias in ("a", "b"):
        client.create_alias(FunctionName=name, Name=alias, FunctionVersion="1")
    client.update_alias(FunctionName=name, Name="a", FunctionVersion="2")
    assert client.get_alias(FunctionName=name, Name="a")["FunctionVersion"] == "2"
    aliases = paged(client, "list_aliases", "Aliases", FunctionName=name)
    assert [each["Name"] for each in aliases] == ["a", "b"]
    for alias, number in (("a", 2), ("b", 1)):
        answer = client.invoke(FunctionName=name, Qualifier=alias)
        assert json.loads(answer["Payload"].read()) == [number, str(number)]
    client.delete_alias(FunctionName=name, Name="a")
    refused("ResourceNotFoundException", client.get_alias, FunctionName=name, Name="a")


@drives(
    "AddPermission", "GetPolicy", "RemovePermission", "PutResourcePolicy", "GetResourcePolicy",
    "DeleteResourcePolicy",
)  # fmt: skip
def test_policies(client: Any, name: str) -> None:
    permission = {"Action": "lambda:InvokeFunction", "Principal": "events.amazonaws.com"}
    added = client.add_permission(FunctionName=name, StatementId="s", **permission)
    policy = client.get_policy(FunctionName=name)
    assert json.loads(policy["Policy"])["Statement"] == [json.loads(added["Statement"])]
    revision = {"RevisionId": policy["RevisionId"]}
    client.remove_permission(FunctionName=name, StatementId="s", **revision)
    refused("ResourceNotFoundException", client.get_policy, FunctionName=name)
    arn = client.get_function_configuration(FunctionName=name)["FunctionArn"]
    client.put_resource_policy(ResourceArn=arn, Policy=policy["Policy"])
    again = client.get_resource_policy(ResourceArn=arn)["Policy"]
    assert json.loads(again)["Statement"] == json.loads(policy["Policy"])["Statement"]
    client.delete_resource_policy(ResourceArn=arn)
    refused("ResourceNotFoundException", client.get_resource_policy, ResourceArn=arn)


@drives(
    "CreateFunctionUrlConfig", "GetFunctionUrlConfig", "UpdateFunctionUrlConfig",
    "ListFunctionUrlConfigs", "DeleteFunctionUrlConfig",
    pages="list_function_url_configs",
)  # fmt: skip
def test_function_urls(client: Any, name: str) -> None:
    client.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    chosen = {"FunctionName": name, "Qualifier": "prod"}
    client.create_function_url_config(FunctionName=name, AuthType="NONE")
    client.create_function_url_config(**chosen, AuthType="AWS_IAM")
    client.update_function_url_config(**chosen, Cors={"AllowOrigins": ["*"]})
    assert client.get_function_url_config(**chosen)["Cors"] == {"AllowOrigins": ["*"]}
    configs = paged(client, "list_function_url_configs", "FunctionUrlConfigs", FunctionName=name)
    assert [each["AuthType"] for each in configs] == ["NONE", "AWS_IAM"]
    client.delete_function_url_config(**chosen)
    refused("ResourceNotFoundException", client.get_function_url_config, **chosen)


@drives(
    "PutFunctionConcurrency", "GetFunctionConcurrency", "DeleteFunctionConcurrency",
    "PutProvisionedConcurrencyConfig", "GetProvisionedConcurrencyConfig",
    "ListProvisionedConcurrencyConfigs", "DeleteProvisionedConcurrencyConfig", "GetAccountSettings",
    pages="list_provisioned_concurrency_configs",
)  # fmt: skip
def test_concurrency(client: Any, name: str) -> None:
    reserved = {"ReservedConcurrentExecutions": 3}
    client.put_function_concurrency(FunctionName=name, **reserved)
    found = client.get_function_concurrency(FunctionName=name)
    assert found["ReservedConcurrentExecutions"] == 3
    limit = client.get_account_settings()["AccountLimit"]
    assert limit["UnreservedConcurrentExecutions"] <= limit["ConcurrentExecutions"] - 3
    client.delete_function_concurrency(FunctionName=name)
    client.update_function_code(FunctionName=name, ZipFile=package(2))
    wait(client, "function_updated_v2", name)
    client.publish_version(FunctionName=name)
    for version in ("1", "2"):
        client.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier=version, ProvisionedConcurrentExecutions=1
        )
    listed = paged(
        client, "list_provisioned_concurrency_configs", "ProvisionedConcurrencyConfigs",
        FunctionName=name,
    )  # fmt: skip
    assert [each["FunctionArn"].rpartition(":")[2] for each in listed] == ["1", "2"]
    chosen = {"FunctionName": name, "Qualifier": "1"}
    found = client.get_provisioned_concurrency_config(**chosen)
    assert found["RequestedProvisionedConcurrentExecutions"] == 1
    client.delete_provisioned_concurrency_config(**chosen)
    gone = "ProvisionedConcurrencyConfigNotFoundException"
    refused(gone, client.get_provisioned_concurrency_config, **chosen)


@drives(
    "PutFunctionEventInvokeConfig", "UpdateFunctionEventInvokeConfig",
    "GetFunctionEventInvokeConfig", "ListFunctionEventInvokeConfigs",
    "DeleteFunctionEventInvokeConfig",
    pages="list_function_event_invoke_configs",
)  # fmt: skip
def test_event_invoke_configs(client: Any, name: str) -> None:
    for qualifier in ("$LATEST", "1"):
        client.put_function_event_invoke_config(
            FunctionName=name, Qualifier=qualifier, MaximumRetryAttempts=1
        )
    listed = paged(
        client, "list_function_event_invoke_configs", "FunctionEventInvokeConfigs",
        FunctionName=name,
    )  # fmt: skip
    assert len(listed) == 2
    chosen = {"FunctionName": name, "Qualifier": "1"}
    client.update_function_event_invoke_config(**chosen, MaximumEventAgeInSeconds=60)
    found = client.get_function_event_invoke_config(**chosen)
    assert (found["MaximumRetryAttempts"], found["MaximumEventAgeInSeconds"]) == (1, 60)
    client.delete_function_event_invoke_config(**chosen)
    refused("ResourceNotFoundException", client.get_function_event_invoke_config, **chosen)


@drives(
    "CreateEventSourceMapping", "GetEventSourceMapping", "UpdateEventSourceMapping",
    "ListEventSourceMappings", "DeleteEventSourceMapping",
    pages="list_event_source_mappings",
)  # fmt: skip
def test_event_source_mappings(client: Any, name: str) -> None:
    created = [
        client.create_event_source_mapping(FunctionName=name, EventSourceArn=f"{QUEUE}{number}")
        for number in range(2)
    ]
    chosen = {"UUID": created[0]["UUID"]}
    client.update_event_source_mapping(**chosen, BatchSize=7)
    assert client.get_event_source_mapping(**chosen)["BatchSize"] == 7
    listed = paged(client, "list_event_source_mappings", "EventSourceMappings", FunctionName=name)
    assert {each["UUID"] for each in listed} == {each["UUID"] for each in created}
    for each in created:
        client.delete_event_source_mapping(UUID=each["UUID"])
    refused("ResourceNotFoundException", client.get_event_source_mapping, **chosen)


@drives(
    "PublishLayerVersion", "GetLayerVersion", "GetLayerVersionByArn", "ListLayers",
    "ListLayerVersions", "AddLayerVersionPermission", "GetLayerVersionPolicy",
    "RemoveLayerVersionPermission", "DeleteLayerVersion",
    pages="list_layers list_layer_versions",
)  # fmt: skip
def test_layers(client: Any, function_name: str) -> None:
    for layer in (function_name, f"{function_name}-other"):
        for number in range(2):
            content = {"ZipFile": zip_of({"python/library.py": f"A = {number}"})}
            published = client.publish_layer_version(LayerName=layer, Content=content)
    arn = published["LayerVersionArn"]
    chosen = {"LayerName": layer, "VersionNumber": 2}
    by_arn = client.get_layer_version_by_arn(Arn=arn)
    found = client.get_layer_version(**chosen)
    assert by_arn["Content"]["CodeSha256"] == found["Content"]["CodeSha256"]
    names = [each["LayerName"] for each in paged(client, "list_layers", "Layers")]
    assert {layer, function_name} <= set(names)
    versions = paged(client, "list_layer_versions", "LayerVersions", LayerName=layer)
    assert [each["Version"] for each in versions] == [2, 1]
    client.add_layer_version_permission(
        **chosen, StatementId="s", Action="lambda:GetLayerVersion", Principal="*"
    )
    policy = json.loads(client.get_layer_version_policy(**chosen)["Policy"])
    assert [each["Sid"] for each in policy["Statement"]] == ["s"]
    client.remove_layer_version_permission(**chosen, StatementId="s")
    refused("ResourceNotFoundException", client.get_layer_version_policy, **chosen)
    client.delete_layer_version(**chosen)
    refused("ResourceNotFoundException", client.get_layer_version, **chosen)


@drives(
    "TagResource", "ListTags", "UntagResource", "PutFunctionRecursionConfig",
    "GetFunctionRecursionConfig", "PutRuntimeManagementConfig", "GetRuntimeManagementConfig",
)  # fmt: skip
def test_tags_and_behaviour(client: Any, name: str) -> None:
    arn = client.get_function_configuration(FunctionName=name)["FunctionArn"]
    client.tag_resource(Resource=arn, Tags={"a": "b", "c": "d"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"c": "d"}
    client.put_function_recursion_config(FunctionName=name, RecursiveLoop="Allow")
    assert client.get_function_recursion_config(FunctionName=name)["RecursiveLoop"] == "Allow"
    client.put_runtime_management_config(FunctionName=name, UpdateRuntimeOn="FunctionUpdate")
    found = client.get_runtime_management_config(FunctionName=name)
    assert found["UpdateRuntimeOn"] == "FunctionUpdate"


@drives(
    "GetFunctionCodeSigningConfig", "PutFunctionCodeSigningConfig",
    "DeleteFunctionCodeSigningConfig", "GetCodeSigningConfig", "UpdateCodeSigningConfig",
    "DeleteCodeSigningConfig", "ListFunctionsByCodeSigningConfig",
)  # fmt: skip
def test_code_signing_of_which_there_is_none(client: Any, name: str) -> None:
    chosen = {"CodeSigningConfigArn": SIGNING}
    assert client.get_function_code_signing_config(FunctionName=name)["CodeSigningConfigArn"] == ""
    missing = "CodeSigningConfigNotFoundException"
    refused(missing, client.put_function_code_signing_config, FunctionName=name, **chosen)
    client.delete_function_code_signing_config(FunctionName=name)
    missing = "ResourceNotFoundException"
    refused(missing, client.get_code_signing_config, **chosen)
    refused(missing, client.update_code_signing_config, **chosen)
    refused(missing, client.delete_code_signing_config, **chosen)
    refused(missing, client.list_functions_by_code_signing_config, **chosen)


def test_what_is_refused_says_so(client: Any, name: str) -> None:
    """In words, or with an empty list; page by page too."""
    methods = {value: key for key, value in client.meta.method_to_api_mapping.items()}
    for operation in sorted(REFUSED):
        members = Probes().sound(operation)
        members |= {
            key: value
            for key, value in {"FunctionName": name, "Qualifier": "1"}.items()
            if key in members
        }
        if client.can_paginate(methods[operation]):
            call: Any = (
                client.get_paginator(methods[operation]).paginate(**members).build_full_result
            )
            members = {}
        else:
            call = getattr(client, methods[operation])
        try:
            answer = call(**members)
        except client.exceptions.ClientError as error:
            said = error.response["Error"]["Message"]
            assert "not supported by this server" in said or "provider not found" in said, said
        else:
            answer.pop("ResponseMetadata", None)
            assert list(answer.values()) in ([], [[]]), (operation, answer)


def declared(kind: str) -> set[str]:
    tests = [each for name, each in globals().items() if name.startswith("test_")]
    return {name for test in tests for name in getattr(test, kind, ())}


def test_nothing_is_left_out(lambda_client: Any) -> None:
    driven = declared("operations")
    assert not driven & REFUSED
    assert driven | REFUSED | ELSEWHERE == set(Probes().operations)
    methods = lambda_client.meta.method_to_api_mapping
    pageable = {method for method in methods if lambda_client.can_paginate(method)}
    # Signing has no configuration whose functions could be listed.
    pageable -= {"list_functions_by_code_signing_config"}
    assert declared("pages") == {each for each in pageable if methods[each] not in REFUSED}
    assert declared("waits") == set(lambda_client.waiter_names)


@drives("InvokeAsync")
def test_asynchronous_invocations(client: Any, name: str, server: Server) -> None:
    assert client.invoke_async(FunctionName=name, InvokeArgs=b"{}")["Status"] == 202
    response = client.invoke(FunctionName=f"{name}:1", InvocationType="Event", Payload=b"{}")
    assert (response["StatusCode"], response["Payload"].read()) == (202, b"")
    server.await_events(name, done=2)
