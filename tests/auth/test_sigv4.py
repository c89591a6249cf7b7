"""Signatures that AWS has published, in its test suite for signers and in its documentation."""

import hashlib

import pytest

from wasmfaas.auth.sigv4 import (
    Request,
    Scope,
    canonical_query,
    canonical_request,
    signature,
    signing_key,
)

SCOPE = Scope("20150830", "us-east-1", "service")
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
MOMENT = "20150830T123600Z"
VANILLA = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"
HEADERS = ((b"host", b"example.amazonaws.com"), (b"x-amz-date", MOMENT.encode()))
FORM = (b"content-type", b"application/x-www-form-urlencoded")
UNRESERVED = b"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@pytest.mark.parametrize(
    ("method", "target", "headers", "body", "expected"),
    [
        ("GET", b"/", [], b"", VANILLA),
        ("GET", b"/.//", [], b"", VANILLA),
        ("GET", b"/example/..", [], b"", VANILLA),
        ("GET", b"/example1/example2/../..", [], b"", VANILLA),
        ("GET", b"/./example", [], b"",
         "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5"),
        ("POST", b"/?Param1=value1", [], b"",
         "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"),
        ("GET", b"//example//", [], b"",
         "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84"),
        ("GET", b"/example space/", [], b"",
         "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"),
        ("GET", "/ሴ".encode(), [], b"",
         "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
        ("GET", b"/" + UNRESERVED, [], b"",
         "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"),
        ("GET", b"/?Param2=value2&Param1=value1", [], b"",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"),
        ("GET", b"/?Param1=value2&Param1=Value1", [], b"",
         "eedbc4e291e521cf13422ffca22be7d2eb8146eecf653089df300a15b2382bd1"),
        ("GET", "/?ሴ=bar".encode(), [], b"",
         "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"),
        ("GET", b"/", [(b"my-header1", b"value2"), (b"my-header1", b"value2"),
                       (b"my-header1", b"value1")], b"",
         "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"),
        ("GET", b"/", [(b"my-header1", b" value1"), (b"my-header2", b' "a   b   c"')], b"",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"),
        ("POST", b"/", [], b"",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
        ("POST", b"/", [(b"my-header1", b"VALUE1")], b"",
         "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"),
        ("POST", b"/", [(b"my-header1", b"value1")], b"",
         "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"),
        ("POST", b"/", [FORM], b"Param1=value1",
         "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"),
    ],
)  # fmt: skip
def test_the_published_suite(
    method: str, target: bytes, headers: list[tuple[bytes, bytes]], body: bytes, expected: str
) -> None:
    path, _, query = target.partition(b"?")
    request = Request(method, path, query, (*HEADERS, *headers))
    canonical = canonical_request(
        request,
        canonical_query(query),
        sorted({name for name, _ in request.headers}),
        hashlib.sha256(body).hexdigest(),
    )
    assert signature(signing_key(SECRET, SCOPE), MOMENT, SCOPE, canonical) == expected


def test_the_published_signing_key() -> None:
    key = signing_key(SECRET, Scope("20150830", "us-east-1", "iam"))
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
