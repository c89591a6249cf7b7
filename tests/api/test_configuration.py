"""Rules that the service model does not have, through the configurations they guard."""

from typing import Any

import pytest

from wasmfaas.api.configuration import Configurations
from wasmfaas.api.rules import RESERVED_VARIABLES
from wasmfaas.errors import InvalidParameterValue
from wasmfaas.settings import Settings

BASE = {"FunctionName": "f", "Role": "r", "Runtime": "python3.14", "Handler": "app.handler"}


def created(name: str = "f", **members: Any) -> dict[str, Any]:
    return Configurations(Settings(fuel_max=1000)).created(name, BASE | members)


def refusal(**members: Any) -> str:
    with pytest.raises(InvalidParameterValue) as caught:
        created(**members)
    return caught.value.message


def test_defaults_are_lambdas() -> None:
    assert created() == BASE | {
        "Description": "",
        "Timeout": 3,
        "MemorySize": 128,
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None"},
        "TracingConfig": {"Mode": "PassThrough"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
    }


@pytest.mark.parametrize(
    "runtime", ["python3.9", "python3.15", "provided", "provided.al2", "provided.al2023"]
)
def test_runtimes_that_are_served(runtime: str) -> None:
    assert created(Runtime=runtime)["Runtime"] == runtime


@pytest.mark.parametrize(
    "runtime", ["python3.8", "python3.16", "nodejs22.x", "PYTHON3.9", "custom"]
)
def test_other_runtimes_get_lambdas_answer_with_what_is_served(runtime: str) -> None:
    assert refusal(Runtime=runtime) == (
        f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum "
        "value set: [python3.9, python3.10, python3.11, python3.12, python3.13, python3.14, "
        "python3.15, provided.al2023, provided.al2, provided] or be a valid ARN"
    )


def test_runtime_and_handler_are_needed() -> None:
    for missing in ("Runtime", "Handler"):
        assert refusal(**{missing: None}) == (
            "Runtime and Handler are mandatory parameters for functions created with deployment "
            "packages."
        )


def test_names_over_64_characters_get_lambdas_answer() -> None:
    assert created(name="n" * 64)["FunctionName"] == "n" * 64
    assert refusal(name="n" * 65) == (
        f"1 validation error detected: Value '{'n' * 65}' at 'functionName' failed to satisfy "
        "constraint: Member must have length less than or equal to 64"
    )


def test_an_environment_has_at_most_4_kb_of_json() -> None:
    fits = {"LARGE_VAR": "x" * (4096 - len('{"LARGE_VAR":""}'))}
    assert created(Environment={"Variables": fits})["Environment"] == {"Variables": fits}
    said = refusal(Environment={"Variables": {"LARGE_VAR": fits["LARGE_VAR"] + "x"}})
    assert said.startswith(
        "Lambda was unable to configure your environment variables because the environment "
        "variables you have provided exceeded the 4KB limit. String measured: "
        '{"LARGE_VAR":"xxx'
    )
    assert len(said) < 1000
    # Bytes count, not characters.
    assert "4KB limit" in refusal(Environment={"Variables": {"AA": "é" * 2050}})


def test_reserved_variables_are_named() -> None:
    said = refusal(Environment={"Variables": {"AWS_REGION": "x", "OK": "y", "_HANDLER": "z"}})
    assert said.endswith(
        "contains reserved keys that are currently not supported for modification. Reserved keys "
        "used in this request: AWS_REGION, _HANDLER"
    )
    assert "AWS_DEFAULT_REGION" not in RESERVED_VARIABLES


@pytest.mark.parametrize("value", ["pristine", "fresh", "reuse"])
def test_isolation_is_one_of_three(value: str) -> None:
    created(Environment={"Variables": {"WASMFAAS_ISOLATION": value}})


@pytest.mark.parametrize("value", ["", "Fresh", "none"])
def test_other_isolation_is_refused(value: str) -> None:
    said = refusal(Environment={"Variables": {"WASMFAAS_ISOLATION": value}})
    assert said == (
        f"The environment variable WASMFAAS_ISOLATION is '{value}', but must be one of pristine, "
        "fresh, reuse."
    )


def test_fuel_is_bounded_by_the_server() -> None:
    created(Environment={"Variables": {"WASMFAAS_FUEL_MAX": "1000"}})
    for value in ("0", "1001", "-1", "1e3", "", "9" * 3000, "²"):
        said = refusal(Environment={"Variables": {"WASMFAAS_FUEL_MAX": value}})
        assert "must be a whole number from 1 to 1000 (the server's setting fuel_max)" in said


def test_memory_and_storage_are_bounded_by_the_server() -> None:
    assert "MemorySize is 4097 MB, but this server gives a function at most 4096 MB" in refusal(
        MemorySize=4097
    )
    assert "EphemeralStorage.Size is 513 MB, but this server gives a function at most 512" in (
        refusal(EphemeralStorage={"Size": 513})
    )


@pytest.mark.parametrize(
    "members",
    [
        {"Layers": []},
        {"VpcConfig": {"SubnetIds": [], "SecurityGroupIds": [], "Ipv6AllowedForDualStack": False}},
        {"DeadLetterConfig": {"TargetArn": ""}},
        {"KMSKeyArn": ""},
        {"Publish": False},
        {"TracingConfig": {"Mode": "PassThrough"}},
        {"TracingConfig": {}},
        {"LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"}},
        {"SnapStart": {"ApplyOn": "PublishedVersions"}},
        {"Architectures": ["arm64"]},
        {"PackageType": "Zip"},
    ],
)
def test_members_that_change_nothing_are_accepted(members: dict[str, Any]) -> None:
    created(**members)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"VpcConfig": {"SubnetIds": ["s"]}}, "VpcConfig is not supported"),
        ({"DeadLetterConfig": {"TargetArn": "arn"}}, "DeadLetterConfig.TargetArn is 'arn', but"),
        ({"KMSKeyArn": "arn:aws:kms:x"}, "KMSKeyArn arn:aws:kms:x is not supported"),
        ({"PublishTo": "LATEST_PUBLISHED"}, "PublishTo LATEST_PUBLISHED is not supported"),
        ({"TracingConfig": {"Mode": "Active"}}, "TracingConfig is not supported"),
        ({"LoggingConfig": {"LogFormat": "JSON"}}, "LoggingConfig is not supported"),
        ({"LoggingConfig": {"ApplicationLogLevel": "DEBUG"}}, "LoggingConfig is not supported"),
        ({"LoggingConfig": {"LogGroup": "/other"}}, "logs are kept under '/aws/lambda/f'"),
        ({"PackageType": "Image"}, "PackageType Image is not supported"),
        ({"FileSystemConfigs": [{"Arn": "a"}]}, "FileSystemConfigs is not supported"),
        ({"TenancyConfig": {"TenantIsolationMode": "PER_TENANT"}}, "TenancyConfig is not"),
        ({"DurableConfig": {"ExecutionTimeout": 5}}, "DurableConfig is not supported"),
    ],
)
def test_members_that_would_be_ignored_are_refused(members: dict[str, Any], said: str) -> None:
    assert said in refusal(**members)


def test_an_update_changes_what_it_names_and_keeps_the_rest() -> None:
    configurations = Configurations(Settings())
    current = created(Environment={"Variables": {"AA": "1"}}, Timeout=9)
    updated = configurations.updated(current, {"FunctionName": "x:y", "MemorySize": 256})
    assert updated == current | {"MemorySize": 256}
    cleared = configurations.updated(current, {"Environment": {"Variables": {}}})
    assert "Environment" not in cleared
    with pytest.raises(InvalidParameterValue):
        configurations.updated(current, {"Runtime": "ruby3.4"})


@pytest.mark.parametrize("service", ["sqs", "sns"])
def test_dead_letters_may_go_to_a_queue_or_a_topic(service: str) -> None:
    target = {"TargetArn": f"arn:aws:{service}:us-east-1:000000000000:q"}
    current = created(DeadLetterConfig=target)
    assert current["DeadLetterConfig"] == target
    configurations = Configurations(Settings())
    assert configurations.updated(current, {"Timeout": 9})["DeadLetterConfig"] == target
    cleared = configurations.updated(current, {"DeadLetterConfig": {"TargetArn": ""}})
    assert "DeadLetterConfig" not in cleared
