"""Constraints of the model and the messages about them, Lambda's word for word."""

from typing import Any

import pytest

from wasmfaas.api.service_model import ServiceModel
from wasmfaas.api.validation import VIOLATIONS_MAX, check
from wasmfaas.errors import ValidationFailed

CREATE: dict[str, Any] = {
    "FunctionName": "f",
    "Role": "arn:aws:iam::000000000000:role/r",
    "Code": {"ZipFile": b"x"},
}


def refusal(operation: str, members: dict[str, Any]) -> str:
    with pytest.raises(ValidationFailed) as caught:
        check(ServiceModel.load().operations[operation].input, members)
    return caught.value.message


def test_a_sound_request_passes() -> None:
    check(ServiceModel.load().operations["CreateFunction"].input, CREATE | {"MemorySize": 128})


@pytest.mark.parametrize(
    ("members", "said"),
    [
        (
            {"MemorySize": 20000},
            "Value '20000' at 'memorySize' failed to satisfy constraint: Member must have value "
            "less than or equal to 10240",
        ),
        (
            {"Timeout": 0},
            "Value '0' at 'timeout' failed to satisfy constraint: Member must have value greater "
            "than or equal to 1",
        ),
        (
            {"Description": "x" * 257},
            f"Value '{'x' * 256}...' at 'description' failed to satisfy constraint: Member must "
            "have length less than or equal to 256",
        ),
        (
            {"Handler": "a b"},
            "Value 'a b' at 'handler' failed to satisfy constraint: Member must satisfy regular "
            r"expression pattern: [^\s]+",
        ),
        (
            {"PackageType": "Tar"},
            "Value 'Tar' at 'packageType' failed to satisfy constraint: Member must satisfy enum "
            "value set: [Zip, Image]",
        ),
        (
            {"EphemeralStorage": {"Size": 20000}},
            "Value '20000' at 'ephemeralStorage.size' failed to satisfy constraint: Member must "
            "have value less than or equal to 10240",
        ),
        (
            {"EphemeralStorage": {}},
            "Value null at 'ephemeralStorage.size' failed to satisfy constraint: Member must not "
            "be null",
        ),
        (
            {"Architectures": ["sparc"]},
            "Value '[sparc]' at 'architectures' failed to satisfy constraint: Member must satisfy "
            "constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be "
            "null]",
        ),
        (
            {"Environment": {"Variables": {"1A": "secret"}}},
            "Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy "
            "constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]",
        ),
        (
            {"Tags": {"key": "x;"}},
            "Value '{key=x;}' at 'tags' failed to satisfy constraint: Map value must satisfy "
            "constraint: [Member must have length less than or equal to 256, Member must have "
            "length greater than or equal to 0, Member must satisfy regular expression pattern: "
            r"([\p{L}\p{Z}\p{N}_.:/=+\-@]*), Member must not be null]",
        ),
        (
            {"FileSystemConfigs": [{"LocalMountPath": "/mnt/x"}]},
            "Value null at 'fileSystemConfigs.1.member.arn' failed to satisfy constraint: Member "
            "must not be null",
        ),
        (
            {"KMSKeyArn": "x"},
            "Value 'x' at 'kMSKeyArn' failed to satisfy constraint: Member must satisfy regular "
            "expression pattern: (arn:(aws[a-zA-Z-]*)?:[a-z0-9-.]+:.*)|()",
        ),
    ],
)
def test_each_kind_of_constraint(members: dict[str, Any], said: str) -> None:
    assert refusal("CreateFunction", CREATE | members) == f"1 validation error detected: {said}"


def test_all_violations_are_reported_at_once() -> None:
    said = refusal("CreateFunction", {"FunctionName": "a/b", "MemorySize": 1})
    assert said.startswith("4 validation errors detected: Value 'a/b' at 'functionName' ")
    assert "; Value null at 'role' failed to satisfy constraint: Member must not be null; " in said
    assert "; Value null at 'code' " in said


def test_a_message_stays_small_however_much_is_wrong() -> None:
    configs = [{} for _ in range(100_000)]
    said = refusal(
        "CreateFunction", CREATE | {"FileSystemConfigs": configs, "Handler": "  " * 10**6}
    )
    assert said.startswith(f"{VIOLATIONS_MAX} validation errors detected: ")
    assert len(said) < 100_000


def test_long_values_do_not_cost_quadratic_time() -> None:
    """The pattern of an endpoint backtracks; what is too long for it is not tried at all."""
    endpoints = {"KAFKA_BOOTSTRAP_SERVERS": ["a" * 5_000_000]}
    members = {"FunctionName": "f", "SelfManagedEventSource": {"Endpoints": endpoints}}
    assert "selfManagedEventSource.endpoints" in refusal("CreateEventSourceMapping", members)
