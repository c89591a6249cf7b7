"""Event patterns, held against what EventBridge documents and against slower ways of matching."""

import json
import re
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmfaas.patterns import EventTooComplex, InvalidPattern, parse
from wasmfaas.patterns.parser import CHARACTERS_MAX, DEPTH_MAX


def matches(pattern: Any, event: Any) -> bool:
    return parse(json.dumps(pattern)).matches(event)


#: What a field may be (the test), what passes it, and what does not. MISSING is no such field.
MISSING = object()
CASES: list[tuple[Any, list[Any], list[Any]]] = [
    (["a", "b"], ["a", "b", ["x", "b"], [["b"]]], ["", "A", "ab", None, ["x"], [], {}, MISSING]),
    ([""], [""], [" ", None, 0, MISSING]),
    ([None], [None, [1, None]], ["", 0, False, "null", MISSING]),
    ([True], [True], [1, "true", False]),
    ([3], [3, 3.0], ["3", True, 4]),
    ([0.1], [0.1], [0, "0.1"]),
    ([{"prefix": "ab"}], ["ab", "abc", ["x", "abx"]], ["a", "Ab", "xab", 1, None, MISSING]),
    ([{"prefix": {"equals-ignore-case": "aB"}}], ["ab", "ABc"], ["a", "xab", 1]),
    ([{"suffix": ".png"}], [".png", "a.png"], ["a.PNG", "png", ".pngx", 1]),
    ([{"suffix": {"equals-ignore-case": ".Png"}}], ["a.pNG"], ["png", 1]),
    ([{"equals-ignore-case": "Alice"}], ["alice", "ALICE"], ["alic", "alicee", 1, MISSING]),
    ([{"anything-but": "a"}], ["b", 1, None, True, "", ["a", "b"]], ["a", ["a"], [], {}, MISSING]),
    ([{"anything-but": ["a", "b"]}], ["c", 1], ["a", "b", ["a", "b"]]),
    ([{"anything-but": 5}], [6, "5", None], [5, 5.0]),
    ([{"anything-but": [1, 2]}], [3, "1"], [1, 2.0]),
    ([{"anything-but": {"prefix": "us-"}}], ["eu-1", 1], ["us-", "us-east"]),
    ([{"anything-but": {"prefix": ["us-", "eu-"]}}], ["ap-"], ["us-1", "eu-1"]),
    ([{"anything-but": {"suffix": ".png"}}], ["a.jpg", 1], ["a.png"]),
    ([{"anything-but": {"suffix": [".png", ".gif"]}}], ["a.jpg"], ["a.png", "b.gif"]),
    ([{"anything-but": {"equals-ignore-case": "init"}}], ["x", 1], ["INIT", "init"]),
    ([{"anything-but": {"equals-ignore-case": ["A", "b"]}}], ["c"], ["a", "B"]),
    ([{"anything-but": {"wildcard": "*/lib/*"}}], ["/bin/x", 1], ["/usr/lib/x", "/lib/"]),
    ([{"anything-but": {"wildcard": ["*.a", "*.b"]}}], ["x.c"], ["x.a", "x.b"]),
    ([{"numeric": ["=", 3]}], [3, 3.0], [4, "3", True, None]),
    ([{"numeric": ["<", 3]}], [2.9, -1], [3, "2"]),
    ([{"numeric": ["<=", 3]}], [3], [3.01]),
    ([{"numeric": [">", 0, "<=", 5]}], [1, 5, [9, 4]], [0, 5.1, "1", True, MISSING]),
    ([{"numeric": [">=", 0, "<", 5]}], [0, 4.9], [5, -0.1]),
    ([{"exists": True}], ["", None, 0, [1]], [{}, {"x": 1}, [], MISSING]),
    ([{"exists": False}], [MISSING, {"x": 1}, [], {}], ["", None, 0, [1]]),
    (["a", {"exists": False}], ["a", MISSING], ["b", None]),
    ([{"cidr": "10.0.0.0/24"}], ["10.0.0.0", "10.0.0.255"], ["10.0.1.0", "10.0.0", "::1", 1, "x"]),
    ([{"cidr": "10.0.0.7/24"}], ["10.0.0.1"], ["10.0.1.1"]),
    ([{"cidr": "2001:db8::/32"}], ["2001:db8::1"], ["2001:db9::1", "10.0.0.1"]),
    ([{"wildcard": "a*b"}], ["ab", "axxb", "a\nb"], ["a", "b", "abx", "xab", 1]),
    ([{"wildcard": "*"}], ["", "x"], [1, None, MISSING]),
    ([{"wildcard": "a*a"}], ["aa", "aba"], ["a"]),
    ([{"wildcard": "dir/*.png"}], ["dir/a.png", "dir/b/c.png"], ["dir/a.pngx", "d/a.png"]),
    ([{"wildcard": r"a\*\\*"}], ["a*\\", "a*\\x"], ["aa\\", "a*"]),
    ([{"prefix": "a"}, {"suffix": "z"}, 7], ["ab", "yz", 7], ["ba", 8]),
]  # fmt: skip


