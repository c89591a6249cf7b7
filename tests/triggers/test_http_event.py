"""The event that a function gets for a request."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.triggers.scopes import Pairs, http_scope
from wasmfaas.triggers import http_event

REQUEST = http_event.Request(
    request_id="5f2f2f9e-8a5c-4a57-9f5e-0d7f4b1f2a31",
    trace_id="Root=1-5e6a3a9e-000102030405060708090a0b",
    url_id="a" * 32,
    domain="a" * 32 + ".lambda-url.us-east-1.localhost",
    raw_path="/",
    now_ms=1_584_039_838_123,
)
MIB = 1024 * 1024


def event(
    body: bytes = b"",
    headers: Pairs = (),
    *,
    target: str = "/",
    method: str = "GET",
    **scope: Any,
) -> dict[str, Any]:
    text = http_event.build(http_scope(method, target, headers, **scope), body, REQUEST)
    built: dict[str, Any] = json.loads(text)
    return built


def test_a_bare_request_has_no_empty_members() -> None:
    assert event(headers=[("Host", "localhost:3001")]) == {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/",
        "rawQueryString": "",
        "headers": {
            "host": "localhost:3001",
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-proto": "http",
            "x-forwarded-port": "3001",
            "x-amzn-trace-id": "Root=1-5e6a3a9e-000102030405060708090a0b",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "a" * 32,
            "domainName": "a" * 32 + ".lambda-url.us-east-1.localhost",
            "domainPrefix": "a" * 32,
            "http": {
                "method": "GET",
                "path": "/",
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": "",
            },
            "requestId": "5f2f2f9e-8a5c-4a57-9f5e-0d7f4b1f2a31",
            "routeKey": "$default",
            "stage": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1584039838123,
        },
        "isBase64Encoded": False,
    }


def test_headers_are_lower_case_and_repeated_ones_are_joined() -> None:
    headers = event(headers=[("X-One", "a"), ("x-ONE", "b"), ("X-Two", "c")])["headers"]
    assert headers["x-one"] == "a,b"
    assert headers["x-two"] == "c"


def test_headers_of_the_connection_stay_out() -> None:
    headers = event(headers=[("Connection", "keep-alive, x"), ("TE", "gzip"), ("X", "y")])[
        "headers"
    ]
    assert "connection" not in headers
    assert "te" not in headers
    assert headers["x"] == "y"


@pytest.mark.parametrize(
    ("octets", "text"), [("é 日本".encode(), "é 日本"), (b"\xe9", "é"), (b"", "")]
)
def test_header_values_are_utf8_where_they_can_be(octets: bytes, text: str) -> None:
    scope = http_scope()
    scope["headers"] = [(b"x-text", octets)]
    built = json.loads(http_event.build(scope, b"", REQUEST))
    assert built["headers"]["x-text"] == text


def test_cookies_are_split_and_also_stay_a_header_as_on_function_urls() -> None:
    built = event(headers=[("Cookie", "a=1; b=2;"), ("Cookie", "c=3")])
    assert built["cookies"] == ["a=1", "b=2", "c=3"]
    assert built["headers"]["cookie"] == "a=1; b=2;; c=3"


@pytest.mark.parametrize(
    ("query", "parameters"),
    [
        ("a=1&b=2&a=3", {"a": "1,3", "b": "2"}),
        ("a=x%20y+z&%C3%A9=%E6%97%A5", {"a": "x y z", "é": "日"}),
        ("flag&empty=", {"flag": "", "empty": ""}),
        ("bad=%FF", {"bad": "\ufffd"}),
    ],
)
def test_the_query_is_there_as_sent_and_decoded(query: str, parameters: dict[str, str]) -> None:
    built = event(target=f"/?{query}")
    assert built["rawQueryString"] == query
    assert built["queryStringParameters"] == parameters


def test_a_query_without_parameters_has_no_member() -> None:
    assert "queryStringParameters" not in event(target="/?&&")


@pytest.mark.parametrize(
    "content_type",
    [
        "text/plain",
        "TEXT/HTML; charset=utf-8",
        "application/json",
        "application/xml",
        "application/javascript",
        "application/problem+json; x=y",
        "image/svg+xml",
    ],
)
def test_text_is_text(content_type: str) -> None:
    built = event("{é}".encode(), [("Content-Type", content_type)], method="POST")
    assert (built["body"], built["isBase64Encoded"]) == ("{é}", False)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/octet-stream",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=text/plain",
        "image/png",
        "",
        None,
    ],
)
def test_everything_else_is_base64_as_on_lambda(content_type: str | None) -> None:
    headers = [] if content_type is None else [("Content-Type", content_type)]
    built = event(b"a=1", headers, method="POST")
    assert (built["body"], built["isBase64Encoded"]) == ("YT0x", True)


def test_text_that_is_not_utf8_is_base64() -> None:
    built = event(b"\xe9", [("Content-Type", "text/plain; charset=iso-8859-1")])
    assert (built["body"], built["isBase64Encoded"]) == ("6Q==", True)


def test_a_large_body_of_control_characters_does_not_grow_sixfold() -> None:
    body = b"\x01" * (6 * MIB)
    text = http_event.build(http_scope(headers=[("Content-Type", "text/plain")]), body, REQUEST)
    assert len(text) < 9 * MIB
    assert json.loads(text)["isBase64Encoded"] is True


@given(
    body=st.binary(max_size=200),
    content_type=st.sampled_from(["text/plain", "application/json", "image/png"]),
)
def test_every_body_can_be_had_back(body: bytes, content_type: str) -> None:
    built = event(body, [("Content-Type", content_type)])
    sent = built.get("body", "")
    assert ("body" in built) == bool(body)
    assert body == (base64.b64decode(sent) if built["isBase64Encoded"] else sent.encode())


@given(
    pairs=st.lists(st.tuples(st.binary(min_size=1, max_size=9), st.binary(max_size=20))),
    query=st.binary(max_size=40),
)
def test_no_request_breaks_the_event(pairs: list[tuple[bytes, bytes]], query: bytes) -> None:
    scope = http_scope()
    scope["headers"] = [(name.lower(), value) for name, value in pairs]
    scope["query_string"] = query
    assert json.loads(http_event.build(scope, b"", REQUEST))["version"] == "2.0"


def test_a_proxy_in_front_keeps_its_clients_address() -> None:
    headers = event(headers=[("X-Forwarded-For", "203.0.113.7"), ("X-Forwarded-Port", "443")])[
        "headers"
    ]
    assert headers["x-forwarded-for"] == "203.0.113.7, 127.0.0.1"
    assert headers["x-forwarded-port"] == "3001"


def test_a_unix_socket_has_no_addresses() -> None:
    built = event(client=None, server=None)
    assert built["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert "x-forwarded-port" not in built["headers"]


def test_trace_ids_have_the_form_of_xray() -> None:
    trace_id = http_event.new_trace_id(1_584_039_838_123, bytes(range(12)))
    assert trace_id == "Root=1-5e6a879e-000102030405060708090a0b"


def test_a_server_that_tells_no_raw_path_gets_an_encoded_one() -> None:
    scope = http_scope()
    del scope["raw_path"]
    scope["path"] = "/a b/é"
    assert http_event.raw_path(scope) == "/a%20b/%C3%A9"
