"""The JSON 1.1 protocol, and requests that boto3 would not send."""

import json
from collections.abc import Iterator

import pytest

from tests.api.logs.conftest import GROUP, LogsHarness
from tests.api.probes.asking import LOGS, ask
from tests.api.probes.generation import SOUND_LOGS, Probes
from wasmfaas.api.service_model import LOGS_MODEL_FILE


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogsHarness]:
    harness = LogsHarness(tmp_path_factory.mktemp("logs") / "data")
    yield harness
    harness.close()


@pytest.mark.parametrize(
    ("operation", "body", "code"),
    [
        ("FilterLogEvents", b"{", "SerializationException"),
        ("FilterLogEvents", b"[]", "SerializationException"),
        ("FilterLogEvents", b'{"limit": "1"}', "SerializationException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "limit": 0}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "limit": 10001}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": "a b"}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "startTime": -1}, "InvalidParameterException"),
        ("FilterLogEvents", {"logGroupName": GROUP, "filterPattern": "%a%"},
         "InvalidParameterException"),
        ("GetLogEvents", {"logGroupName": GROUP}, "InvalidParameterException"),
        ("GetLogEvents", {"logGroupName": GROUP, "logStreamName": "a", "nextToken": "f/9"},
         "InvalidParameterException"),
        ("FilterLogEvents", b" " * 70_000, "RequestEntityTooLargeException"),
        ("StartLiveTail", {"logGroupIdentifiers": [GROUP]}, "UnknownOperationException"),
        ("", b"{}", "UnknownOperationException"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_in_json(
    logs: LogsHarness, operation: str, body: object, code: str
) -> None:
    answer = logs.call(operation, body)
    assert answer.status == 400
    assert answer.headers["content-type"] == "application/x-amz-json-1.1"
    members = json.loads(answer.body)
    assert members["__type"] == code
    assert sorted(members) == ["__type", "message"]


#: Members about which the service has rules that its model has not.
BEYOND_THE_MODEL = ("logGroupName", "retentionInDays")


def test_every_constraint_of_the_model_holds_and_no_more(logs: LogsHarness) -> None:
    probes = Probes(LOGS_MODEL_FILE, SOUND_LOGS, "Logs_20140328.")
    made = [
        probe
        for operation in probes.operations
        for probe in probes.of(operation)
        if probe.variant.refusal is not None or probe.path not in BEYOND_THE_MODEL
    ]
    assert [wrong for wrong in ask(logs, made, LOGS) if wrong is not None] == []
    assert len(made) > 800


def test_violations_have_the_words_of_the_service(logs: LogsHarness) -> None:
    answer = logs.call("GetLogEvents", {"logGroupName": "a b"})
    assert json.loads(answer.body)["message"] == (
        "2 validation errors detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+; Value null at "
        "'logStreamName' failed to satisfy constraint: Member must not be null"
    )


def test_an_operation_without_output_answers_nothing(logs: LogsHarness) -> None:
    answer = logs.call("CreateLogGroup", {"logGroupName": "/a"})
    assert (answer.status, answer.body) == (200, b"")


def test_live_tail_is_refused_with_what_there_is(logs: LogsHarness) -> None:
    answer = logs.call("StartLiveTail", {})
    assert "FilterLogEvents" in json.loads(answer.body)["message"]