@pytest.mark.parametrize(("leaf", "passing", "failing"), CASES, ids=lambda case: json.dumps(
    case, default=lambda each: "missing"
)[:60])  # fmt: skip
def test_operators(leaf: Any, passing: list[Any], failing: list[Any]) -> None:
    for values, expected in ((passing, True), (failing, False)):
        for value in values:
            event = {"other": 1} if value is MISSING else {"field": value}
            assert matches({"field": leaf}, event) is expected, value
            # And the same a level down, where what is missing may be all of it.
            deeper = event if value is MISSING else {"in": event}
            assert matches({"in": {"field": leaf}}, deeper) is expected, value


def test_all_keys_have_to_match() -> None:
    pattern = {"a": ["x"], "b": {"c": [1], "d": [{"exists": False}]}}
    assert matches(pattern, {"a": "x", "b": {"c": 1}, "z": 0})
    assert not matches(pattern, {"a": "x", "b": {"c": 1, "d": 0}})
    assert not matches(pattern, {"a": "x", "b": {"c": 2}})
    assert not matches(pattern, {"a": "x", "b": "c"})
    assert not matches(pattern, {"a": "x"})


def test_what_is_asked_of_an_object_one_element_of_an_array_has_all_of() -> None:
    event = {"staff": [{"first": "A", "last": "B"}, [{"first": "C", "last": "D"}], 7]}
    assert matches({"staff": {"first": ["C"], "last": ["D"]}}, event)
    assert not matches({"staff": {"first": ["A"], "last": ["D"]}}, event)
    assert matches({"staff": {"first": ["A", "C"]}}, event)
    assert matches({"staff": [7]}, event)
    # Absent means: nowhere.
    assert not matches({"staff": {"first": [{"exists": False}]}}, {"staff": [{"first": 1}, {}]})


def test_alternatives() -> None:
    pattern = {
        "source": ["s"],
        "$or": [{"a": [1]}, {"b": {"c": ["x"]}}, {"$or": [{"d": [2]}, {"e": [3]}]}],
    }
    for event in ({"a": 1}, {"b": {"c": "x"}}, {"d": 2}, {"e": 3}):
        assert matches(pattern, {"source": "s"} | event)
        assert not matches(pattern, event)
    assert not matches(pattern, {"source": "s", "a": 2})
    assert matches({"in": {"$or": [{"a": [1]}, {"a": [2]}], "b": [3]}}, {"in": {"a": 2, "b": 3}})
    # With less than two objects, or with operators in it, it is a field of that name.
    assert matches({"$or": [{"prefix": "a"}, {"prefix": "b"}]}, {"$or": "bc"})
    assert matches({"$or": ["a"]}, {"$or": "a"})


