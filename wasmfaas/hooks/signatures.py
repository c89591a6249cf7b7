"""Whether what arrives at a webhook was sent by whoever has its secret.

claim = claimed(scheme, headers)               before the body is read
claim.prove(secrets, body, now_s)              and after
"""

import base64
import binascii
import contextlib
import hashlib
import hmac
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from wasmfaas.errors import WebhookRefused
from wasmfaas.hooks.schemes import LIST, OPEN, PAIRS, TOKEN, Scheme

_SECRET_PREFIX: Final = "whsec_"
#: Signatures that one request may offer: one for each secret that its sender has at the moment.
_OFFERED_MAX: Final = 16
_TIMESTAMP_DIGITS_MAX: Final = 12

Headers = Iterable[tuple[bytes, bytes]]


def key_of(secret: str) -> bytes:
    """The key that *secret* is: base64 behind `whsec_`, any other text as it is."""
    if secret.startswith(_SECRET_PREFIX):
        with contextlib.suppress(binascii.Error, ValueError):
            return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    return secret.encode()


@dataclass(frozen=True, slots=True)
class Claim:
    """What the headers of one request say."""

    scheme: Scheme
    #: Signatures without their prefix, or the secret itself.
    offered: tuple[bytes, ...]
    #: As it is written.
    timestamp: str = ""
    #: The same for every time that the sender sends it; empty where it gives none.
    delivery_id: str = ""

    def prove(self, secrets: Sequence[str], body: bytes | bytearray, now_s: float) -> None:
        """Raise WebhookRefused unless one of *secrets* made it, and not too long ago."""
        scheme = self.scheme
        if scheme.form == OPEN:
            return
        # All of them, whichever is right: how long it takes says nothing.
        right = [
            hmac.compare_digest(offer, expected)
            for expected in [self._expected(secret, body) for secret in secrets]
            for offer in self.offered
        ]
        if not any(right):
            raise _wrong()
        # Only who has the secret is told.
        if scheme.has_timestamp and abs(now_s - int(self.timestamp)) > scheme.tolerance_s:
            raise WebhookRefused(
                f"The request was signed at {self.timestamp}, which is more than "
                f"{scheme.tolerance_s} s from now, {int(now_s)}."
            )

    def _expected(self, secret: str, body: bytes | bytearray) -> bytes:
        scheme = self.scheme
        if scheme.form == TOKEN:
            return secret.encode()
        key = key_of(secret) if scheme.decodes_secret else secret.encode()
        before, _, after = scheme.signed_text.partition("{body}")
        signed = hmac.new(key, self._filled(before), getattr(hashlib, scheme.algorithm))
        signed.update(body)
        signed.update(self._filled(after))
        if scheme.encoding == "hex":
            return signed.hexdigest().encode()
        return base64.b64encode(signed.digest())

    def _filled(self, text: str) -> bytes:
        # Each once, so that what is put in is not looked at again.
        parts = text.replace("{timestamp}", "\0t").replace("{id}", "\0i").split("\0")
        known = {"t": self.timestamp, "i": self.delivery_id}
        filled = [known[part[0]] + part[1:] for part in parts[1:]]
        return "".join([parts[0], *filled]).encode("latin-1")


def claimed(scheme: Scheme, headers: Headers) -> Claim:
    """What is claimed. Raises WebhookRefused where something is missing or not written as it has
    to be."""
    fields = [(name.lower(), value) for name, value in headers]

    def only(name: str) -> str:
        found = [value for field, value in fields if field == name.encode()]
        return found[0].decode("latin-1").strip() if len(found) == 1 else ""

    delivery_id = only(scheme.id_header) if scheme.id_header else ""
    if scheme.form == OPEN:
        return Claim(scheme, (), delivery_id=delivery_id)
    timestamp = only(scheme.timestamp_header) if scheme.timestamp_header else ""
    value = only(scheme.header)
    if scheme.form == PAIRS:
        timestamp, offered = _pairs(scheme.prefix, value)
    else:
        offered = _listed(scheme, value)
    is_dated = timestamp.isascii() and timestamp.isdigit()
    if (
        not offered
        or (scheme.has_timestamp and not (is_dated and len(timestamp) <= _TIMESTAMP_DIGITS_MAX))
        or ("{id}" in scheme.signed_text and not delivery_id)
    ):
        raise _wrong()
    return Claim(scheme, tuple(offered), timestamp, delivery_id)


def _listed(scheme: Scheme, value: str) -> list[bytes]:
    """The signatures in a header; those of other versions are not ours to check."""
    parts = value.split(" ", _OFFERED_MAX)[:_OFFERED_MAX] if scheme.form == LIST else [value]
    prefix = scheme.prefix
    if scheme.form == TOKEN:
        # Names of authentication schemes are in any case (RFC 9110, section 11.1).
        begins = value[: len(prefix)].lower() == prefix.lower()
        return [value[len(prefix) :].strip().encode("latin-1")] if begins else []
    return _written(scheme.encoding, [part for part in parts if part.startswith(prefix)], prefix)


def _pairs(prefix: str, value: str) -> tuple[str, list[bytes]]:
    """The timestamp and the signatures in `t=…,v1=…,v1=…`."""
    parts = [part.strip() for part in value.split(",", 2 * _OFFERED_MAX)[: 2 * _OFFERED_MAX]]
    times = [part[2:] for part in parts if part.startswith("t=")]
    signatures = [part for part in parts if part.startswith(prefix)][:_OFFERED_MAX]
    return times[0] if len(times) == 1 else "", _written("hex", signatures, prefix)


def _written(encoding: str, parts: list[str], prefix: str) -> list[bytes]:
    values = [part[len(prefix) :] for part in parts]
    if encoding == "hex":
        values = [value.lower() for value in values]
    return [value.encode("latin-1") for value in values if value]


def _wrong() -> WebhookRefused:
    # The same words for whatever is wrong: they tell nobody who guesses how close they are.
    return WebhookRefused("The request is not signed as this webhook wants it.")
