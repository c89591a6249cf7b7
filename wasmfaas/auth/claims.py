"""Reads the signature that a request carries, from its Authorization header or its query."""

import base64
import email.utils
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from wasmfaas.auth.sigv4 import ALGORITHM, AMZ_DATE, TERMINATOR, TIME_FORMAT, Request, Scope
from wasmfaas.errors import IncompleteSignature, MissingAuthentication

AUTHORIZATION = b"authorization"
SIGNATURE_PARAMETER = b"X-Amz-Signature"
#: A presigned URL works for a week at most.
EXPIRES_S_MAX = 604_800
#: More than any SDK sends; keeps the rest of what is done here short.
AUTHORIZATION_BYTES_MAX = 8192
SIGNED_HEADERS_MAX = 100
KEY_ID_CHARACTERS_MAX = 128
QUERY_PARAMETERS_MAX = 1000

_HEADER_PARTS = ("Credential", "Signature", "SignedHeaders")
_QUERY_PARTS = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Signature",
    "X-Amz-SignedHeaders",
    "X-Amz-Date",
)
_TIME = re.compile(r"\d{8}T\d{6}Z", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-f]{64}")
#: A field name of HTTP, in lower case.
_FIELD_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who a request says it is from, and what is to prove it."""

    request: Request
    access_key_id: str
    scope: Scope
    signed_headers: tuple[bytes, ...]
    #: As signed (TIME_FORMAT), and as Unix time in seconds.
    timestamp: str
    signed_at_s: int
    signature: str
    #: How long a presigned URL works, in seconds; None where the signature is in a header.
    expires_s: int | None
    has_token: bool


def key_id_of(request: Request) -> str | None:
    """The access key that *request* names, if it does so in some way; never raises."""
    try:
        return read(request).access_key_id
    except (IncompleteSignature, MissingAuthentication):
        return None


def read(request: Request) -> Claim:
    """What *request* claims. Raises MissingAuthentication and IncompleteSignature."""
    values = [value for name, value in request.headers if name == AUTHORIZATION]
    if len(values) > 1:
        raise IncompleteSignature("The request has more than one Authorization header.")
    if values:
        return _from_header(request, values[0])
    if b"X-Amz-" in request.query_string:
        return _from_query(request)
    raise MissingAuthentication


def _from_header(request: Request, raw: bytes) -> Claim:
    if len(raw) > AUTHORIZATION_BYTES_MAX:
        raise IncompleteSignature(
            f"The Authorization header has {len(raw)} bytes, but at most "
            f"{AUTHORIZATION_BYTES_MAX} are read."
        )
    text = raw.decode("latin-1").strip()
    algorithm, _, rest = text.partition(" ")
    if algorithm != ALGORITHM:
        raise IncompleteSignature(
            "Unsupported AWS 'algorithm' in Authorization header"
            f"{_hashed(raw)}: only '{ALGORITHM}' is supported."
        )
    parts: dict[str, str] = {}
    for pair in rest.split(","):
        name, equals, value = pair.strip().partition("=")
        if not equals:
            raise IncompleteSignature(
                "Invalid key=value pair (missing equal-sign) in Authorization header"
                f"{_hashed(raw)}."
            )
        if name in parts:
            raise IncompleteSignature(f"Authorization header has '{name[:40]}' more than once.")
        parts[name] = value
    date = _header(request, AMZ_DATE) or _header(request, b"date")
    lacking = [
        f"Authorization header requires '{name}' parameter."
        for name in _HEADER_PARTS
        if not parts.get(name)
    ]
    if date is None:
        lacking.append(
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
        )
    if lacking or date is None:
        raise IncompleteSignature(f"{' '.join(lacking)}{_hashed(raw)}")
    token = _header(request, b"x-amz-security-token")
    return _claim(request, parts.__getitem__, date, expires_s=None, has_token=token is not None)


def _from_query(request: Request) -> Claim:
    parameters = _parameters(request.query_string)
    lacking = [name for name in _QUERY_PARTS if not parameters.get(name)]
    if len(lacking) == len(_QUERY_PARTS):
        raise MissingAuthentication
    if lacking:
        listed = " ".join(f"AWS query-string parameters must include '{name}'." for name in lacking)
        raise IncompleteSignature(f"{listed} Re-examine the query-string parameters.")
    if parameters["X-Amz-Algorithm"] != ALGORITHM:
        raise IncompleteSignature(f"X-Amz-Algorithm only supports '{ALGORITHM}'.")
    expires = parameters.get("X-Amz-Expires", "")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 9):
        raise IncompleteSignature("X-Amz-Expires should be a number")
    if not 1 <= int(expires) <= EXPIRES_S_MAX:
        raise IncompleteSignature(
            "X-Amz-Expires must be at least 1 second and less than a week (in seconds); that is, "
            f"the given X-Amz-Expires must be from 1 to {EXPIRES_S_MAX} seconds"
        )
    return _claim(
        request,
        lambda name: parameters[f"X-Amz-{name}"],
        parameters["X-Amz-Date"],
        expires_s=int(expires),
        has_token="X-Amz-Security-Token" in parameters,
    )


def _claim(
    request: Request,
    part: Callable[[str], str],
    date: str,
    *,
    expires_s: int | None,
    has_token: bool,
) -> Claim:
    access_key_id, scope = _credential(part("Credential"))
    timestamp, signed_at_s = _time(date)
    signature = part("Signature")
    if not _SIGNATURE.fullmatch(signature):
        raise IncompleteSignature("'Signature' must be 64 hexadecimal digits in lower case.")
    return Claim(
        request=request,
        access_key_id=access_key_id,
        scope=scope,
        signed_headers=_signed_headers(part("SignedHeaders")),
        timestamp=timestamp,
        signed_at_s=signed_at_s,
        signature=signature,
        expires_s=expires_s,
        has_token=has_token,
    )


def _credential(text: str) -> tuple[str, Scope]:
    elements = text.split("/")
    if len(elements) != 5 or len(elements[0]) > KEY_ID_CHARACTERS_MAX or not elements[0]:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got {len(elements)}"
        )
    access_key_id, date, region, service, terminator = elements
    if terminator != TERMINATOR:
        raise IncompleteSignature(
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}'"
        )
    return access_key_id, Scope(date, region, service)


def _signed_headers(text: str) -> tuple[bytes, ...]:
    names = tuple(text.encode("latin-1", "replace").split(b";"))
    if len(names) > SIGNED_HEADERS_MAX or len(set(names)) != len(names):
        raise IncompleteSignature(
            f"'SignedHeaders' names {len(names)} headers, but at most {SIGNED_HEADERS_MAX} are "
            "read, each of them once."
        )
    if not all(_FIELD_NAME.fullmatch(name) for name in names):
        raise IncompleteSignature("'SignedHeaders' must be names in lower case between semicolons.")
    return names


def _time(text: str) -> tuple[str, int]:
    """*text* in TIME_FORMAT, and as Unix time; a Date header may be in HTTP's own form."""
    try:
        if _TIME.fullmatch(text):
            # By hand, as strptime takes as long as all the rest of a verification.
            year, month, day = int(text[:4]), int(text[4:6]), int(text[6:8])
            hour, minute, second = int(text[9:11]), int(text[11:13]), int(text[13:15])
            moment = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
            return text, int(moment.timestamp())
        moment = email.utils.parsedate_to_datetime(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        return moment.strftime(TIME_FORMAT), int(moment.timestamp())
    except (ValueError, OverflowError):
        raise IncompleteSignature(
            "Date must be in ISO-8601 'basic format'. Got '"
            f"{text[:40]}'. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None


def _parameters(query_string: bytes) -> Mapping[str, str]:
    """The parameters that are about the signature."""
    pairs = query_string.split(b"&", QUERY_PARAMETERS_MAX + 1)
    if len(pairs) > QUERY_PARAMETERS_MAX:
        raise IncompleteSignature(
            f"The query has more than {QUERY_PARAMETERS_MAX} parameters, the limit."
        )
    parameters: dict[str, str] = {}
    for pair in pairs:
        raw, _, value = pair.decode("latin-1").partition("=")
        name = unquote(raw)
        if not name.startswith("X-Amz-"):
            continue
        if name in parameters:
            raise IncompleteSignature(f"The query has '{name[:40]}' more than once.")
        if len(value) > AUTHORIZATION_BYTES_MAX:
            raise IncompleteSignature(
                f"'{name[:40]}' has {len(value)} characters, but at most "
                f"{AUTHORIZATION_BYTES_MAX} are read."
            )
        parameters[name] = unquote(value)
    return parameters


def _header(request: Request, name: bytes) -> str | None:
    for key, value in request.headers:
        if key == name:
            return value.decode("latin-1").strip()
    return None


def _hashed(raw: bytes) -> str:
    """How AWS refers to a header that it does not want to repeat."""
    digest = base64.b64encode(hashlib.sha256(raw).digest()).decode()
    return f" (hashed with SHA-256 and encoded with Base64): '{digest}'"
