"""The response that a function's answer stands for."""

import base64
import contextlib
import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.errors import TooManyRequests
from wasmfaas.triggers import http_response
from wasmfaas.triggers.http_response import MalformedAnswer, Response


def infer(answer: Any) -> Response:
    return http_response.infer(json.dumps(answer).encode())


def header(response: Response, name: str) -> list[str]:
    return [value.decode() for key, value in response.headers if key.decode() == name]


@pytest.mark.parametrize(
    ("payload", "body"),
    [
        (b'{"hello": "world"}', b'{"hello":"world"}'),
        (b'["hello", 3, true]', b'["hello",3,true]'),
        (b'"hello"', b"hello"),
        ('"h\\u00e9 日"'.encode(), "hé 日".encode()),
        (b"3", b"3"),
        (b"3.1", b"3.1"),
        (b"true", b"true"),
        (b"null", b"null"),
        (b"[1E2, 1e400]", b"[1E2, 1e400]"),
        (b'{"a": NaN}', b'{"a": NaN}'),
        (b'"half \\ud83d"', b"half ?"),
        (b"not json", b"not json"),
    ],
)
def test_what_is_not_a_response_is_a_body(payload: bytes, body: bytes) -> None:
    response = http_response.infer(payload)
    assert (response.status, response.body) == (200, body)
    assert response.headers == [(b"content-type", b"application/json")]


@pytest.mark.parametrize(
    ("chunk", "status", "body"),
    [
        (b"plain", 200, b"plain"),
        (b'{"statusCode": 201}' + bytes(8) + b"body", 201, b"body"),
        (b'{"statusCode": "404", "body": "ignored"}' + bytes(9), 404, b"\0"),
        (b"{}" + bytes(8), 200, b""),
        (b'{"statusCode": 201}' + bytes(7), 200, b'{"statusCode": 201}' + bytes(7)),
        (b"{not json" + bytes(8), 200, b"{not json" + bytes(8)),
        (b"PNG" + bytes(8), 200, b"PNG" + bytes(8)),
    ],
)
def test_a_first_part_may_begin_with_a_prelude(chunk: bytes, status: int, body: bytes) -> None:
    response = http_response.parted(chunk)
    assert (response.status, response.body) == (status, body)
    assert header(response, "content-type") == ["application/octet-stream"]


def test_a_prelude_can_break_no_head() -> None:
    for members in ({"statusCode": 99}, {"headers": {"a": "b\r\nc: d"}}, {"headers": 3}):
        with pytest.raises(MalformedAnswer):
            http_response.parted(json.dumps(members).encode() + bytes(8))


def test_a_response_has_its_status_headers_and_body() -> None:
    response = infer(
        {
            "statusCode": 201,
            "headers": {"Content-Type": "text/html", "X-Custom": "Custom Value"},
            "cookies": ["a=1; Path=/", "b=2"],
            "body": '{"message": "é"}',
            "isBase64Encoded": False,
        }
    )
    assert response.status == 201
    assert response.headers == [
        (b"content-type", b"text/html"),
        (b"x-custom", b"Custom Value"),
        (b"set-cookie", b"a=1; Path=/"),
        (b"set-cookie", b"b=2"),
    ]
    assert response.body == '{"message": "é"}'.encode()


def test_a_response_is_json_unless_it_says_otherwise() -> None:
    response = infer({"statusCode": "418"})
    assert (response.status, response.body) == (418, b"")
    assert header(response, "content-type") == ["application/json"]


@pytest.mark.parametrize(
    "status", [99, 100, 101, 199, 600, 0, -1, "", "20x", "2 00", "٢٠٠", None, True, 200.0, [], {}]
)
def test_other_statuses_are_malformed(status: Any) -> None:
    with pytest.raises(MalformedAnswer, match=r"statusCode is .* must be 200 to 599"):
        infer({"statusCode": status})


def test_base64_bodies_are_decoded() -> None:
    octets = bytes(range(256))
    for text in (base64.b64encode(octets), base64.encodebytes(octets)):
        answer = {"statusCode": 200, "body": text.decode(), "isBase64Encoded": True}
        assert infer(answer).body == octets


@pytest.mark.parametrize("body", ["é", "abc", "a===", "ab!=", "YQ==YQ=="])
def test_a_body_that_is_not_base64_is_malformed(body: str) -> None:
    with pytest.raises(MalformedAnswer, match="must be base64"):
        infer({"statusCode": 200, "body": body, "isBase64Encoded": True})


@pytest.mark.parametrize(
    ("body", "sent"),
    [({"a": [1, 2]}, b'{"a":[1,2]}'), ([], b"[]"), (5, b"5"), (False, b"false"), (None, b"")],
)
def test_a_body_that_is_not_a_string_is_sent_as_json(body: Any, sent: bytes) -> None:
    assert infer({"statusCode": 200, "body": body}).body == sent


def test_header_values_that_are_not_strings_are_spelt_as_json_does() -> None:
    response = infer(
        {
            "statusCode": 200,
            "headers": {
                "a": 5,
                "b": True,
                "c": 1.5,
                "d": None,
                "e": ["x", 1],
                "f": [],
                "g": " v\t",
            },
        }
    )
    values = {name: header(response, name) for name in "abcdefg"}
    assert values == {
        "a": ["5"], "b": ["true"], "c": ["1.5"], "d": [], "e": ["x,1"], "f": [], "g": ["v"],
    }  # fmt: skip


def test_cookies_are_never_joined() -> None:
    answer = {"statusCode": 200, "headers": {"Set-Cookie": ["a=1", "b=2"]}, "cookies": ["c=3"]}
    assert header(infer(answer), "set-cookie") == ["a=1", "b=2", "c=3"]


