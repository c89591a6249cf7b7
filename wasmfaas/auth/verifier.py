"""Verifies signatures, in two steps: what can be known before the body is read, and the rest.

As on Lambda, payloads have to be signed: neither UNSIGNED-PAYLOAD nor the STREAMING- variants,
whose chunks are signed one by one, are taken.
"""

import hmac
import time
from collections.abc import Callable, Collection, Mapping

from wasmfaas.auth.claims import SIGNATURE_PARAMETER, Claim
from wasmfaas.auth.principals import AccessKey
from wasmfaas.auth.sigv4 import (
    TIME_FORMAT,
    Scope,
    canonical_query,
    canonical_request,
    raw_query,
    signature,
    signing_key,
)
from wasmfaas.errors import InvalidSignature, UnrecognizedClient

#: How far a client's clock may be off.
SKEW_S_MAX = 300
CONTENT_SHA256 = b"x-amz-content-sha256"
_SIGNING_KEYS_MAX = 4096

MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your "
    "AWS Secret Access Key and signing method. Consult the service documentation for details."
)


class Verifier:
    """Checks claims against *keys*, by id. Lifetime: process. *clock* gives Unix time in seconds.

    Signing keys are remembered: deriving one takes as long as all the rest.
    """

    def __init__(
        self, keys: Mapping[str, AccessKey], region: str, clock: Callable[[], float]
    ) -> None:
        self._keys = keys
        self._region = region
        self._clock = clock
        self._signing_keys: dict[tuple[str, str, Scope], bytes] = {}

    def examine(self, claim: Claim, services: Collection[str]) -> AccessKey:
        """The key that *claim* names, in a request for one of *services*, unless the claim fails
        without a look at the body.

        Raises InvalidSignature and UnrecognizedClient.
        """
        self._check_scope(claim, services)
        self._check_time(claim)
        key = self._keys.get(claim.access_key_id)
        # Tokens come with keys that expire, and there are none here.
        if key is None or claim.has_token:
            raise UnrecognizedClient
        _check_coverage(claim)
        return key

    def prove(self, claim: Claim, key: AccessKey, payload_hash: str) -> None:
        """Check the signature. *payload_hash* is the body's SHA-256 (hex).

        Raises InvalidSignature.
        """
        request = claim.request
        for name, value in request.headers:
            if name == CONTENT_SHA256:
                _check_content(value.decode("latin-1").strip(), payload_hash)
        without = None if claim.expires_s is None else SIGNATURE_PARAMETER
        query = canonical_query(request.query_string, without=without)
        if self._is_signed(claim, key, query, payload_hash):
            return
        sent = raw_query(request.query_string, without=without)
        if sent == query or not self._is_signed(claim, key, sent, payload_hash):
            raise InvalidSignature(MISMATCH)

    def _is_signed(self, claim: Claim, key: AccessKey, query: str, payload_hash: str) -> bool:
        canonical = canonical_request(claim.request, query, claim.signed_headers, payload_hash)
        expected = signature(self._signing_key(key, claim.scope), claim.timestamp, claim.scope,
                             canonical)  # fmt: skip
        return hmac.compare_digest(expected, claim.signature)

    def _signing_key(self, key: AccessKey, scope: Scope) -> bytes:
        known = self._signing_keys.get((key.id, key.secret, scope))
        if known is None:
            if len(self._signing_keys) >= _SIGNING_KEYS_MAX:
                self._signing_keys.clear()
            known = self._signing_keys[key.id, key.secret, scope] = signing_key(key.secret, scope)
        return known

    def _check_scope(self, claim: Claim, services: Collection[str]) -> None:
        faults = []
        if claim.scope.region != self._region:
            faults.append(
                f"Credential should be scoped to a valid region, not '{claim.scope.region[:40]}'. "
            )
        if claim.scope.service not in services:
            faults.append(f"Credential should be scoped to correct service: '{min(services)}'. ")
        date = claim.timestamp[:8]
        if claim.scope.date != date:
            faults.append(
                "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "
                f"from HTTP: '{claim.scope.date[:20]}' != '{date}', from '{claim.timestamp}'."
            )
        if faults:
            raise InvalidSignature("".join(faults))

    def _check_time(self, claim: Claim) -> None:
        now_s = int(self._clock())
        if claim.signed_at_s > now_s + SKEW_S_MAX:
            raise InvalidSignature(
                f"Signature not yet current: {claim.timestamp} is still later than "
                f"{_shown(now_s + SKEW_S_MAX)} ({_shown(now_s)} + {SKEW_S_MAX // 60} min.)"
            )
        lifetime_s = SKEW_S_MAX if claim.expires_s is None else claim.expires_s
        if claim.signed_at_s < now_s - lifetime_s:
            shown = f"{lifetime_s} sec." if lifetime_s % 60 else f"{lifetime_s // 60} min."
            raise InvalidSignature(
                f"Signature expired: {claim.timestamp} is now earlier than "
                f"{_shown(now_s - lifetime_s)} ({_shown(now_s)} - {shown})"
            )


def _check_coverage(claim: Claim) -> None:
    """The signature has to cover the host and all headers that mean something to us."""
    signed = claim.signed_headers
    if b"host" not in signed:
        raise InvalidSignature(
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        )
    for name, _ in claim.request.headers:
        if name.startswith(b"x-amz-") and name not in signed:
            shown = name.decode("latin-1")[:100]
            raise InvalidSignature(
                f"There were headers present in the request which were not signed: '{shown}' must "
                "be a 'SignedHeader' in the AWS Authorization."
            )


def _check_content(claimed: str, payload_hash: str) -> None:
    if claimed == "UNSIGNED-PAYLOAD" or claimed.startswith("STREAMING-"):
        raise InvalidSignature(
            f"The payload of the request is not signed as a whole (x-amz-content-sha256: "
            f"{claimed[:60]}). Lambda doesn't support unsigned payloads: sign the SHA-256 of the "
            "body."
        )
    if not hmac.compare_digest(claimed.lower().encode(), payload_hash.encode()):
        raise InvalidSignature(
            "The provided 'x-amz-content-sha256' header does not match what was computed."
        )


def _shown(moment_s: int) -> str:
    return time.strftime(TIME_FORMAT, time.gmtime(moment_s))
