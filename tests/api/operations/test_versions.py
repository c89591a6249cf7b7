import pytest

from tests.api.harness import PACKAGE, Harness, refused
from tests.conftest import zip_of
from wasmfaas.store.code import Code

OTHER = zip_of({"app.py": "def lambda_handler(event, context): return 2\n"})


def test_versions_from_the_first_to_the_deletion(harness: Harness) -> None:
    harness.create("f", Description="none yet", Tags={"a": "b"})
    client, arn = harness.client(), harness.arn("f")
    published = client.publish_version(FunctionName="f", Description="first")
    assert published["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert (published["Version"], published["FunctionArn"]) == ("1", f"{arn}:1")
    assert (published["Description"], published["CodeSha256"]) == ("first", Code.of(PACKAGE).sha256)
    assert (published["State"], published["LastUpdateStatus"]) == ("Active", "Successful")
    client.update_function_code(FunctionName="f", ZipFile=OTHER)
    del published["ResponseMetadata"]
    for arguments in (
        {"FunctionName": "f", "Qualifier": "1"},
        {"FunctionName": "f:1"},
        {"FunctionName": f"{arn}:1"},
        {"FunctionName": "000000000000:function:f:1", "Qualifier": "1"},
    ):
        found = client.get_function(**arguments)
        assert found["Configuration"] == published
        assert found["Tags"] == {"a": "b"}
        configuration = client.get_function_configuration(**arguments)
        del configuration["ResponseMetadata"]
        assert configuration == published
    assert client.publish_version(FunctionName="f")["Version"] == "2"
    assert client.publish_version(FunctionName="f", Description="x")["Version"] == "2"
    listed = client.list_versions_by_function(FunctionName="f", MaxItems=10_000)["Versions"]
    assert [each["FunctionArn"] for each in listed] == [f"{arn}:{v}" for v in ("$LATEST", 1, 2)]
    assert [each["Description"] for each in listed] == ["none yet", "first", "none yet"]
    assert all("State" not in each and "RuntimeVersionConfig" not in each for each in listed)
    deleted = client.delete_function(FunctionName="f", Qualifier="1")
    assert deleted["StatusCode"] == 204
    client.delete_function(FunctionName="f:1")
    said = refused(
        "ResourceNotFoundException", client.get_function, FunctionName="f", Qualifier="1"
    )
    assert said == f"Function not found: {arn}:1"
    client.delete_function(FunctionName="f")
    said = refused(
        "ResourceNotFoundException", client.delete_function, FunctionName="f", Qualifier="2"
    )
    assert said == f"Function not found: {arn}:2"


def test_creating_and_updating_may_publish(harness: Harness) -> None:
    harness.deployer.holds = True
    client, arn = harness.client(), harness.arn("f")
    created = harness.create("f", Publish=True)
    assert (created["Version"], created["FunctionArn"]) == ("1", arn)
    assert (created["State"], created["StateReasonCode"]) == ("Pending", "Creating")
    said = refused("ResourceConflictException", client.publish_version, FunctionName="f")
    assert said.endswith("The function is currently in the following state: Pending")
    harness.run(harness.deployer.finish(harness.run(harness.registry.get("f"))))
    again = client.publish_version(FunctionName="f")
    assert (again["Version"], again["State"]) == ("1", "Active")
    updated = client.update_function_code(FunctionName="f", ZipFile=OTHER, Publish=True)
    assert (updated["Version"], updated["FunctionArn"]) == ("2", f"{arn}:2")
    assert updated["State"] == "Pending"
    assert "LastUpdateStatus" not in updated
    latest = client.get_function_configuration(FunctionName="f", Qualifier="$LATEST")
    assert (latest["FunctionArn"], latest["State"]) == (f"{arn}:$LATEST", "Active")
    assert latest["LastUpdateStatus"] == "InProgress"
    said = refused("ResourceConflictException", client.publish_version, FunctionName="f")
    assert said.endswith(f"An update is in progress for resource: {arn}")
    harness.run(harness.deployer.finish(harness.run(harness.registry.get("f"))))
    client.get_waiter("published_version_active").wait(FunctionName="f:2")


def test_preconditions_of_publishing(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    revision_id = client.get_function(FunctionName="f")["Configuration"]["RevisionId"]
    sha256 = Code.of(PACKAGE).sha256
    said = refused(
        "PreconditionFailedException", client.publish_version, FunctionName="f", RevisionId="wrong"
    )
    assert said.endswith("Call the GetFunction/GetAlias API to retrieve the latest Revision Id")
    said = refused(
        "InvalidParameterValueException", client.publish_version, FunctionName="f", CodeSha256="x"
    )
    assert said.startswith("CodeSHA256 (x) is different from current CodeSHA256 in $LATEST (")
    assert sha256 in said
    published = client.publish_version(FunctionName="f", RevisionId=revision_id, CodeSha256=sha256)
    after = client.get_function(FunctionName="f")["Configuration"]["RevisionId"]
    assert len({revision_id, published["RevisionId"], after}) == 3
    said = refused(
        "InvalidParameterValueException",
        client.publish_version,
        FunctionName="f",
        PublishTo="LATEST_PUBLISHED",
    )
    assert said.startswith("PublishTo LATEST_PUBLISHED is not supported")


def test_pages_of_versions_hold_fifty_whatever_is_asked_for(harness: Harness) -> None:
    harness.create("f")
    harness.create("g")
    client = harness.client()
    for number in range(1, 53):
        client.update_function_configuration(FunctionName="f", Description=str(number))
        client.publish_version(FunctionName="f")
    expected = ["$LATEST", *map(str, range(1, 53))]
    for arguments in ({}, {"MaxItems": 10_000}):
        first = client.list_versions_by_function(FunctionName="f", **arguments)
        assert [each["Version"] for each in first["Versions"]] == expected[:50]
        last = client.list_versions_by_function(FunctionName="f", Marker=first["NextMarker"])
        assert [each["Version"] for each in last["Versions"]] == expected[50:]
        assert "NextMarker" not in last
    pages = client.get_paginator("list_functions").paginate(FunctionVersion="ALL")
    listed = [each["FunctionArn"] for page in pages for each in page["Functions"]]
    assert listed == [f"{harness.arn('f')}:{version}" for version in expected] + [
        f"{harness.arn('g')}:$LATEST"
    ]
    names = [each["FunctionName"] for each in client.list_functions()["Functions"]]
    assert names == ["f", "g"]


def test_versions_are_invoked_by_any_name(harness: Harness) -> None:
    harness.create("f")
    client, arn = harness.client(), harness.arn("f")
    client.publish_version(FunctionName="f")
    for arguments, version, called in (
        ({"FunctionName": "f"}, "$LATEST", arn),
        ({"FunctionName": "f", "Qualifier": "$LATEST"}, "$LATEST", f"{arn}:$LATEST"),
        ({"FunctionName": "f", "Qualifier": "1"}, "1", f"{arn}:1"),
        ({"FunctionName": f"{arn}:1", "Qualifier": "1"}, "1", f"{arn}:1"),
    ):
        answer = client.invoke(**arguments)
        assert answer["ExecutedVersion"] == version
        assert harness.invoker.calls[-1][2].invoked_function_arn == called
        assert client.invoke(InvocationType="DryRun", **arguments)["StatusCode"] == 204
    for kind in ("DryRun", "RequestResponse"):
        said = refused(
            "ResourceNotFoundException", client.invoke, FunctionName="f:7", InvocationType=kind
        )
        assert said == f"Function not found: {arn}:7"
    said = refused(
        "InvalidParameterValueException", client.invoke, FunctionName="f:1", Qualifier="2"
    )
    assert said == (
        "The derived qualifier from the function name does not match the specified qualifier."
    )


@pytest.mark.parametrize(
    "operation",
    ["publish_version", "list_versions_by_function", "list_aliases", "update_function_code"],
)
def test_operations_on_functions_take_no_qualifier(harness: Harness, operation: str) -> None:
    harness.create("f")
    call = getattr(harness.client(), operation)
    said = refused("InvalidParameterValueException", call, FunctionName="f:1")
    assert said.startswith("This operation is permitted on Lambda functions only.")
    said = refused("ResourceNotFoundException", call, FunctionName="gone")
    assert said == f"Function not found: {harness.arn('gone')}"
