"""Filter criteria: what of a message patterns see."""

import json
from typing import Any

import pytest

from wasmfaas.patterns import EventTooComplex
from wasmfaas.sources.filters import Filters
from wasmfaas.sources.source import Message


def passes(data: dict[str, Any], *patterns: Any) -> bool:
    message = Message(id="1", record={"eventSource": "aws:sqs", "body": "encoded"}, data=data)
    filters = [{"Pattern": json.dumps(pattern)} for pattern in patterns]
    return Filters.of({"FilterCriteria": {"Filters": filters}}).passes(message)


@pytest.mark.parametrize(
    ("body", "pattern", "expected"),
    [
        ("plain", ["plain"], True),
        ("plain", [{"prefix": "pl"}], True),
        ("plain", {"a": [1]}, False),
        ("plain", {"a": [{"exists": True}]}, False),
        ('{"a": 1}', {"a": [1]}, True),
        ('{"a": 1}', {"a": [2]}, False),
        ('{"a": 1}', ['{"a": 1}'], False),
        ('{"a": 1}', [{"anything-but": "x"}], False),
        ('  {"a": 1}', {"a": [1]}, True),
        ('[{"a": 1}]', {"a": [1]}, True),
        ('{"a": ', [{"prefix": "{"}], True),
        ("17", ["17"], True),
        (b'{"a": 1}', {"a": [1]}, True),
        (b"plain", ["plain"], True),
        (b"\xff", [{"exists": True}], False),
        (None, [{"exists": False}], True),
    ],
)
def test_data_is_matched_as_what_it_is(body: Any, pattern: Any, expected: bool) -> None:
    assert passes({"body": body}, {"body": pattern}) is expected


def test_one_filter_is_enough_and_none_is_no_filter() -> None:
    data = {"body": '{"a": 1}'}
    assert passes(data, {"body": {"a": [2]}}, {"eventSource": ["aws:sqs"]})
    assert not passes(data, {"body": {"a": [2]}}, {"eventSource": ["aws:kinesis"]})
    assert passes(data)
    assert Filters.of({}).passes(Message(id="1", record={}))


def test_what_is_nested_too_deeply_is_told() -> None:
    with pytest.raises(EventTooComplex):
        passes({"body": "[" * 100_000}, {"body": ["x"]})
