"""There is no code signing, and that is what is said."""

from tests.api.harness import Harness, refused

ARN = "arn:aws:lambda:us-east-1:000000000000:code-signing-config:csc-0123456789abcdef0"


def test_no_function_has_any(harness: Harness) -> None:
    harness.create("f")
    client = harness.client()
    response = client.get_function_code_signing_config(FunctionName="f")
    assert (response["FunctionName"], response["CodeSigningConfigArn"]) == ("f", "")
    client.delete_function_code_signing_config(FunctionName="f")
    said = refused(
        "CodeSigningConfigNotFoundException",
        client.put_function_code_signing_config,
        FunctionName="f",
        CodeSigningConfigArn=ARN,
    )
    assert said.startswith("The code signing configuration cannot be found.")
    call = client.get_function_code_signing_config
    refused("ResourceNotFoundException", call, FunctionName="gone")


def test_there_is_none_to_find(harness: Harness) -> None:
    client = harness.client()
    assert client.list_code_signing_configs()["CodeSigningConfigs"] == []
    for call in (
        client.get_code_signing_config,
        client.delete_code_signing_config,
        client.list_functions_by_code_signing_config,
    ):
        said = refused("ResourceNotFoundException", call, CodeSigningConfigArn=ARN)
        assert said == f"The Lambda code signing configuration {ARN} can not be found."
