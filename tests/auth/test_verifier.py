"""botocore signs, we verify: what it signed passes, and nothing else does."""

import dataclasses
import hashlib
from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.auth.signing import KEY, NOW, REGION, signed
from wasmfaas.auth import claims
from wasmfaas.auth.principals import AccessKey, Role
from wasmfaas.auth.sigv4 import Request, Scope, authorization
from wasmfaas.auth.verifier import MISMATCH, Verifier
from wasmfaas.errors import (
    IncompleteSignature,
    InvalidSignature,
    MissingAuthentication,
    NotAuthenticated,
    UnrecognizedClient,
)

BODY = b'{"name": "Ada"}'
HEADERS = {
    "Content-Type": "application/json",
    "X-Amz-Client-Context": "e30=",
    "X-Amz-Log-Type": "Tail",
    "User-Agent": "test",
}
TARGET = "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A000000000000%3Afunction%3Af"


def verify(
    request: Request,
    body: bytes = b"",
    *,
    now: float = NOW,
    services: tuple[str, ...] = ("lambda",),
) -> AccessKey:
    verifier = Verifier({KEY.id: KEY}, REGION, lambda: now)
    claim = claims.read(request)
    key = verifier.examine(claim, services)
    verifier.prove(claim, key, hashlib.sha256(body).hexdigest())
    return key


def refused(request: Request, body: bytes = b"", *, now: float = NOW) -> NotAuthenticated:
    with pytest.raises(NotAuthenticated) as caught:
        verify(request, body, now=now)
    assert KEY.secret not in caught.value.message
    return caught.value


def changed(request: Request, name: bytes, value: bytes | None) -> Request:
    """*request* with another value of one header, or without it."""
    kept = [(key, old) for key, old in request.headers if key != name]
    return dataclasses.replace(
        request, headers=tuple(kept if value is None else [*kept, (name, value)])
    )


class TestWhatIsSigned:
    @pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "HEAD"])
    def test_passes(self, method: str) -> None:
        assert verify(signed(method, f"{TARGET}?Qualifier=%24LATEST", BODY, HEADERS), BODY) is KEY

    def test_passes_presigned(self) -> None:
        target = f"{TARGET}?Qualifier=a&Marker=b%2Fc"
        assert verify(signed("GET", target, expires_s=60), now=NOW + 60) is KEY

    @given(
        path=st.text(min_size=1, max_size=30),
        query=st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=5),
        body=st.binary(max_size=50),
        context=st.text(
            st.characters(codec="ascii", categories=["L", "N", "P", "Zs"]), max_size=30
        ),
        presigned=st.booleans(),
    )
    @settings(max_examples=60, deadline=None)
    def test_passes_whatever_it_says(
        self, path: str, query: dict[str, str], body: bytes, context: str, presigned: bool
    ) -> None:
        target = "/" + quote(path, safe="/~").lstrip("/")
        if query:
            target += "?" + urlencode(query, quote_via=quote)
        body = b"" if presigned else body  # botocore would put it into the query
        request = signed(
            "POST", target, body, {"X-Amz-Client-Context": context},
            expires_s=60 if presigned else None,
        )  # fmt: skip
        assert verify(request, body) is KEY

    @given(st.dictionaries(st.text(min_size=1, max_size=10), st.text(max_size=10), max_size=5))
    @settings(max_examples=25, deadline=None)
    def test_passes_where_spaces_are_pluses(self, params: dict[str, str]) -> None:
        assert verify(signed("GET", "/", params=params)) is KEY

    def test_passes_with_folded_and_repeated_headers(self) -> None:
        request = signed(headers={"X-Amz-Meta": "  a   b "})
        assert verify(changed(request, b"x-amz-meta", b"a b")) is KEY
        request = signed(headers={"X-Amz-Meta": "a,b"})
        headers = [pair for pair in request.headers if pair[0] != b"x-amz-meta"]
        headers += [(b"x-amz-meta", b"a"), (b"x-amz-meta", b"b")]
        assert verify(dataclasses.replace(request, headers=tuple(headers))) is KEY

    def test_passes_with_a_date_header_in_place_of_ours(self) -> None:
        request = signed(headers={"Date": "whenever"})
        assert b"x-amz-date" not in dict(request.headers)
        assert verify(request) is KEY

    def test_passes_with_a_hash_of_the_body_in_a_header(self) -> None:
        digest = hashlib.sha256(BODY).hexdigest()
        request = signed(body=BODY, headers={"X-Amz-Content-SHA256": digest})
        assert verify(request, BODY) is KEY
        assert "does not match what was computed" in refused(request, b"other").message

    def test_a_name_with_dots_and_slashes_is_signed_without_them(self) -> None:
        assert verify(signed("GET", "/a//b/./c/../d/")) is KEY

    def test_our_own_signer_signs_as_botocore_does(self) -> None:
        request = signed("PUT", f"{TARGET}?b=1&a=%20", BODY, {"Content-Type": "application/json"})
        ours = authorization(
            changed(request, b"authorization", None),
            BODY,
            access_key_id=KEY.id,
            secret=KEY.secret,
            timestamp="20260101T000000Z",
            scope=Scope("20260101", REGION, "lambda"),
        )
        assert ours.encode() == dict(request.headers)[b"authorization"]

    def test_the_published_vector(self) -> None:
        """AWS's documentation: GET iam ListUsers, of 2015-08-30."""
        key = AccessKey(
            id="AKIDEXAMPLE", secret="wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", name="x",
            role=Role.ADMIN,
        )  # fmt: skip
        request = Request(
            "GET",
            b"/",
            b"Action=ListUsers&Version=2010-05-08",
            (
                (b"host", b"iam.amazonaws.com"),
                (b"content-type", b"application/x-www-form-urlencoded; charset=utf-8"),
                (b"x-amz-date", b"20150830T123600Z"),
                (
                    b"authorization",
                    b"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request,"
                    b" SignedHeaders=content-type;host;x-amz-date, Signature="
                    b"5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
                ),
            ),
        )
        verifier = Verifier({key.id: key}, "us-east-1", lambda: 1_440_938_160)
        claim = claims.read(request)
        assert verifier.examine(claim, ("iam",)) is key
        verifier.prove(claim, key, hashlib.sha256(b"").hexdigest())


