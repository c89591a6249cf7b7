"""Servers that the operator names for event sources."""

import pytest

from wasmfaas.declaration import InvalidSetting
from wasmfaas.exposure import named_endpoints
from wasmfaas.settings import load


def test_urls_by_name() -> None:
    text = " redis=redis://:p%40ss=word@host:1/0\n other=unix:///run/redis.sock"
    assert named_endpoints(text) == {
        "redis": "redis://:p%40ss=word@host:1/0",
        "other": "unix:///run/redis.sock",
    }
    assert named_endpoints("") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a=redis://x pas$word", "entry 2 is not NAME=URL"),
        ("=redis://:pas$word@x", "entry 1 is not NAME=URL"),
        ("a=", "entry 1 is not NAME=URL"),
        ("a=pas$word://x", "the URL of a has to begin with one of "),
        ("a=redis://", "the URL of a has to begin with one of "),
        ("a=redis://x a=redis://:pas$word@y", "a is named twice"),
    ],
)
def test_what_is_no_endpoint_is_refused_without_its_password(text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        load({"WASMFAAS_EVENT_SOURCE_ENDPOINTS": text}, {})
    assert str(refused.value).startswith(f"WASMFAAS_EVENT_SOURCE_ENDPOINTS: {reason}")
    assert "pas$word" not in str(refused.value)