@pytest.mark.parametrize("name", ["Content-Type", "content-TYPE"])
def test_a_header_in_two_spellings_is_sent_once(name: str) -> None:
    answer = {"statusCode": 200, "headers": {"CONTENT-TYPE": "a/b", name: "text/css"}}
    assert header(infer(answer), "content-type") == ["text/css"]


@pytest.mark.parametrize("bad", ["a\r\nx: y", "a\nb", "a\rb", "a\0b", "\x7f", "a\x1fb"])
@pytest.mark.parametrize("where", ["header", "list", "cookie"])
def test_no_value_can_end_a_header(bad: str, where: str) -> None:
    answers: dict[str, dict[str, Any]] = {
        "header": {"headers": {"x-a": bad}},
        "list": {"headers": {"x-a": ["ok", bad]}},
        "cookie": {"cookies": [bad]},
    }
    with pytest.raises(MalformedAnswer, match="control characters"):
        infer({"statusCode": 200, **answers[where]})


@pytest.mark.parametrize("name", ["", "a b", "a:b", "a\r\nb", "é", "a\0", '"a"', " a"])
def test_no_name_can_break_the_head(name: str) -> None:
    with pytest.raises(MalformedAnswer, match="which HTTP does not allow"):
        infer({"statusCode": 200, "headers": {name: "v"}})


@pytest.mark.parametrize(
    "name",
    [
        "Content-Length",
        "transfer-encoding",
        "Connection",
        "keep-alive",
        "Upgrade",
        "Trailer",
        "X-Amzn-RequestId",
        "X-Wasmfaas-Fuel",
        "Date",
    ],
)
def test_what_is_the_servers_to_say_is_dropped(name: str) -> None:
    response = infer({"statusCode": 200, "headers": {name: "5", "x-kept": "1"}, "body": "hello"})
    assert header(response, name.lower()) == []
    assert header(response, "x-kept") == ["1"]


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"headers": ["a"]}, 'headers is ["a"], but must be an object.'),
        ({"headers": {"a": {}}}, 'header "a" is {}, but must be a string.'),
        ({"cookies": "a=1"}, 'cookies is "a=1", but must be a list of strings.'),
        ({"cookies": [1]}, "cookies is [1], but must be a list of strings."),
    ],
)
def test_malformed_members_are_named(answer: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedAnswer) as raised:
        infer({"statusCode": 200, **answer})
    assert str(raised.value) == reason


@pytest.mark.parametrize("where", ["alone", "body", "headers", "statusCode"])
def test_deep_nesting_is_no_fault_of_ours(where: str) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    payload = (
        deep if where == "alone" else b'{"statusCode": 200, "%s": %s}' % (where.encode(), deep)
    )
    assert http_response.infer(payload).body == payload


@pytest.mark.parametrize("depth", range(900, 1000, 3))
def test_nesting_that_can_be_read_but_hardly_written_is_sent_or_malformed(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    with contextlib.suppress(MalformedAnswer):
        assert deep in http_response.infer(b'{"statusCode": 200, "body": %s}' % deep).body


@pytest.mark.parametrize(
    ("method", "status", "length", "body"),
    [
        ("GET", 200, [b"5"], b"hello"),
        ("HEAD", 200, [b"5"], b""),
        ("GET", 204, [], b""),
        ("GET", 304, [], b""),
        ("HEAD", 304, [], b""),
        ("POST", 500, [b"5"], b"hello"),
    ],
)
def test_framing(method: str, status: int, length: list[bytes], body: bytes) -> None:
    headers, sent = Response(status, [], b"hello").framed(method)
    assert [value for name, value in headers if name == b"content-length"] == length
    assert sent == body


def test_a_head_without_a_body_claims_no_length() -> None:
    assert Response(200, [], b"").framed("HEAD") == ([], b"")
    assert Response(200, [], b"").framed("GET") == ([(b"content-length", b"0")], b"")


def test_a_guests_words_are_made_printable() -> None:
    response = http_response.bad_gateway("Evil\r\nset-cookie: a=1" + "é" * 1000)
    assert (response.status, response.body) == (502, b"Internal Server Error")
    [reason] = header(response, "x-wasmfaas-error")
    assert reason.startswith("Evil??set-cookie: a=1???")
    assert len(reason) == 300


def test_a_refusal_is_lambdas_error() -> None:
    error = TooManyRequests("Rate Exceeded.", reason="ConcurrentInvocationLimitExceeded")
    response = http_response.refusal(error)
    assert response.status == 429
    assert header(response, "retry-after") == ["1"]
    assert header(response, "x-amzn-errortype") == ["TooManyRequestsException"]
    assert json.loads(response.body)["message"] == "Rate Exceeded."


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
answers = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
responses = st.fixed_dictionaries(
    {"statusCode": st.integers(150, 650) | scalars},
    optional={
        "headers": st.dictionaries(st.text(max_size=8), scalars | st.lists(scalars)) | answers,
        "cookies": st.lists(st.text()) | answers,
        "body": answers,
        "isBase64Encoded": st.booleans() | scalars,
    },
)
HEADER = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+: [^\x00-\x08\x0a-\x1f\x7f]*")


@given(answer=answers | responses)
def test_every_answer_is_a_wellformed_response_or_malformed(answer: Any) -> None:
    try:
        response = infer(answer)
    except MalformedAnswer:
        return
    headers, body = response.framed("GET")
    assert 200 <= response.status <= 599
    assert all(HEADER.fullmatch(name + b": " + value) for name, value in headers)
    lengths = [value for name, value in headers if name == b"content-length"]
    assert lengths == ([] if response.status in (204, 304) else [b"%d" % len(body)])
