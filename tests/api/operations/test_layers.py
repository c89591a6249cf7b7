"""Layers through an unmodified boto3 client."""

import json
from typing import Any

import pytest

from tests.api.harness import PACKAGE, Harness, refused
from tests.conftest import zip_of
from wasmfaas.store.code import Code

ARN = "arn:aws:lambda:us-east-1:000000000000:layer:"
FOREIGN = "arn:aws:lambda:us-east-1:123456789012:layer:theirs"
NOT_THERE = "The resource you requested does not exist."
SHARED = {
    "StatementId": "shared", "Action": "lambda:GetLayerVersion", "Principal": "123456789012"
}  # fmt: skip


def publish(harness: Harness, name: str, **members: Any) -> Any:
    given = {"LayerName": name, "Content": {"ZipFile": PACKAGE}} | members
    return harness.client().publish_layer_version(**given)


def members(response: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in response.items() if name != "ResponseMetadata"}


def test_a_published_version_has_lambdas_members(harness: Harness) -> None:
    function = harness.create("f")
    published = publish(harness, "a")
    assert published["ResponseMetadata"]["HTTPStatusCode"] == 201
    content = published["Content"]
    assert content.keys() == {"Location", "CodeSha256", "CodeSize"}
    assert (content["CodeSha256"], content["CodeSize"]) == (
        function["CodeSha256"], len(PACKAGE)
    )  # fmt: skip
    assert harness.links.digest(content["Location"].rpartition("/")[2])
    shown = {name: value for name, value in members(published).items() if name != "Content"}
    created = shown.pop("CreatedDate")
    assert len(created) == len("2026-11-23T04:00:00.000+0000")
    assert shown == {
        "LayerArn": f"{ARN}a", "LayerVersionArn": f"{ARN}a:1", "Version": 1, "Description": ""
    }  # fmt: skip
    details = {
        "Description": "d", "LicenseInfo": "MIT", "CompatibleRuntimes": ["python3.12"],
        "CompatibleArchitectures": ["x86_64", "arm64"],
    }  # fmt: skip
    full = publish(harness, f"{ARN}a", **details)
    assert full["Version"] == 2
    assert {name: full[name] for name in details} == details


def test_a_version_is_read_by_name_and_by_arn(harness: Harness) -> None:
    published, client = members(publish(harness, "a", LicenseInfo="MIT")), harness.client()
    for found in (
        client.get_layer_version(LayerName="a", VersionNumber=1),
        client.get_layer_version(LayerName=f"{ARN}a", VersionNumber=1),
        client.get_layer_version_by_arn(Arn=f"{ARN}a:1"),
    ):
        assert members(found) | {"Content": {}} == published | {"Content": {}}
    code = "ResourceNotFoundException"
    for name, number in (("a", 2), ("none", 1), ("a", 10**17)):
        get = client.get_layer_version
        assert refused(code, get, LayerName=name, VersionNumber=number) == NOT_THERE
    for arn in (f"{ARN}a:2", f"{ARN}a:{'9' * 50}", "arn:aws:lambda:::awslayer:x"):
        assert refused(code, client.get_layer_version_by_arn, Arn=arn) == NOT_THERE
    code = "InvalidParameterValueException"
    for call in (client.get_layer_version, client.delete_layer_version):
        said = refused(code, call, LayerName="a", VersionNumber=0)
        assert said == "Layer Version Cannot be less than 1"
    code = "AccessDeniedException"
    said = refused(code, client.get_layer_version, LayerName=FOREIGN, VersionNumber=1)
    assert f"perform: lambda:GetLayerVersion on resource: {FOREIGN} because" in said
    refused(code, client.publish_layer_version, LayerName=FOREIGN, Content={"ZipFile": PACKAGE})


def test_lists_are_filtered_and_paged(harness: Harness) -> None:
    client = harness.client()
    for name, runtime in (("b", "python3.12"), ("a", "python3.12"), ("a", "python3.13")):
        publish(harness, name, CompatibleRuntimes=[runtime])

    def layers(**asked: Any) -> list[tuple[str, int]]:
        pages = client.get_paginator("list_layers").paginate(**asked)
        return [
            (layer["LayerName"], layer["LatestMatchingVersion"]["Version"])
            for page in pages
            for layer in page["Layers"]
        ]

    assert layers() == [("a", 2), ("b", 1)]
    assert layers(PaginationConfig={"PageSize": 1}) == [("a", 2), ("b", 1)]
    assert layers(CompatibleRuntime="python3.12") == [("a", 1), ("b", 1)]
    assert layers(CompatibleArchitecture="arm64") == []
    (first, _) = client.list_layers()["Layers"]
    assert first["LayerArn"] == f"{ARN}a"
    assert first["LatestMatchingVersion"].keys() == {
        "LayerVersionArn", "Version", "Description", "CreatedDate", "CompatibleRuntimes"
    }  # fmt: skip
    pages = client.get_paginator("list_layer_versions").paginate(
        LayerName="a", PaginationConfig={"PageSize": 1}
    )
    found = [version["Version"] for page in pages for version in page["LayerVersions"]]
    assert found == [2, 1]
    assert client.list_layer_versions(LayerName="none")["LayerVersions"] == []
    for marker in ("no", "YQ=="):
        arguments = {"LayerName": "a", "Marker": marker}
        refused("InvalidParameterValueException", client.list_layer_versions, **arguments)


