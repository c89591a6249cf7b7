"""What targets of rules get of an event."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.schedule_errors import InvalidSchedule
from wasmfaas.schedules.rule_inputs import check, rendered

EVENT = {
    "time": "2027-01-01T12:00:00Z",
    "resources": ["a", "b"],
    "detail": {"state": 'it is "on"', "count": 3, "a b": None, "of": [{"x": 1}]},
}
RESERVED = {"aws.events.rule-name": "r"}


def transformed(template: str, **paths: str) -> str:
    target = {"Id": "1", "InputTransformer": {"InputPathsMap": paths, "InputTemplate": template}}
    check(target)
    return rendered(target, EVENT, RESERVED)


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, EVENT),
        ({"Input": '{"a": [1]}'}, {"a": [1]}),
        ({"InputPath": "$.detail"}, EVENT["detail"]),
        ({"InputPath": "$"}, EVENT),
        ({"InputPath": "$.resources[1]"}, "b"),
        ({"InputPath": "$.detail.of[0].x"}, 1),
        ({"InputPath": "$.detail['a b']"}, None),
        ({"InputPath": "$.nothing.here"}, None),
        ({"InputPath": "$.resources[7]"}, None),
    ],
)
def test_parts_of_an_event(members: dict[str, Any], expected: Any) -> None:
    target = {"Id": "1", **members}
    check(target)
    assert json.loads(rendered(target, EVENT, RESERVED)) == expected


def test_variables_are_json_outside_quotes_and_text_inside() -> None:
    text = transformed(
        '{"as is": <state>, "said": "it says: <state> (<count>)", "n": <count>, "all": <of>, '
        '"gone": <gone>, "also": "<gone>", "rule": "<aws.events.rule-name>"}',
        state="$.detail.state", count="$.detail.count", of="$.detail.of", gone="$.no",
    )  # fmt: skip
    assert json.loads(text) == {
        "as is": 'it is "on"',
        "said": 'it says: it is "on" (3)',
        "n": 3,
        "all": [{"x": 1}],
        "gone": None,
        "also": "",
        "rule": "r",
    }


def test_a_text_and_the_whole_event() -> None:
    said = transformed('"state <count> of <aws.events.rule-name>"', count="$.detail.count")
    assert json.loads(said) == "state 3 of r"
    assert json.loads(transformed("<aws.events.event>")) == EVENT
    assert json.loads(transformed("no json <count>", count="$.detail.count")) == "no json 3"
    assert json.loads(transformed(r'{"a": "\"<count>\""}', count="$.detail.count")) == {"a": '"3"'}


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"Input": "{}", "InputPath": "$"}, "Only one of Input, InputPath, or InputTransformer"),
        ({"Input": "{a"}, "JSON syntax error in input for target 1."),
        ({"Input": "[" * 100_000}, "JSON syntax error in input"),
        ({"InputPath": "detail"}, "is no path like"),
        ({"InputPath": "$.detail..x"}, "is no path like"),
        ({"InputTransformer": {"InputPathsMap": {"a": "x"}, "InputTemplate": "<a>"}}, "no path"),
        ({"InputTransformer": {"InputTemplate": "<a>"}}, "placeholder <a>, which is not"),
        (
            {"InputTransformer": {"InputPathsMap": {"AWSa": "$"}, "InputTemplate": "1"}},
            "keys cannot start with AWS",
        ),
    ],
)
def test_what_is_refused(members: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidSchedule) as caught:
        check({"Id": "1", **members})
    assert said in caught.value.message


@given(st.text(st.sampled_from('<>a"\\{}: ,.$'), max_size=40))
def test_what_a_target_gets_is_json(template: str) -> None:
    target = {"InputTransformer": {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": template}}
    json.loads(rendered(target, EVENT, RESERVED))
