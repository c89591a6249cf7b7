import re

from tests.api.harness import Harness, refused


def test_a_url_lives_until_it_is_deleted(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    created = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    assert created["ResponseMetadata"]["HTTPStatusCode"] == 201
    url = created["FunctionUrl"]
    assert re.fullmatch(r"http://[a-z0-9]{32}\.lambda-url\.us-east-1\.localhost:3001/", url)
    assert created["InvokeMode"] == "BUFFERED"
    assert created["CreationTime"] == "2023-11-14T22:13:20.000000Z"
    assert "LastModifiedTime" not in created
    harness.now += 60
    updated = client.update_function_url_config(
        FunctionName="f", Cors={"AllowOrigins": ["*"], "MaxAge": 5}
    )
    read = client.get_function_url_config(FunctionName="f")
    for response in (updated, read):
        assert (response["FunctionUrl"], response["AuthType"]) == (url, "NONE")
        assert response["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 5}
        assert response["CreationTime"] == "2023-11-14T22:13:20.000000Z"
        assert response["LastModifiedTime"] == "2023-11-14T22:14:20.000000Z"
    listed = client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]
    assert [each["FunctionUrl"] for each in listed] == [url]
    assert "Cors" not in client.update_function_url_config(FunctionName="f", Cors={})
    client.delete_function_url_config(FunctionName="f")
    assert client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"] == []
    for call in (client.get_function_url_config, client.delete_function_url_config):
        assert refused("ResourceNotFoundException", call, FunctionName="f") == (
            "The resource you requested does not exist."
        )


def test_a_function_has_one_url(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    arguments = {"FunctionName": "f", "AuthType": "NONE"}
    client.create_function_url_config(**arguments)
    said = refused("ResourceConflictException", client.create_function_url_config, **arguments)
    assert said == (
        f"Failed to create function url config for [functionArn = {harness.arn('f')}]. Error "
        "message:  FunctionUrlConfig exists for this Lambda function"
    )


def test_what_is_not_there_is_refused(harness: Harness) -> None:
    harness.create("f")
    create = harness.client().create_function_url_config
    for arguments in ({"FunctionName": "gone"}, {"FunctionName": "f", "Qualifier": "alias"}):
        said = refused("ResourceNotFoundException", create, AuthType="NONE", **arguments)
        assert said == "Function does not exist"


def test_an_alias_has_a_url_of_its_own(harness: Harness) -> None:
    harness.create("f")
    client, arn = harness.client(), harness.arn("f")
    own = client.create_function_url_config(FunctionName="f", AuthType="NONE")
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion="$LATEST")
    created = client.create_function_url_config(
        FunctionName="f", Qualifier="prod", AuthType="NONE", Cors={"MaxAge": 1}
    )
    assert created["FunctionArn"] == f"{arn}:prod"
    assert created["FunctionUrl"] != own["FunctionUrl"]
    found = client.get_function_url_config(FunctionName="f:prod")
    assert found["FunctionUrl"] == created["FunctionUrl"]
    updated = client.update_function_url_config(FunctionName=f"{arn}:prod", Cors={"MaxAge": 2})
    assert updated["Cors"] == {"MaxAge": 2}
    assert "Cors" not in client.get_function_url_config(FunctionName="f")
    pages = client.get_paginator("list_function_url_configs").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 1}
    )
    listed = [url["FunctionArn"] for page in pages for url in page["FunctionUrlConfigs"]]
    assert listed == [arn, f"{arn}:prod"]
    said = refused(
        "ResourceConflictException",
        client.create_function_url_config,
        FunctionName="f:prod",
        AuthType="NONE",
    )
    assert f"[functionArn = {arn}:prod]" in said
    client.delete_function_url_config(FunctionName="f", Qualifier="prod")
    assert len(client.list_function_url_configs(FunctionName="f")["FunctionUrlConfigs"]) == 1
    for arguments in (
        {"FunctionName": "f", "Qualifier": "1"},
        {"FunctionName": "f:1"},
        {"FunctionName": "f:$LATEST"},
    ):
        refused("ValidationException", client.get_function_url_config, **arguments)
