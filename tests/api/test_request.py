"""What a request's parts become, by the model's types."""

import base64
import contextlib
import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.api.packages import CUT_CHARACTERS_MIN
from wasmfaas.api.request import bind
from wasmfaas.api.routing import Router
from wasmfaas.api.service_model import ServiceModel
from wasmfaas.errors import RequestEntityTooLarge, SerializationFailed

ROUTER = Router(ServiceModel.load().operations.values())
CREATE = ("POST", "/2015-03-31/functions")


def bound(
    method: str,
    target: str,
    body: Any = b"",
    headers: dict[str, str] | None = None,
) -> dict[str, Any]:
    path, _, query = target.partition("?")
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return bind(ROUTER.match(method, path.encode(), query.encode()), headers or {}, raw)


def refusal(method: str, target: str, body: Any = b"") -> str:
    with pytest.raises(SerializationFailed) as caught:
        bound(method, target, body)
    return caught.value.message


def test_members_come_from_all_parts_of_a_request() -> None:
    headers = {"x-amz-invocation-type": "DryRun", "x-other": "y"}
    target = "/2015-03-31/functions/f/invocations?Qualifier=%24LATEST&unknown=1"
    assert bound("POST", target, b"\xff{", headers) == {
        "FunctionName": "f",
        "Qualifier": "$LATEST",
        "InvocationType": "DryRun",
        "Payload": b"\xff{",
    }


def test_the_body_is_read_by_the_model() -> None:
    body = {
        "FunctionName": "f",
        "Code": {"ZipFile": "aGk="},
        "MemorySize": 128,
        "Publish": False,
        "Tags": {"a": "b"},
        "Architectures": ["arm64"],
        "VpcConfig": None,
        "Unknown": [1, 2],
    }
    assert bound(*CREATE, body) == {
        "FunctionName": "f",
        "Code": {"ZipFile": b"hi"},
        "MemorySize": 128,
        "Publish": False,
        "Tags": {"a": "b"},
        "Architectures": ["arm64"],
    }


def test_query_parameters_have_types_too() -> None:
    assert bound("GET", "/2015-03-31/functions?MaxItems=7")["MaxItems"] == 7
    assert bound("DELETE", "/2017-03-31/tags/a?tagKeys=a&tagKeys=b")["TagKeys"] == ["a", "b"]
    listed = bound(
        "GET",
        "/2025-12-01/functions/f/durable-executions?ReverseOrder=true&StartedAfter=2026-01-01",
    )
    assert listed["ReverseOrder"] is True
    assert listed["StartedAfter"] == 1767225600.0
    assert bound("GET", "/2018-10-31/layers/l/versions/12")["VersionNumber"] == 12


@pytest.mark.parametrize("text", ["x", "", "1.5", "--1", "1" * 30, "²"])
def test_query_parameters_of_a_wrong_type_are_refused(text: str) -> None:
    said = refusal("GET", f"/2015-03-31/functions?MaxItems={quote(text)}")
    assert said.endswith("can not be converted to an Integer at 'maxItems'")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"MemorySize": "128"}, "STRING_VALUE can not be converted to an Integer at 'memorySize'"),
        ({"MemorySize": True}, "TRUE_VALUE can not be converted to an Integer at 'memorySize'"),
        ({"MemorySize": 1.5}, "NUMBER_VALUE can not be converted to an Integer at 'memorySize'"),
        ({"MemorySize": 2**40}, "NUMBER_VALUE can not be converted to an Integer at 'memorySize'"),
        ({"FunctionName": 3}, "NUMBER_VALUE can not be converted to a String at 'functionName'"),
        ({"Code": "x"}, "STRING_VALUE can not be converted to a Structure at 'code'"),
        ({"Code": []}, "START_ARRAY can not be converted to a Structure at 'code'"),
        ({"Code": {"ZipFile": 1}}, "NUMBER_VALUE can not be converted to a Blob at 'code.zipFile'"),
        ({"Code": {"ZipFile": "?"}}, "The value at 'code.zipFile' is not valid base64."),
        ({"Code": {"ZipFile": "é"}}, "The value at 'code.zipFile' is not valid base64."),
        ({"Tags": [1]}, "START_ARRAY can not be converted to a Map at 'tags'"),
        ({"Tags": {"a": 1}}, "NUMBER_VALUE can not be converted to a String at 'tags.a.member'"),
        ({"Layers": {}}, "START_OBJECT can not be converted to a List at 'layers'"),
        ({"Publish": "true"}, "STRING_VALUE can not be converted to a Boolean at 'publish'"),
        ([], "START_ARRAY can not be converted to a Structure"),
        (None, "NULL can not be converted to a Structure"),
        ({"Description": "\ud800"}, "'description' is not valid Unicode"),
        ({"Environment": {"Variables": {"A": "\0"}}}, "has a NUL character"),
        (b"{", "Could not parse request body into json: Expecting property name"),
        (b'{"MemorySize": NaN}', "Could not parse request body into json: NaN is not JSON"),
        (b'{"MemorySize": ' + b"1" * 5000 + b"}", "Could not parse request body into json: "),
        (b"[" * 100_000, "it is nested too deeply"),
        (b"\xff\xfe{\0}\0", "Could not parse request body into json: 'utf-8' codec"),
    ],
)
def test_a_body_of_another_form_is_refused(body: Any, said: str) -> None:
    assert said in refusal(*CREATE, body)


def test_large_packages_are_bound_like_small_ones() -> None:
    package = bytes(range(256)) * 1000
    text = base64.b64encode(package).decode()
    assert bound(*CREATE, {"Code": {"ZipFile": text}, "Timeout": 3}) == {
        "Code": {"ZipFile": package},
        "Timeout": 3,
    }
    assert "not valid base64" in refusal(*CREATE, {"Code": {"ZipFile": text + "="}})


def test_json_beside_the_package_is_small() -> None:
    body = {"Code": {"ZipFile": "AAAA" * 10**6}, "Layers": [["[]"]] * 200_000}
    with pytest.raises(RequestEntityTooLarge, match=r"bytes of JSON beside the package"):
        bound(*CREATE, body)
    del body["Layers"]
    assert len(bound(*CREATE, body)["Code"]["ZipFile"]) == 3 * 10**6


def test_what_only_looks_like_a_large_package_is_still_a_string() -> None:
    text = "x" * CUT_CHARACTERS_MIN
    body = {"Environment": {"Variables": {"ZipFile": text}}}
    assert bound(*CREATE, body) == body
    raw = json.dumps(body).encode()
    assert "Invalid control character" in refusal(*CREATE, raw.replace(b"x" * 9, b"\1" * 9, 1))
    assert "utf-8" in refusal(*CREATE, raw.replace(b"x" * 9, b"\xff" * 9, 1))


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)
MEMBERS = sorted(ServiceModel.load().operations["CreateFunction"].input.members)


@given(st.dictionaries(st.sampled_from(MEMBERS), JSON, max_size=4) | JSON | st.binary())
def test_any_body_is_bound_or_refused(body: Any) -> None:
    with contextlib.suppress(SerializationFailed):
        bound(*CREATE, body)
