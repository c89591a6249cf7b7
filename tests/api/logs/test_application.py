"""The JSON 1.1 protocol, and requests that boto3 would not send."""

import json
from collections.abc import Iterator

import pytest

from tests.api.logs.conftest import GROUP, LogsHarness
from wasmfaas.api.service_model import LOGS_MODEL_FILE, ServiceModel, Shape


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


def too_much(shape: Shape) -> Iterator[object]:
    """Values that break a constraint of *shape*, each by one."""
    least, most = shape.minimum, shape.maximum
    if shape.type in ("integer", "long"):
        yield from ([] if least is None else [int(least) - 1])
        yield from ([] if most is None else [int(most) + 1])
    elif shape.type == "string":
        letter = "1" if shape.pattern == r"^\d{12}$" else "a"
        yield from [] if not least else [letter * (int(least) - 1)]
        yield from [] if most is None else [letter * (int(most) + 1)]
        yield from ["none of these"] if shape.values else []
    elif shape.type == "list":
        yield from [] if not least else [["a"] * (int(least) - 1)]
        yield from [] if most is None else [["a" * 12] * (int(most) + 1)]
        yield from ([value] for value in too_much(shape.member))
    elif shape.type == "map":
        yield from [] if most is None else [{f"a{number}": "" for number in range(int(most) + 1)}]


def test_every_constraint_of_the_model_holds(logs: LogsHarness) -> None:
    probes = 0
    for name, operation in ServiceModel.load(LOGS_MODEL_FILE).operations.items():
        for member in operation.input.members.values():
            for value in too_much(member.shape):
                answer = logs.call(name, {member.name: value})
                shown = (name, member.name, value, answer.body)
                assert answer.status == 400, shown
                document = json.loads(answer.body)
                assert document["__type"] == "InvalidParameterException", shown
                assert f"'{member.name}'" in document["message"], shown
                probes += 1
    assert probes > 60


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
