"""Functions through an unmodified boto3 client."""

from typing import Any

import pytest

from tests.api.harness import PACKAGE, Harness, refused
from tests.conftest import ROLE, zip_of

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
CREATED = {
    "Architectures", "CodeSha256", "CodeSize", "Description", "EphemeralStorage", "FunctionArn",
    "FunctionName", "Handler", "LastModified", "LoggingConfig", "MemorySize", "PackageType",
    "RevisionId", "Role", "Runtime", "RuntimeVersionConfig", "SnapStart", "State", "StateReason",
    "StateReasonCode", "Timeout", "TracingConfig", "Version",
}  # fmt: skip


def members(response: dict[str, Any]) -> set[str]:
    return set(response) - {"ResponseMetadata"}


def test_create_answers_with_exactly_lambdas_members(harness: Harness) -> None:
    response = harness.create("f")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert members(response) == CREATED
    assert response["FunctionArn"] == ARN + "f"
    assert (response["State"], response["StateReasonCode"]) == ("Pending", "Creating")
    assert response["RuntimeVersionConfig"] == {
        "RuntimeVersionArn": "arn:aws:lambda:us-east-1::runtime:wasmfaas-python-3.14.0"
    }
    with_environment = harness.create("g", Environment={"Variables": {"AA": "b"}})
    assert members(with_environment) == CREATED | {"Environment"}


def test_an_active_function_has_an_update_status_and_no_reasons(harness: Harness) -> None:
    harness.create("f")
    response = harness.client().get_function_configuration(FunctionName="f")
    assert members(response) == CREATED - {"StateReason", "StateReasonCode"} | {"LastUpdateStatus"}
    assert (response["State"], response["LastUpdateStatus"]) == ("Active", "Successful")


def test_an_update_is_in_progress_until_it_is_served(harness: Harness) -> None:
    created, client = harness.create("f"), harness.client()
    active = client.get_function_configuration(FunctionName="f")
    harness.deployer.holds = True
    response = client.update_function_code(FunctionName="f", ZipFile=zip_of({"app.py": "x = 1"}))
    assert (response["State"], response["LastUpdateStatus"]) == ("Active", "InProgress")
    assert response["LastUpdateStatusReasonCode"] == "Creating"
    assert response["CodeSha256"] != created["CodeSha256"]
    said = refused(
        "ResourceConflictException",
        client.update_function_configuration,
        FunctionName="f",
        Timeout=4,
    )
    assert said.endswith(f"An update is in progress for resource: {ARN}f")
    harness.run(harness.deployer.finish(harness.run(harness.registry.get("f"))))
    after = client.get_function_configuration(FunctionName="f")
    assert after["LastUpdateStatus"] == "Successful"
    revisions = {each["RevisionId"] for each in (created, active, response, after)}
    assert len(revisions) == 4


def test_a_failed_function_says_why(harness: Harness) -> None:
    harness.deployer.holds = True
    harness.create("f")
    pending = harness.run(harness.registry.get("f")).pending
    assert pending is not None
    harness.run(harness.registry.fail("f", pending.id, "It broke.", "InternalError"))
    response = harness.client().get_function_configuration(FunctionName="f")
    assert (response["State"], response["StateReason"]) == ("Failed", "It broke.")


