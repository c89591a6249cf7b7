"""How asynchronous invocations are handled, as boto3 sees it."""

from datetime import datetime
from pathlib import Path

from tests.api.harness import Harness, refused

QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
EMPTY = {"OnSuccess": {}, "OnFailure": {}}


def publish(harness: Harness, name: str = "f") -> str:
    return harness.run(harness.registry.versions.publish(name)).number


def test_a_configuration_is_put_updated_read_and_deleted(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    put = client.put_function_event_invoke_config(FunctionName="f", MaximumRetryAttempts=0)
    assert put["FunctionArn"] == harness.arn("f") + ":$LATEST"
    assert isinstance(put["LastModified"], datetime)
    assert (put["MaximumRetryAttempts"], put["DestinationConfig"]) == (0, EMPTY)
    assert "MaximumEventAgeInSeconds" not in put
    updated = client.update_function_event_invoke_config(
        FunctionName="f",
        MaximumEventAgeInSeconds=60,
        DestinationConfig={"OnFailure": {"Destination": QUEUE}},
    )
    assert (updated["MaximumRetryAttempts"], updated["MaximumEventAgeInSeconds"]) == (0, 60)
    assert updated["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {"Destination": QUEUE}}
    read = client.get_function_event_invoke_config(FunctionName="f", Qualifier="$LATEST")
    for response in (updated, read):
        del response["ResponseMetadata"]
    assert read == updated
    put = client.put_function_event_invoke_config(FunctionName="f", MaximumEventAgeInSeconds=90)
    assert "MaximumRetryAttempts" not in put
    client.delete_function_event_invoke_config(FunctionName="f")
    for call, more in (
        (client.get_function_event_invoke_config, {}),
        (client.delete_function_event_invoke_config, {}),
        (client.update_function_event_invoke_config, {"MaximumRetryAttempts": 1}),
    ):
        assert refused("ResourceNotFoundException", call, FunctionName="f", **more) == (
            f"The function {harness.arn('f')}:$LATEST doesn't have an EventInvokeConfig"
        )


def test_each_version_has_its_own_and_they_are_listed_in_pages(harness: Harness) -> None:
    harness.create("f")
    number = publish(harness)
    client = harness.client()
    for qualifier in ("$LATEST", number):
        client.put_function_event_invoke_config(
            FunctionName="f", Qualifier=qualifier, MaximumRetryAttempts=1
        )
    pages = client.get_paginator("list_function_event_invoke_configs").paginate(
        FunctionName="f", PaginationConfig={"PageSize": 1}
    )
    shown = [[each["FunctionArn"] for each in page["FunctionEventInvokeConfigs"]] for page in pages]
    assert shown == [[f"{harness.arn('f')}:$LATEST"], [f"{harness.arn('f')}:1"]]
    said = refused(
        "ResourceNotFoundException", client.list_function_event_invoke_configs, FunctionName="gone"
    )
    assert said == "The function doesn't exist."


def test_what_is_missing_is_refused(harness: Harness) -> None:
    harness.create("f")
    put = harness.client().put_function_event_invoke_config
    assert refused("InvalidParameterValueException", put, FunctionName="f") == (
        "You must specify at least one of error handling or destination setting."
    )
    for more in ({"FunctionName": "gone"}, {"FunctionName": "f", "Qualifier": "9"}):
        said = refused("ResourceNotFoundException", put, MaximumRetryAttempts=1, **more)
        assert said == "The function doesn't exist."


def test_where_results_cannot_be_sent(harness: Harness) -> None:
    harness.create("f")
    lambdas = "arn:aws:lambda:us-east-1:000000000000:function:"
    for destination, expected in {
        "arn:aws:iam:us-east-1:000000000000:function:f": "The provided destination config "
        "DestinationConfig(onSuccess=OnSuccess(destination=arn:aws:iam:us-east-1:000000000000:"
        "function:f), onFailure=null) is invalid.",
        f"{lambdas}gone": f"The destination ARN {lambdas}gone is invalid.",
        f"{lambdas}f": "You can't specify the function as a destination for itself.",
        **{
            unserved: f"The destination '{unserved}' cannot be sent to by this server. It sends to "
            "functions, queues (SQS), topics (SNS) and webhooks (https://…)."
            for unserved in (
                "arn:aws:s3:::bucket",
                "arn:aws:events:us-east-1:000000000000:event-bus/default",
                "kafka://topic",
            )
        },
    }.items():
        said = refused(
            "InvalidParameterValueException",
            harness.client().put_function_event_invoke_config,
            FunctionName="f",
            DestinationConfig={"OnSuccess": {"Destination": destination}},
        )
        assert said == expected


def test_webhooks_are_destinations_where_the_operator_has_a_key_to_sign_with(
    tmp_path: Path,
) -> None:
    url, local = "https://example.com/hook", "http://127.0.0.1:9"
    keyless = Harness(tmp_path / "keyless")
    keyless.create("f")
    put = keyless.client().put_function_event_invoke_config
    config = {"OnSuccess": {"Destination": url}}
    said = refused(
        "InvalidParameterValueException", put, FunctionName="f", DestinationConfig=config
    )
    assert "webhook_signing_secret" in said
    harness = Harness(
        tmp_path / "data", webhook_signing_secret="secret", webhook_private_origins=local
    )
    harness.create("f")
    put = harness.client().put_function_event_invoke_config
    config = {"OnSuccess": {"Destination": url}, "OnFailure": {"Destination": f"{local}/x"}}
    assert put(FunctionName="f", DestinationConfig=config)["DestinationConfig"] == config
    for bad in ("http://example.com/", "https://u:p@example.com/", "https://"):
        config = {"OnSuccess": {"Destination": bad}}
        assert "cannot be sent to" in refused(
            "InvalidParameterValueException", put, FunctionName="f", DestinationConfig=config
        )
    keyless.close()
    harness.close()
