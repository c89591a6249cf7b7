from tests.api.harness import Harness, refused


def test_tags_are_set_changed_listed_and_removed(harness: Harness) -> None:
    harness.create("f", Tags={"a": "1"})
    client, arn = harness.client(), harness.arn("f")
    client.tag_resource(Resource=arn, Tags={"a": "2", "b c": "ü"})
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "2", "b c": "ü"}
    response = client.untag_resource(Resource=arn, TagKeys=["a", "b c", "never there"])
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert client.list_tags(Resource=arn)["Tags"] == {}


def test_a_function_has_at_most_50_tags(harness: Harness) -> None:
    tags = {f"tag-{number}": "" for number in range(51)}
    said = refused("InvalidParameterValueException", harness.create, name="f", Tags=tags)
    assert said == "Number of tags exceeds resource tag limit."
    tags.popitem()
    harness.create("f", Tags=tags)
    refused(
        "InvalidParameterValueException",
        harness.client().tag_resource,
        Resource=harness.arn("f"),
        Tags={"one": "more"},
    )


def test_event_source_mappings_have_tags(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    arn = client.create_event_source_mapping(
        FunctionName="f", EventSourceArn="arn:aws:sqs:us-east-1:000000000000:q", Tags={"a": "1"}
    )["EventSourceMappingArn"]
    assert client.list_tags(Resource=arn)["Tags"] == {"a": "1"}
    client.tag_resource(Resource=arn, Tags={"b": "2"})
    client.untag_resource(Resource=arn, TagKeys=["a"])
    assert client.list_tags(Resource=arn)["Tags"] == {"b": "2"}
    said = refused(
        "InvalidParameterValueException",
        client.tag_resource,
        Resource=arn,
        Tags={f"tag-{number}": "" for number in range(50)},
    )
    assert said == "Number of tags exceeds resource tag limit."
    elsewhere = arn.replace("us-east-1", "eu-west-1")
    refused("ResourceNotFoundException", client.list_tags, Resource=elsewhere)


def test_versions_and_aliases_have_no_tags(harness: Harness) -> None:
    harness.create("f")
    client, arn = harness.client(), harness.arn("f")
    said = refused("InvalidParameterValueException", client.list_tags, Resource=f"{arn}:$LATEST")
    assert said.startswith("Tags on function aliases and versions are not supported.")
    mapping = arn.replace("function:f", "event-source-mapping:00000000-0000-0000-0000-000000000000")
    said = refused("ResourceNotFoundException", client.list_tags, Resource=mapping)
    assert said == f"Event source mapping not found: {mapping}"
    refused("ResourceNotFoundException", client.list_tags, Resource=harness.arn("gone"))
    refused("ValidationException", client.list_tags, Resource="f")