@pytest.mark.parametrize(
    ("text", "reason", "where"),
    [
        ("", "Invalid JSON", "at the top"),
        ("{", "Invalid JSON", "at the top"),
        ('{"a": [NaN]}', "NaN is not JSON", "at the top"),
        ("[]", "Filter is not an object", "at the top"),
        ("7", "Filter is not an object", "at the top"),
        ("{}", "Empty objects are not allowed", "at the top"),
        ('{"a": {"b": {}}}', "Empty objects are not allowed", "at a.b"),
        ('{"a": "x"}', '"a" must be an object or an array', "at a"),
        ('{"a": {"b": 1}}', '"b" must be an object or an array', "at a.b"),
        ('{"a": []}', "Empty arrays are not allowed", "at a"),
        ('{"a": [[1]]}', "Match value must be String, number", "at a"),
        ('{"a": [{}]}', "Empty objects are not allowed", "at a"),
        ('{"a": [{"prefix": "x", "suffix": "y"}]}', "Only one key allowed", "at a"),
        ('{"a": [{"exists": true, "suffix": "y"}]}', "Only one key allowed", "at a"),
        ('{"a": [{"begins": "x"}]}', "Unrecognized match type begins", "at a"),
        ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string", "at a"),
        ('{"a": [{"prefix": {"suffix": "x"}}]}', "prefix may have equals-ignore-case", "at a"),
        ('{"a": [{"suffix": null}]}', "suffix match pattern must be a string", "at a"),
        ('{"a": [{"equals-ignore-case": 1}]}', "must be a string", "at a"),
        ('{"a": [{"exists": "true"}]}', "must be either true or false", "at a"),
        ('{"a": [{"cidr": "10.0.0.0"}]}', "one '/' required", "at a"),
        ('{"a": [{"cidr": "10.0.0.0/99"}]}', "Malformed CIDR", "at a"),
        ('{"a": [{"numeric": 1}]}', "Value of numeric must be an array.", "at a"),
        ('{"a": [{"numeric": []}]}', "Invalid member in numeric match", "at a"),
        ('{"a": [{"numeric": ["!=", 1]}]}', "Unrecognized numeric range operator: !=", "at a"),
        ('{"a": [{"numeric": ["=", "1"]}]}', "Value of = must be numeric", "at a"),
        ('{"a": [{"numeric": [">"]}]}', "Value of > must be numeric", "at a"),
        ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements", "at a"),
        ('{"a": [{"numeric": [">", 1, ">", 2]}]}', "Bad numeric range operator: >", "at a"),
        ('{"a": [{"numeric": [">", 2, "<", 1]}]}', "Bottom must be less than top", "at a"),
        ('{"a": [{"numeric": [">", 6e9]}]}', "Value must be between", "at a"),
        ('{"a": [{"numeric": [">", 1e999]}]}', "Value must be between", "at a"),
        ('{"a": [{"numeric": [">", 0, "<", 5, 1]}]}', "Too many elements", "at a"),
        ('{"a": [{"wildcard": "a**"}]}', "Consecutive wildcard characters at pos 1", "at a"),
        ('{"a": [{"wildcard": "a\\\\x"}]}', "Invalid escape character at pos 1", "at a"),
        ('{"a": [{"wildcard": "a\\\\"}]}', "Invalid escape character at pos 1", "at a"),
        ('{"a": [{"anything-but": []}]}', "Empty arrays are not allowed", "at a"),
        ('{"a": [{"anything-but": [1, "a"]}]}', "mixed type is not supported", "at a"),
        ('{"a": [{"anything-but": null}]}', "must be an array or single", "at a"),
        ('{"a": [{"anything-but": {"exists": true}}]}', "Unsupported anything-but", "at a"),
        ('{"a": [{"anything-but": {"prefix": ""}}]}', "not empty", "at a"),
        ('{"a": [{"anything-but": {"prefix": []}}]}', "Empty arrays are not allowed", "at a"),
        ('{"$or": [{"a": [1]}, {"b": 2}]}', '"b" must be an object or an array', "at b"),
        ('{"$or": {"a": 1}}', '"a" must be an object', "at $or.a"),
    ],
)
def test_what_is_no_pattern_is_told_where(text: str, reason: str, where: str) -> None:
    with pytest.raises(InvalidPattern) as refused:
        parse(text)
    assert reason in refused.value.reason
    assert refused.value.where == where


