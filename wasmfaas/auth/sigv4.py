"""Signature Version 4: what is signed, and with what. The verifier and our own client share it.

canonical request ── SHA-256 ──▶ string to sign ── HMAC with the signing key ──▶ signature
secret ── HMAC: date, region, service, "aws4_request" ──▶ signing key
"""

import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import quote_from_bytes, unquote_to_bytes

ALGORITHM = "AWS4-HMAC-SHA256"
TERMINATOR = "aws4_request"
#: How times are written: `20260131T235959Z`.
TIME_FORMAT = "%Y%m%dT%H%M%SZ"
AMZ_DATE = b"x-amz-date"

#: Header fields by lower-case name, in the order sent.
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Request:
    """What of a request is signed, beside its body. Header names are lower-case."""

    method: str
    #: As sent, percent-encoded.
    raw_path: bytes
    query_string: bytes
    headers: Headers


@dataclass(frozen=True, slots=True)
class Scope:
    """What a signing key is good for."""

    #: `20260131`
    date: str
    region: str
    service: str

    def __str__(self) -> str:
        return f"{self.date}/{self.region}/{self.service}/{TERMINATOR}"


def canonical_path(raw_path: bytes) -> str:
    """*raw_path* without dot segments and empty ones, encoded once more, as every service but S3
    has it."""
    segments: list[bytes] = []
    for segment in raw_path.split(b"/"):
        if segment == b"..":
            del segments[-1:]
        elif segment not in (b"", b"."):
            segments.append(segment)
    trailing = b"/" if segments and raw_path.endswith(b"/") else b""
    return quote_from_bytes(b"/" + b"/".join(segments) + trailing, safe="/~")


def canonical_query(query_string: bytes, *, without: bytes | None = None) -> str:
    """The parameters decoded, encoded anew and sorted; *without* the one of that name."""
    if not query_string:
        return ""
    pairs = []
    for pair in query_string.replace(b"+", b"%20").split(b"&"):
        name, _, value = pair.partition(b"=")
        if pair and name != without:
            pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def raw_query(query_string: bytes, *, without: bytes | None = None) -> str:
    """The parameters sorted, but encoded as they were sent: what some clients sign."""
    pairs = []
    for pair in query_string.split(b"&"):
        name, _, value = pair.partition(b"=")
        if pair and name != without:
            pairs.append((name.decode("latin-1"), value.decode("latin-1")))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def canonical_request(
    request: Request, query: str, signed_headers: Sequence[bytes], payload_hash: str
) -> bytes:
    """The text whose hash is signed. *query* is canonical, *payload_hash* hexadecimal."""
    values: dict[bytes, list[bytes]] = {name: [] for name in signed_headers}
    for name, value in request.headers:
        if name in values:
            values[name].append(b" ".join(value.split()))
    lines = [request.method.encode("latin-1", "replace"), canonical_path(request.raw_path).encode()]
    lines.append(query.encode("latin-1"))
    lines += [name + b":" + b",".join(values[name]) for name in signed_headers]
    lines += [b"", b";".join(signed_headers), payload_hash.encode()]
    return b"\n".join(lines)


def signing_key(secret: str, scope: Scope) -> bytes:
    """What signs within *scope*."""
    key = f"AWS4{secret}".encode()
    for part in (scope.date, scope.region, scope.service, TERMINATOR):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key


def signature(key: bytes, timestamp: str, scope: Scope, canonical: bytes) -> str:
    """The signature (hex) of a canonical request made at *timestamp* (TIME_FORMAT)."""
    digest = hashlib.sha256(canonical).hexdigest()
    text = f"{ALGORITHM}\n{timestamp}\n{scope}\n{digest}".encode()
    return hmac.digest(key, text, hashlib.sha256).hex()


def authorization(
    request: Request, body: bytes, *, access_key_id: str, secret: str, timestamp: str, scope: Scope
) -> str:
    """The Authorization header of *request*, which has `host` and `x-amz-date` already.

    Signs those, the content type and every other `x-amz-` header.
    """
    names = _names_to_sign(name for name, _ in request.headers)
    query = canonical_query(request.query_string)
    canonical = canonical_request(request, query, names, hashlib.sha256(body).hexdigest())
    signed = signature(signing_key(secret, scope), timestamp, scope, canonical)
    listed = b";".join(names).decode()
    return (
        f"{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={listed}, "
        f"Signature={signed}"
    )


def _names_to_sign(names: Iterable[bytes]) -> list[bytes]:
    wanted = (b"host", b"content-type")
    return sorted({name for name in names if name in wanted or name.startswith(b"x-amz-")})


def _encoded(text: bytes) -> str:
    return quote_from_bytes(unquote_to_bytes(text), safe="-_.~")
