"""Recursion and runtime updates, as boto3 sees them."""

from tests.api.harness import Harness, refused


def test_recursion_is_ended_unless_it_is_allowed(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    assert client.get_function_recursion_config(FunctionName="f")["RecursiveLoop"] == "Terminate"
    put = client.put_function_recursion_config(FunctionName="f", RecursiveLoop="Allow")
    read = client.get_function_recursion_config(FunctionName="f")
    assert put["RecursiveLoop"] == read["RecursiveLoop"] == "Allow"
    for call, more in (
        (client.get_function_recursion_config, {}),
        (client.put_function_recursion_config, {"RecursiveLoop": "Allow"}),
    ):
        said = refused("ResourceNotFoundException", call, FunctionName="gone", **more)
        assert said == f"Function not found: {harness.arn('gone')}"


def test_runtime_updates_are_remembered(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    read = client.get_runtime_management_config(FunctionName="f")
    assert (read["UpdateRuntimeOn"], read["FunctionArn"]) == ("Auto", harness.arn("f"))
    assert "RuntimeVersionArn" not in read
    configuration = client.get_function_configuration(FunctionName="f")
    current = configuration["RuntimeVersionConfig"]["RuntimeVersionArn"]
    put = client.put_runtime_management_config(
        FunctionName="f", UpdateRuntimeOn="Manual", RuntimeVersionArn=current
    )
    read = client.get_runtime_management_config(FunctionName="f", Qualifier="$LATEST")
    assert put["RuntimeVersionArn"] == read["RuntimeVersionArn"] == current
    assert read["UpdateRuntimeOn"] == "Manual"
    client.put_runtime_management_config(FunctionName="f", UpdateRuntimeOn="FunctionUpdate")
    assert "RuntimeVersionArn" not in client.get_runtime_management_config(FunctionName="f")


def test_a_runtime_that_is_not_here_cannot_be_chosen(harness: Harness) -> None:
    harness.create("f")
    put = harness.client().put_runtime_management_config
    for more in (
        {"UpdateRuntimeOn": "Manual"},
        {"UpdateRuntimeOn": "Auto", "RuntimeVersionArn": "arn:aws:lambda:us-east-1::runtime:x"},
        {"UpdateRuntimeOn": "Manual", "RuntimeVersionArn": "arn:aws:lambda:us-east-1::runtime:x"},
    ):
        refused("InvalidParameterValueException", put, FunctionName="f", **more)