def test_patterns_are_bounded() -> None:
    deep = '{"a":' * DEPTH_MAX + '{"a":[1]}' + "}" * DEPTH_MAX
    parse(deep)
    too_many = [{"a": [number]} for number in range(11)]
    for text, reason in (
        ('{"a":' + deep + "}", "nested deeper"),
        ('{"a":' * 600 + "1" + "}" * 600, "nested deeper"),
        ('{"a": ["' + "x" * CHARACTERS_MAX + '"]}', f"at most {CHARACTERS_MAX}"),
        (json.dumps({key: {"$or": too_many} for key in "abc"}), "more than 1000 ways"),
    ):
        with pytest.raises(InvalidPattern, match=reason):
            parse(text)


def test_an_event_costs_a_bounded_time() -> None:
    """A wildcard that would keep a backtracking matcher busy for ages, and arrays without end."""
    hard = {"a": [{"wildcard": "*a" * 300 + "*b"}]}
    began = time.process_time()
    assert not matches(hard, {"a": "a" * 1_000_000})
    many = {"a": [{"suffix": str(number)} for number in range(200)]}
    with pytest.raises(EventTooComplex):
        matches(many, {"a": ["x"] * 100_000})
    nested: Any = 1
    for _ in range(900):
        nested = [nested]
    assert matches({"a": [1]}, {"a": nested})
    # By processor time, and of what would not end in a lifetime.
    assert time.process_time() - began < 60


SHORT = st.text("ab*\\/", max_size=8)


@given(parts=st.lists(st.text("ab\\*", max_size=3), min_size=1, max_size=5), value=SHORT)
@settings(max_examples=300, deadline=None)
def test_wildcards_are_what_a_regular_expression_says(parts: list[str], value: str) -> None:
    parts = [parts[0], *filter(None, parts[1:-1]), *parts[1:][-1:]]
    escaped = [re.sub(r"([\\*])", r"\\\1", part) for part in parts]
    expected = re.fullmatch(".*".join(map(re.escape, parts)), value, re.DOTALL) is not None
    assert matches({"a": [{"wildcard": "*".join(escaped)}]}, {"a": value}) is expected


SCALARS = st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=4)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from("abc"), inner),
    max_leaves=12,
)
EVENTS = st.dictionaries(st.sampled_from("abc"), VALUES)


def exact(event: dict[str, Any]) -> dict[str, Any]:
    """The pattern that asks for all that an event without arrays has."""
    asked: dict[str, Any] = {}
    for key, value in event.items():
        if isinstance(value, dict):
            inner = exact(value)
            asked |= {key: inner} if inner else {}
        elif not isinstance(value, list):
            asked[key] = [value]
    return asked


@given(event=EVENTS, changed=SCALARS)
@settings(max_examples=200, deadline=None)
def test_an_event_has_what_it_has_and_not_what_it_has_not(event: Any, changed: Any) -> None:
    pattern = exact(event)
    if not pattern:
        return
    assert matches(pattern, event)
    assert matches(pattern, event | {"d": changed})
    assert not matches(pattern | {"d": [changed]}, event)
    assert matches({"$or": [pattern, {"d": [changed]}]}, event)
    assert matches(pattern | {"d": [{"exists": False}]}, event)


@given(pattern=EVENTS, event=EVENTS)
@settings(max_examples=300, deadline=None)
def test_anything_is_a_pattern_or_is_told_to_be_none(pattern: Any, event: Any) -> None:
    try:
        parsed = parse(json.dumps(pattern))
    except InvalidPattern:
        return
    assert parsed.matches(event) in (True, False)