def test_a_function_is_found_by_every_form_of_its_name(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    for name in ("f", ARN + "f", "000000000000:function:f"):
        response = client.get_function(FunctionName=name)
        assert response["Configuration"]["FunctionArn"] == ARN + "f"
    for arguments in ({"Qualifier": "$LATEST"}, {"FunctionName": ARN + "f:$LATEST"}):
        response = client.get_function(**({"FunctionName": "f"} | arguments))
        assert response["Configuration"]["FunctionArn"] == ARN + "f:$LATEST"
    said = refused(
        "ResourceNotFoundException", client.get_function, FunctionName="f", Qualifier="3"
    )
    assert said == f"Function not found: {ARN}f:3"


def test_get_function_has_code_and_tags(harness: Harness) -> None:
    harness.create("f", Tags={"team": "a"})
    harness.create("g")
    client = harness.client()
    response = client.get_function(FunctionName="f")
    assert members(response) == {"Configuration", "Code", "Tags"}
    assert response["Tags"] == {"team": "a"}
    assert response["Code"]["RepositoryType"] == "S3"
    assert response["Code"]["Location"].startswith("http://127.0.0.1:3001/_wasmfaas/v1/code/")
    assert members(client.get_function(FunctionName="g")) == {"Configuration", "Code"}


def test_what_is_not_there_is_not_found(harness: Harness) -> None:
    client, arguments = harness.client(), {"FunctionName": "gone"}
    for call in (
        client.get_function,
        client.get_function_configuration,
        client.list_versions_by_function,
        client.delete_function,
        client.update_function_configuration,
    ):
        assert refused("ResourceNotFoundException", call, **arguments) == (
            f"Function not found: {ARN}gone"
        )
    refused("ResourceNotFoundException", client.update_function_code, ZipFile=PACKAGE, **arguments)


def test_names_over_64_characters(harness: Harness) -> None:
    long = "n" * 65
    said = refused("InvalidParameterValueException", harness.create, name=long)
    assert said.endswith("Member must have length less than or equal to 64")
    refused("ResourceNotFoundException", harness.client().get_function, FunctionName=long)


def test_a_name_is_taken_once(harness: Harness) -> None:
    harness.create("f")
    assert refused("ResourceConflictException", harness.create, name="f") == (
        "Function already exist: f"
    )


def test_a_package_has_to_come_with_the_request(harness: Harness) -> None:
    ipv = "InvalidParameterValueException"
    assert refused(ipv, harness.create, name="f", Code={}) == (
        "Please provide a source for function code."
    )
    said = refused(ipv, harness.create, name="f", Code={"S3Bucket": "bucket", "S3Key": "k"})
    assert said.startswith("S3Bucket and S3Key name code in an object store")
    both = {"ZipFile": PACKAGE, "S3Bucket": "bucket", "S3Key": "k"}
    assert refused(ipv, harness.create, name="f", Code=both).startswith("Please do not provide")
    refused(ipv, harness.create, name="f", Code={"ZipFile": b"not a zip"})
    assert harness.client().list_functions()["Functions"] == []


def test_lists_are_paged_and_have_fewer_members(harness: Harness) -> None:
    for name in ("a", "b", "c"):
        harness.create(name)
    client = harness.client()
    pages = list(client.get_paginator("list_functions").paginate(PaginationConfig={"PageSize": 2}))
    assert [[each["FunctionName"] for each in page["Functions"]] for page in pages] == [
        ["a", "b"],
        ["c"],
    ]
    listed = pages[0]["Functions"][0]
    assert set(listed) == CREATED - {
        "State", "StateReason", "StateReasonCode", "RuntimeVersionConfig"
    }  # fmt: skip
    versions = client.list_functions(FunctionVersion="ALL")["Functions"]
    assert versions[0]["FunctionArn"] == ARN + "a:$LATEST"
    refused("InvalidParameterValueException", client.list_functions, Marker="!")
    assert client.list_functions(MasterRegion="eu-west-1")["Functions"] == []
    assert len(client.list_functions(MasterRegion="us-east-1")["Functions"]) == 3


def test_revisions_guard_updates(harness: Harness) -> None:
    created, client = harness.create("f"), harness.client()
    stale = {"FunctionName": "f", "RevisionId": created["RevisionId"]}
    for call, change in (
        (client.update_function_configuration, {"Timeout": 5}),
        (client.update_function_code, {"ZipFile": PACKAGE}),
    ):
        said = refused("PreconditionFailedException", call, **stale, **change)
        assert "Revision Id" in said
    current = client.get_function_configuration(FunctionName="f")["RevisionId"]
    updated = client.update_function_configuration(FunctionName="f", RevisionId=current, Timeout=5)
    assert updated["Timeout"] == 5


def test_concurrent_updates_do_not_undo_each_other(harness: Harness) -> None:
    """Another update that comes between the reading and the writing of one is merged, not lost."""
    harness.create("f")
    client, original = harness.client(), harness.deployer.update_configuration
    raced = []

    async def racing(name: str, configuration: Any, revision_id: str | None = None) -> Any:
        if not raced:
            raced.append(True)
            other = (await harness.registry.get(name)).shown.configuration
            await original(name, dict(other) | {"MemorySize": 512})
        return await original(name, configuration, revision_id)

    harness.deployer.update_configuration = racing  # type: ignore[method-assign]
    response = client.update_function_configuration(FunctionName="f", Timeout=7)
    assert (response["Timeout"], response["MemorySize"]) == (7, 512)


def test_a_dry_run_changes_nothing(harness: Harness) -> None:
    created, client = harness.create("f"), harness.client()
    other = zip_of({"app.py": "x = 1"})
    client.update_function_code(FunctionName="f", ZipFile=other, DryRun=True)
    after = client.get_function_configuration(FunctionName="f")
    assert after["CodeSha256"] == created["CodeSha256"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"ImageUri": "x"}, "Please don't provide ImageUri when updating a function with"),
        ({"ZipFile": PACKAGE, "Architectures": ["arm64"]}, "Architectures is ['arm64'], but"),
        ({}, "Please provide a source for function code."),
    ],
)
def test_code_updates_that_cannot_be_served(
    harness: Harness, arguments: dict[str, Any], said: str
) -> None:
    harness.create("f")
    code = "InvalidParameterValueException"
    call = harness.client().update_function_code
    assert refused(code, call, FunctionName="f", **arguments).startswith(said)


def test_updates_take_no_qualifier(harness: Harness) -> None:
    harness.create("f")
    said = refused(
        "InvalidParameterValueException",
        harness.client().update_function_configuration,
        FunctionName=ARN + "f:$LATEST",
    )
    assert said.startswith("This operation is permitted on Lambda functions only.")


def test_delete_answers_204_and_the_name_is_free(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    said = refused(
        "InvalidParameterValueException",
        client.delete_function,
        FunctionName="f",
        Qualifier="$LATEST",
    )
    assert said == "$LATEST version cannot be deleted without deleting the function."
    response = client.delete_function(FunctionName="f")
    assert response["StatusCode"] == 204
    refused("ResourceNotFoundException", client.delete_function, FunctionName="f")
    harness.create("f")


def test_constraints_of_the_model_are_checked_before_anything_happens(harness: Harness) -> None:
    said = refused("ValidationException", harness.create, name="f", MemorySize=10241, Timeout=901)
    assert said == (
        "2 validation errors detected: Value '901' at 'timeout' failed to satisfy constraint: "
        "Member must have value less than or equal to 900; Value '10241' at 'memorySize' failed "
        "to satisfy constraint: Member must have value less than or equal to 10240"
    )
    refused("ValidationException", harness.create, name="f", Role="not-an-arn")
    assert ROLE.startswith("arn:")
