"""Policies, as boto3 sees them."""

import json
from typing import Any

from tests.api.harness import Harness, refused

WANTED = {
    "FunctionName": "f",
    "StatementId": "s1",
    "Action": "lambda:InvokeFunction",
    "Principal": "s3.amazonaws.com",
}
MISMATCH = (
    "The Revision Id provided does not match the latest Revision Id. Call the GetPolicy API to "
    "retrieve the latest Revision Id"
)


def test_a_permission_lives_until_it_is_removed(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    added = client.add_permission(**WANTED, SourceArn="arn:aws:s3:::bucket")
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    assert added["Statement"] == (
        '{"Sid":"s1","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},'
        f'"Action":"lambda:InvokeFunction","Resource":"{harness.arn("f")}",'
        '"Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::bucket"}}}'
    )
    client.add_permission(**WANTED | {"StatementId": "s2"})
    read = client.get_policy(FunctionName=harness.arn("f"))
    assert read["Policy"].startswith('{"Version":"2012-10-17","Id":"default","Statement":[{"Sid"')
    assert [each["Sid"] for each in json.loads(read["Policy"])["Statement"]] == ["s1", "s2"]
    assert refused("ResourceConflictException", client.add_permission, **WANTED) == (
        "The statement id (s1) provided already exists. Please provide a new statement id, or "
        "remove the existing statement."
    )
    removed = client.remove_permission(FunctionName="f", StatementId="s1")
    assert removed["ResponseMetadata"]["HTTPStatusCode"] == 204
    arguments = {"FunctionName": "f", "StatementId": "s1"}
    assert refused("ResourceNotFoundException", client.remove_permission, **arguments) == (
        "Statement s1 is not found in resource policy."
    )
    client.remove_permission(FunctionName="f", StatementId="s2")
    assert refused("ResourceNotFoundException", client.remove_permission, **arguments) == (
        "No policy is associated with the given resource."
    )
    assert refused("ResourceNotFoundException", client.get_policy, FunctionName="f") == (
        "The resource you requested does not exist."
    )


def test_every_change_of_a_policy_is_a_revision_of_the_function(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()

    def revision() -> Any:
        return client.get_function_configuration(FunctionName="f")["RevisionId"]

    first = revision()
    client.add_permission(**WANTED, RevisionId=first)
    second = client.get_policy(FunctionName="f")["RevisionId"]
    assert first != second == revision()
    arguments = {"FunctionName": "f", "StatementId": "s1", "RevisionId": first}
    for call, given in (
        (client.remove_permission, arguments),
        (client.add_permission, WANTED | {"StatementId": "s2", "RevisionId": first}),
    ):
        assert refused("PreconditionFailedException", call, **given) == MISMATCH
    client.remove_permission(**arguments | {"RevisionId": second})
    assert revision() not in (first, second)


def test_principals(harness: Harness) -> None:
    harness.create("f")
    for number, (principal, expected) in enumerate(
        {
            "*": "*",
            "sns.amazonaws.com": {"Service": "sns.amazonaws.com"},
            "alexa-appkit.amazon.com": {"Service": "alexa-appkit.amazon.com"},
            "123456789012": {"AWS": "arn:aws:iam::123456789012:root"},
            "arn:aws:iam::123456789012:user/a": {"AWS": "arn:aws:iam::123456789012:user/a"},
        }.items()
    ):
        added = harness.client().add_permission(
            **WANTED | {"Principal": principal, "StatementId": str(number)}
        )
        assert json.loads(added["Statement"])["Principal"] == expected


def test_conditions_are_where_lambda_has_them(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    added = client.add_permission(
        FunctionName="f", StatementId="a", Action="lambda:InvokeFunctionUrl", Principal="*",
        FunctionUrlAuthType="NONE", PrincipalOrgID="o-1234567890", SourceAccount="123456789012",
        EventSourceToken="token", SourceArn="arn:aws:s3:::b",
    )  # fmt: skip
    assert json.loads(added["Statement"])["Condition"] == {
        "StringEquals": {
            "lambda:FunctionUrlAuthType": "NONE",
            "aws:PrincipalOrgID": "o-1234567890",
            "AWS:SourceAccount": "123456789012",
            "lambda:EventSourceToken": "token",
        },
        "ArnLike": {"AWS:SourceArn": "arn:aws:s3:::b"},
    }
    added = client.add_permission(**WANTED | {"Principal": "*", "InvokedViaFunctionUrl": True})
    assert json.loads(added["Statement"])["Condition"] == {
        "Bool": {"lambda:InvokedViaFunctionUrl": "true"}
    }


def test_what_cannot_be_permitted_is_refused(harness: Harness) -> None:
    harness.create("f")
    add = harness.client().add_permission
    for changes, expected in (
        ({"Principal": "ada"}, "The provided principal was invalid. Please check"),
        ({"Qualifier": "$LATEST"}, "We currently do not support adding policies for $LATEST."),
        ({"FunctionUrlAuthType": "NONE"}, "FunctionUrlAuthType is only supported for"),
    ):
        said = refused("InvalidParameterValueException", add, **WANTED | changes)
        assert said.startswith(expected)
    for changes, expected in (
        ({"FunctionName": "gone"}, f"Function not found: {harness.arn('gone')}"),
        ({"Qualifier": "7"}, f"Function not found: {harness.arn('f')}:7"),
        ({"Qualifier": "prod"}, f"Cannot find alias arn: {harness.arn('f')}:prod"),
    ):
        assert refused("ResourceNotFoundException", add, **WANTED | changes) == expected
    remove = harness.client().remove_permission
    arguments = {"FunctionName": "gone", "StatementId": "s1"}
    said = refused("ResourceNotFoundException", remove, **arguments)
    assert said == f"No policy found for: {harness.arn('gone')}"
    said = refused("ResourceNotFoundException", remove, **arguments | {"FunctionName": "f:7"})
    assert said == f"Function not found: {harness.arn('f')}:7"
    get = harness.client().get_policy
    said = refused("ResourceNotFoundException", get, FunctionName="gone", Qualifier="7")
    assert said == f"Function not found: {harness.arn('gone')}"
    said = refused("ResourceNotFoundException", get, FunctionName="f", Qualifier="7")
    assert said == "The resource you requested does not exist."


def test_a_policy_has_a_greatest_size(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    added = 0
    source = "arn:aws:s3:::" + "b" * 2000
    while added < 9:
        client.add_permission(**WANTED | {"StatementId": f"s{added}", "SourceArn": source})
        added += 1
    said = refused(
        "PolicyLengthExceededException",
        client.add_permission,
        **WANTED | {"StatementId": "more", "SourceArn": source},
    )
    assert said.endswith("is bigger than the limit (20480).")
    assert len(json.loads(client.get_policy(FunctionName="f")["Policy"])["Statement"]) == 9


def test_a_policy_is_put_read_and_deleted_as_a_whole(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    client.add_permission(**WANTED)
    arn = harness.arn("f")
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Deny", "Principal": "*", "Action": "lambda:*", "Resource": arn, "Sid": "x"}
        ],
    }
    put = client.put_resource_policy(ResourceArn=arn, Policy=json.dumps(document))
    assert json.loads(put["Policy"]) == document
    read = client.get_resource_policy(ResourceArn=arn)
    assert (read["Policy"], read["RevisionId"]) == (put["Policy"], put["RevisionId"])
    assert client.get_policy(FunctionName="f")["Policy"] == put["Policy"]
    said = refused(
        "InvalidParameterValueException", client.put_resource_policy, ResourceArn=arn, Policy="x"
    )
    assert said == "The policy is not valid: it is not JSON."
    client.add_permission(**WANTED)
    stale = {"ResourceArn": arn, "RevisionId": put["RevisionId"]}
    refused("PreconditionFailedException", client.delete_resource_policy, **stale)
    client.delete_resource_policy(ResourceArn=arn)
    for call in (client.get_resource_policy, client.delete_resource_policy):
        refused("ResourceNotFoundException", call, ResourceArn=arn)
    missing = harness.arn("gone")
    said = refused("ResourceNotFoundException", client.get_resource_policy, ResourceArn=missing)
    assert said == f"Function not found: {missing}"


def test_versions_and_aliases_have_policies_of_their_own(harness: Harness) -> None:
    harness.create("f")
    version = harness.run(harness.registry.versions.publish("f"))
    alias = harness.run(harness.registry.aliases.create("f", "prod", version.number, "", {}))
    client = harness.client()
    for place in (version, alias):
        qualifier = place.number if place is version else place.name
        added = client.add_permission(**WANTED, Qualifier=qualifier, RevisionId=place.revision_id)
        arn = f"{harness.arn('f')}:{qualifier}"
        assert json.loads(added["Statement"])["Resource"] == arn
        read = client.get_policy(FunctionName=arn)
        assert len(json.loads(read["Policy"])["Statement"]) == 1
        assert read["RevisionId"] != place.revision_id
    refused("ResourceNotFoundException", client.get_policy, FunctionName="f")
    renewed = harness.run(harness.registry.aliases.get("f", "prod"))
    assert renewed.revision_id == client.get_policy(FunctionName="f:prod")["RevisionId"]
    harness.run(harness.registry.aliases.delete("f", "prod"))
    harness.run(harness.registry.aliases.create("f", "prod", version.number, "", {}))
    refused("ResourceNotFoundException", client.get_policy, FunctionName="f:prod")