def test_a_deleted_version_is_gone_and_its_number_is_not_used_again(harness: Harness) -> None:
    client = harness.client()
    publish(harness, "a")
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == len(PACKAGE)
    for _ in range(2):
        response = client.delete_layer_version(LayerName="a", VersionNumber=1)
        assert response["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_layers()["Layers"] == []
    assert client.get_account_settings()["AccountUsage"]["TotalCodeSize"] == 0
    assert publish(harness, "a")["Version"] == 2


def test_a_layer_that_is_no_package_is_refused(harness: Harness) -> None:
    code = "InvalidParameterValueException"
    said = refused(code, publish, harness=harness, name="a", Content={"ZipFile": b"no zip"})
    assert said.startswith("Could not unzip uploaded file.")
    assert refused(code, publish, harness=harness, name="a", Content={})
    assert harness.client().list_layers()["Layers"] == []
    assert list(harness.directory.code.iterdir()) == []


def test_functions_show_the_layers_that_they_use(harness: Harness) -> None:
    client = harness.client()
    publish(harness, "a")
    publish(harness, "b", Content={"ZipFile": zip_of({"python/b.py": "b = 1"})})
    arns = [f"{ARN}b:1", f"{ARN}a:1"]
    created = harness.create("f", Layers=arns)
    assert [layer["Arn"] for layer in created["Layers"]] == arns
    assert created["Layers"][1] == {"Arn": f"{ARN}a:1", "CodeSize": len(PACKAGE)}
    changed = client.update_function_configuration(FunctionName="f", Timeout=9)
    assert changed["Layers"] == created["Layers"]
    client.delete_layer_version(LayerName="a", VersionNumber=1)
    assert client.get_function(FunctionName="f")["Configuration"]["Layers"] == created["Layers"]
    (listed,) = client.list_functions()["Functions"]
    assert listed["Layers"] == created["Layers"]
    gone = f"Layer version {ARN}a:1 does not exist."
    arguments = {"FunctionName": "f", "Layers": arns}
    code = "InvalidParameterValueException"
    assert refused(code, client.update_function_configuration, **arguments) == gone
    cleared = client.update_function_configuration(FunctionName="f", Layers=[])
    assert "Layers" not in cleared


@pytest.mark.parametrize(
    ("layers", "code", "said"),
    [
        ([f"{ARN}a:1"] * 6, "InvalidParameterValueException",
         "Cannot reference more than 5 layers."),
        ([f"{ARN}a:9"], "InvalidParameterValueException",
         f"Layer version {ARN}a:9 does not exist."),
        ([f"{ARN}none:1"], "InvalidParameterValueException",
         f"Layer version {ARN}none:1 does not exist."),
        ([f"{ARN}a:1", f"{ARN}a:2"], "InvalidParameterValueException",
         "Two different versions of the same layer are not allowed to be referenced in the same "
         f"function. {ARN}a:1 and {ARN}a:2 are versions of the same layer."),
        ([f"{ARN}a:1", f"{ARN}a:1"], "InvalidParameterValueException",
         "Two different versions of the same layer are not allowed to be referenced in the same "
         f"function. {ARN}a:1 and {ARN}a:1 are versions of the same layer."),
        ([f"{ARN.replace('us-east-1', 'eu-west-3')}a:1"], "InvalidParameterValueException",
         "Layers are not in the same region as the function. Layers are expected to be in region "
         "us-east-1."),
        ([f"{FOREIGN}:1"], "AccessDeniedException",
         "User: arn:aws:iam::000000000000:root is not authorized to perform: "
         f"lambda:GetLayerVersion on resource: {FOREIGN}:1 because no resource-based policy "
         "allows the lambda:GetLayerVersion action"),
    ],
)  # fmt: skip
def test_layers_that_cannot_be_used(
    harness: Harness, layers: list[str], code: str, said: str
) -> None:
    for _ in range(2):
        publish(harness, "a")
    assert refused(code, harness.create, name="f", Layers=layers) == said
    harness.create("g")
    update = harness.client().update_function_configuration
    assert refused(code, update, FunctionName="g", Layers=layers) == said


def test_an_arn_without_a_version_breaks_the_models_pattern(harness: Harness) -> None:
    said = refused("ValidationException", harness.create, name="f", Layers=[f"{ARN}a"])
    assert f"Value '[{ARN}a]' at 'layers' failed to satisfy constraint: Member must satisfy" in said


def test_permissions_of_a_version(harness: Harness) -> None:
    client = harness.client()
    publish(harness, "a")
    version = {"LayerName": "a", "VersionNumber": 1}
    none = "No policy is associated with the given resource."
    code = "ResourceNotFoundException"
    assert refused(code, client.get_layer_version_policy, **version) == none
    added = client.add_layer_version_permission(**version, **SHARED)
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {
        "Sid": "shared", "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "lambda:GetLayerVersion", "Resource": f"{ARN}a:1",
    }  # fmt: skip
    assert json.loads(added["Statement"]) == statement
    everybody = SHARED | {"StatementId": "all", "Principal": "*", "OrganizationId": "o-" + "a" * 10}
    both = client.add_layer_version_permission(
        **version, **everybody, RevisionId=added["RevisionId"]
    )
    policy = client.get_layer_version_policy(**version)
    assert policy["RevisionId"] == both["RevisionId"] != added["RevisionId"]
    document = json.loads(policy["Policy"])
    assert (document["Version"], document["Id"]) == ("2012-10-17", "default")
    first, second = document["Statement"]
    assert first == statement
    assert second["Principal"] == "*"
    assert second["Condition"] == {"StringEquals": {"aws:PrincipalOrgID": "o-" + "a" * 10}}
    for sid in ("all", "shared"):
        removed = client.remove_layer_version_permission(**version, StatementId=sid)
        assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(code, client.get_layer_version_policy, **version) == none


def test_refused_permissions(harness: Harness) -> None:
    client = harness.client()
    publish(harness, "a")
    version, gone = {"LayerName": "a", "VersionNumber": 1}, {"LayerName": "a", "VersionNumber": 2}
    add, remove = client.add_layer_version_permission, client.remove_layer_version_permission
    add(**version, **SHARED)
    said = refused("ResourceConflictException", add, **version, **SHARED)
    assert said.startswith("The statement id (shared) provided already exists.")
    other = SHARED | {"StatementId": "other"}
    stale = "Call the GetLayerPolicy API to retrieve the latest Revision Id"
    code = "PreconditionFailedException"
    assert refused(code, add, **version, **other, RevisionId="no").endswith(stale)
    assert refused(code, remove, **version, StatementId="shared", RevisionId="x").endswith(stale)
    code = "ResourceNotFoundException"
    said = refused(code, remove, **version, StatementId="other")
    assert said == "Statement other is not found in resource policy."
    missing = f"Layer version {ARN}a:2 does not exist."
    assert refused(code, add, **gone, **SHARED) == missing
    assert refused(code, remove, **gone, StatementId="shared") == missing
    assert refused(code, client.get_layer_version_policy, **gone) == missing
    wrong = other | {"OrganizationId": "o-" + "a" * 10}
    assert "must be '*'" in refused("InvalidParameterValueException", add, **version, **wrong)


def test_a_policy_is_bounded(harness: Harness) -> None:
    client = harness.client()
    publish(harness, "a")
    code = "PolicyLengthExceededException"
    add = client.add_layer_version_permission
    for number in range(200):
        sid = f"{number:03}" + "s" * 97
        try:
            add(LayerName="a", VersionNumber=1, **(SHARED | {"StatementId": sid}))
        except client.exceptions.PolicyLengthExceededException:
            break
    arguments = {"LayerName": "a", "VersionNumber": 1} | SHARED | {"StatementId": "z" * 100}
    assert "is bigger than the limit (20480)." in refused(code, add, **arguments)
    policy = client.get_layer_version_policy(LayerName="a", VersionNumber=1)["Policy"]
    assert 20_000 < len(policy) <= 20_480


def test_a_published_version_keeps_the_layers_that_it_was_published_with(harness: Harness) -> None:
    client, package = harness.client(), zip_of({"python/a.py": "a = 1"})
    publish(harness, "a", Content={"ZipFile": package})
    harness.create("f", Layers=[f"{ARN}a:1"])
    published = client.publish_version(FunctionName="f")
    client.update_function_configuration(FunctionName="f", Layers=[])
    client.delete_layer_version(LayerName="a", VersionNumber=1)
    assert [layer["Arn"] for layer in published["Layers"]] == [f"{ARN}a:1"]
    latest = client.get_function_configuration(FunctionName="f")
    assert "Layers" not in latest
    frozen = client.get_function_configuration(FunctionName="f", Qualifier="1")
    assert frozen["Layers"] == published["Layers"]
    digest = Code.of(package).digest
    assert digest in harness.run(harness.registry.code_digests_in_use())
    client.delete_function(FunctionName="f", Qualifier="1")
    assert digest not in harness.run(harness.registry.code_digests_in_use())
