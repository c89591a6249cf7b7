"""CORS as configured for a function URL."""

from typing import Any

import pytest

from tests.triggers.scopes import http_scope
from wasmfaas.triggers.cors import Cors
from wasmfaas.triggers.http_response import Response

EVERYTHING = {
    "AllowCredentials": True,
    "AllowHeaders": ["*"],
    "AllowMethods": ["*"],
    "AllowOrigins": ["*"],
    "ExposeHeaders": ["x-a", "x-b"],
    "MaxAge": 300,
}
ORIGIN = ("Origin", "https://example.com")


def cors(**members: Any) -> Cors:
    configured = Cors.configured(members)
    assert configured is not None
    return configured


def preflight(configured: Cors, *headers: tuple[str, str]) -> dict[bytes, bytes]:
    scope = http_scope("OPTIONS", "/", [ORIGIN, ("Access-Control-Request-Method", "PUT"), *headers])
    response = configured.preflight(scope)
    assert response is not None
    assert (response.status, response.body) == (200, b"")
    return dict(response.headers)


def applied(configured: Cors, *headers: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    function_says = [
        (b"access-control-allow-origin", b"https://evil.example"),
        (b"access-control-allow-credentials", b"true"),
        (b"content-type", b"text/plain"),
    ]
    scope = http_scope("GET", "/", headers)
    return configured.applied(scope, Response(200, function_says, b"")).headers


@pytest.mark.parametrize("members", [None, {}])
def test_nothing_configured_is_no_cors(members: Any) -> None:
    assert Cors.configured(members) is None


def test_a_preflight_is_granted_what_is_listed() -> None:
    configured = cors(
        AllowOrigins=["https://EXAMPLE.com", "https://other.example"],
        AllowMethods=["PUT", "GET"],
        AllowHeaders=["x-a", "content-type"],
        MaxAge=0,
    )
    assert preflight(configured, ("Access-Control-Request-Headers", "x-z")) == {
        b"access-control-allow-origin": b"https://example.com",
        b"access-control-allow-methods": b"PUT,GET",
        b"access-control-allow-headers": b"x-a,content-type",
        b"access-control-max-age": b"0",
        b"vary": b"Origin",
    }


def test_wildcards_with_credentials_are_granted_by_name() -> None:
    granted = preflight(cors(**EVERYTHING), ("Access-Control-Request-Headers", "x-z,x-y"))
    assert granted == {
        b"access-control-allow-origin": b"https://example.com",
        b"access-control-allow-credentials": b"true",
        b"access-control-allow-methods": b"PUT",
        b"access-control-allow-headers": b"x-z,x-y",
        b"access-control-max-age": b"300",
        b"vary": b"Origin",
    }


def test_an_origin_that_is_not_listed_is_granted_nothing() -> None:
    configured = cors(**{**EVERYTHING, "AllowOrigins": ["https://example.org"]})
    assert preflight(configured) == {b"vary": b"Origin"}


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", [ORIGIN, ("Access-Control-Request-Method", "GET")]),
        ("OPTIONS", [ORIGIN]),
        ("OPTIONS", [("Access-Control-Request-Method", "GET")]),
    ],
)
def test_other_requests_are_the_functions(method: str, headers: list[tuple[str, str]]) -> None:
    assert cors(**EVERYTHING).preflight(http_scope(method, "/", headers)) is None


def test_what_is_configured_wins_over_what_the_function_says() -> None:
    assert applied(cors(**EVERYTHING), ORIGIN) == [
        (b"content-type", b"text/plain"),
        (b"vary", b"Origin"),
        (b"access-control-allow-origin", b"https://example.com"),
        (b"access-control-allow-credentials", b"true"),
        (b"access-control-expose-headers", b"x-a,x-b"),
    ]


def test_everyone_without_credentials_is_a_wildcard() -> None:
    assert applied(cors(AllowOrigins=["*"]), ORIGIN) == [
        (b"content-type", b"text/plain"),
        (b"access-control-allow-origin", b"*"),
    ]


@pytest.mark.parametrize("headers", [[], [("Origin", "null")], [("Origin", "https://example.co")]])
def test_the_function_lets_nobody_in_that_is_not_listed(headers: list[tuple[str, str]]) -> None:
    configured = cors(AllowOrigins=["https://example.com"], AllowCredentials=True)
    assert applied(configured, *headers) == [
        (b"content-type", b"text/plain"),
        (b"vary", b"Origin"),
    ]


def test_neither_configuration_nor_request_can_end_a_header() -> None:
    configured = cors(
        AllowOrigins=["*"],
        AllowCredentials=True,
        AllowHeaders=["*"],
        AllowMethods=["GET\r\nx: y", "PUT"],
        ExposeHeaders=["a\nb", "x-c"],
    )
    granted = preflight(configured, ("Access-Control-Request-Headers", "a\r\nb"))
    assert granted[b"access-control-allow-methods"] == b"PUT"
    assert b"access-control-allow-headers" not in granted
    assert (b"access-control-expose-headers", b"x-c") in applied(configured, ORIGIN)
    assert applied(configured, ("Origin", "a\r\nb")) == [
        (b"content-type", b"text/plain"),
        (b"vary", b"Origin"),
    ]