def tampered(request: Request) -> Iterator[tuple[str, Request]]:
    """*request* with one thing changed, in every place where there is something."""
    yield "method", dataclasses.replace(request, method="PATCH")
    for name, value in request.headers:
        # The body is hashed, however long it is said to be.
        if name not in (b"user-agent", b"content-length"):
            yield f"{name!r} longer", changed(request, name, value + b"x")
            yield f"{name!r} other", changed(request, name, bytes([value[0] ^ 1]) + value[1:])
            yield f"{name!r} gone", changed(request, name, None)
    yield "header added", changed(request, b"x-amz-invocation-type", b"Event")
    for place in range(len(request.raw_path)):
        path = bytearray(request.raw_path)
        path[place] ^= 1
        yield f"path at {place}", dataclasses.replace(request, raw_path=bytes(path))
    yield "path longer", dataclasses.replace(request, raw_path=request.raw_path + b"/")
    for place in range(len(request.query_string)):
        query = bytearray(request.query_string)
        query[place] ^= 1
        yield f"query at {place}", dataclasses.replace(request, query_string=bytes(query))
    yield "parameter added", dataclasses.replace(request, query_string=request.query_string + b"&a")
    for pair in request.query_string.split(b"&") if request.query_string else ():
        kept = [other for other in request.query_string.split(b"&") if other != pair]
        yield f"{pair!r} gone", dataclasses.replace(request, query_string=b"&".join(kept))


class TestWhatIsChanged:
    @pytest.mark.parametrize("expires_s", [None, 600])
    def test_is_refused(self, expires_s: int | None) -> None:
        untouched = signed(
            "POST", f"{TARGET}?Qualifier=v1&a=%2B", BODY, HEADERS, expires_s=expires_s
        )
        # A presigned URL takes the body along in its query.
        body = BODY if expires_s is None else b""
        assert verify(untouched, body) is KEY
        passed = []
        for what, request in tampered(untouched):
            try:
                verify(request, body)
            except NotAuthenticated:
                continue
            passed.append(what)
        assert not passed
        assert refused(untouched, body + b" ").message == MISMATCH

    def test_is_refused_by_another_key_region_service_or_day(self) -> None:
        stranger = dataclasses.replace(KEY, secret="other")
        assert refused(signed(key=stranger)).message == MISMATCH
        unknown = refused(signed(key=dataclasses.replace(KEY, id="WFAKOTHER")))
        assert isinstance(unknown, UnrecognizedClient)
        assert unknown.message == "The security token included in the request is invalid."
        assert refused(signed(region="eu-west-1")).message == (
            "Credential should be scoped to a valid region, not 'eu-west-1'. "
        )
        assert refused(signed(service="s3")).message == (
            "Credential should be scoped to correct service: 'lambda'. "
        )
        request = signed()
        header = dict(request.headers)[b"authorization"]
        moved = changed(request, b"authorization", header.replace(b"/20260101/", b"/20251231/"))
        assert refused(moved).message == (
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '20251231' != '20260101', from '20260101T000000Z'."
        )

    def test_a_session_token_comes_with_none_of_our_keys(self) -> None:
        assert isinstance(refused(signed(token="t")), UnrecognizedClient)
        assert isinstance(refused(signed(token="t", expires_s=9)), UnrecognizedClient)


