from tests.api.harness import Harness, refused


def test_lists_are_empty(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    assert client.list_layers()["Layers"] == []
    assert client.list_event_source_mappings()["EventSourceMappings"] == []
    assert client.list_aliases(FunctionName="f")["Aliases"] == []


def test_things_to_get_are_not_there(harness: Harness) -> None:
    client = harness.client()
    said = refused(
        "ResourceNotFoundException",
        client.get_function_scaling_config,
        FunctionName="f",
        Qualifier="$LATEST.PUBLISHED",
    )
    assert said == f"Function not found: {harness.arn('f')}:$LATEST.PUBLISHED"
    said = refused(
        "ResourceNotFoundException", client.get_capacity_provider, CapacityProviderName="p"
    )
    assert said == (
        "Capacity provider not found: arn:aws:lambda:us-east-1:000000000000:capacity-provider:p"
    )
    arn = f"{harness.arn('f')}:1/durable-execution/name/id"
    said = refused(
        "ResourceNotFoundException", client.get_durable_execution, DurableExecutionArn=arn
    )
    assert said == (
        "The resource you requested does not exist. (GetDurableExecution is not supported by this "
        "server yet.)"
    )


def test_of_a_function_that_does_not_exist_that_is_what_is_said(harness: Harness) -> None:
    client = harness.client()
    for call in (client.list_durable_executions_by_function, client.list_aliases):
        said = refused("ResourceNotFoundException", call, FunctionName="gone")
        assert said == f"Function not found: {harness.arn('gone')}"


def test_changes_are_refused(harness: Harness) -> None:
    harness.create("f")
    said = refused(
        "InvalidParameterValueException",
        harness.client().put_function_scaling_config,
        FunctionName="f",
        Qualifier="1",
    )
    assert said == "PutFunctionScalingConfig is not supported by this server yet."