class TestTime:
    @pytest.mark.parametrize("off_s", [-300, 300])
    def test_five_minutes_either_way_are_accepted(self, off_s: int) -> None:
        assert verify(signed(), now=NOW + off_s) is KEY

    def test_an_old_signature_has_expired(self) -> None:
        error = refused(signed(), now=NOW + 301)
        assert isinstance(error, InvalidSignature)
        assert error.message == (
            "Signature expired: 20260101T000000Z is now earlier than 20260101T000001Z "
            "(20260101T000501Z - 5 min.)"
        )

    def test_one_of_the_future_is_not_yet_current(self) -> None:
        assert refused(signed(), now=NOW - 301).message == (
            "Signature not yet current: 20260101T000000Z is still later than 20251231T235959Z "
            "(20251231T235459Z + 5 min.)"
        )
        assert "not yet" in refused(signed(expires_s=900), now=NOW - 301).message

    def test_a_presigned_url_lives_as_long_as_it_says(self) -> None:
        week = signed("GET", expires_s=604_800)
        assert verify(week, now=NOW + 604_800) is KEY
        assert "expired" in refused(week, now=NOW + 604_801).message
        for expires_s in (0, 604_801, -1):
            request = signed("GET", expires_s=expires_s)
            assert isinstance(refused(request), IncompleteSignature)


class TestPayloads:
    @pytest.mark.parametrize(
        "marker",
        ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
         "STREAMING-UNSIGNED-PAYLOAD-TRAILER"],
    )  # fmt: skip
    def test_have_to_be_signed(self, marker: str) -> None:
        request = signed(body=BODY, headers={"X-Amz-Content-SHA256": marker})
        assert "Lambda doesn't support unsigned payloads" in refused(request, BODY).message

    def test_a_header_that_means_something_has_to_be_signed(self) -> None:
        request = changed(signed(), b"x-amz-log-type", b"Tail")
        assert "'x-amz-log-type' must be a 'SignedHeader'" in refused(request).message

    def test_the_host_has_to_be_signed(self) -> None:
        request = signed()
        header = dict(request.headers)[b"authorization"].replace(b"host;", b"")
        assert refused(changed(request, b"authorization", header)).message == (
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )


class TestMalformed:
    def test_an_unsigned_request_lacks_a_token(self) -> None:
        request = Request("GET", b"/", b"a=b", ((b"host", b"h"),))
        error = refused(request)
        assert isinstance(error, MissingAuthentication)
        assert error.message == "Missing Authentication Token"

    @pytest.mark.parametrize(
        ("header", "told"),
        [
            ("Bearer s3cr3t/Key+", "Unsupported AWS 'algorithm'"),
            ("", "Unsupported AWS 'algorithm'"),
            ("AWS4-HMAC-SHA256 s3cr3t/Key+", "missing equal-sign"),
            ("AWS4-HMAC-SHA256 Credential=a", "requires 'Signature' parameter."),
            ("AWS4-HMAC-SHA256 Signature=a, Signature=b", "more than once"),
            ("AWS4-HMAC-SHA256 Credential=a/b, Signature=c, SignedHeaders=d", "exactly 5"),
            ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, Signature=c, SignedHeaders=d", "terminator"),
            ("AWS4-HMAC-SHA256 " + "x" * 9000, "at most 8192"),
        ],
    )
    def test_the_header_is_refused(self, header: str, told: str) -> None:
        request = changed(signed(), b"authorization", header.encode())
        error = refused(request)
        assert isinstance(error, IncompleteSignature)
        assert told in error.message
        assert len(error.message) < 600

    def test_two_headers_are_refused(self) -> None:
        request = signed()
        twice = (*request.headers, (b"authorization", b"AWS4-HMAC-SHA256 x"))
        assert "more than one" in refused(dataclasses.replace(request, headers=twice)).message

    @pytest.mark.parametrize("date", ["", "yesterday", "2026-01-01", "20260230T000000Z", "9" * 99])
    def test_a_date_that_is_none_is_refused(self, date: str) -> None:
        request = changed(signed(), b"x-amz-date", date.encode())
        assert isinstance(refused(request), IncompleteSignature)

    def test_a_query_of_half_the_parameters_is_refused(self) -> None:
        request = Request("GET", b"/", b"X-Amz-Credential=a", ((b"host", b"h"),))
        assert "must include 'X-Amz-Signature'" in refused(request).message

    @given(header=st.binary(max_size=200), query=st.binary(max_size=200), date=st.text(max_size=30))
    @settings(max_examples=100, deadline=None)
    def test_nothing_but_a_refusal_comes_of_noise(
        self, header: bytes, query: bytes, date: str
    ) -> None:
        headers = (
            (b"authorization", b"AWS4-HMAC-SHA256 " + header),
            (b"x-amz-date", date.encode()),
        )
        refused(Request("GET", b"/", query, headers))
        refused(Request("GET", b"/", b"X-Amz-Algorithm=" + query, ()))
