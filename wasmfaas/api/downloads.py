"""Links to packages: `Code.Location` of GetFunction, which a plain GET has to be able to read."""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable

from wasmfaas.errors import AccessDenied

PATH = "/_wasmfaas/v1/code/"
#: How long a link works: Lambda's ten minutes.
LIFETIME_S = 600

_DIGEST_BYTES = 32
_EXPIRY_BYTES = 8
_TAG_BYTES = 32


class CodeLinks:
    """Makes and reads links that expire and cannot be guessed: the digest of the package and the
    time of expiry, authenticated with a key that lives as long as the process.

    *clock* gives Unix time in seconds.
    """

    def __init__(self, clock: Callable[[], float], scheme: str = "http") -> None:
        self._clock = clock
        self._scheme = scheme
        self._key = secrets.token_bytes(32)

    def url(self, digest: str, authority: str) -> str:
        """The address, at *authority*, of the package with the SHA-256 *digest* (hex)."""
        expiry = int(self._clock() + LIFETIME_S).to_bytes(_EXPIRY_BYTES, "big")
        content = bytes.fromhex(digest) + expiry
        token = base64.urlsafe_b64encode(content + self._tag(content)).decode("ascii")
        return f"{self._scheme}://{authority}{PATH}{token}"

    def digest(self, token: str) -> str:
        """The digest (hex) that *token* gives access to.

        Raises AccessDenied for a token that we did not make, and for one that has expired.
        """
        try:
            raw = base64.b64decode(token.encode("ascii"), altchars=b"-_", validate=True)
        except ValueError:
            raw = b""
        content, tag = raw[:-_TAG_BYTES], raw[-_TAG_BYTES:]
        if len(content) != _DIGEST_BYTES + _EXPIRY_BYTES or not hmac.compare_digest(
            tag, self._tag(content)
        ):
            raise AccessDenied("This link was not made by this server since it started.")
        if int.from_bytes(content[_DIGEST_BYTES:], "big") < self._clock():
            raise AccessDenied(
                f"This link has expired: links work for {LIFETIME_S // 60} minutes. GetFunction "
                "gives a new one."
            )
        return content[:_DIGEST_BYTES].hex()

    def _tag(self, content: bytes) -> bytes:
        return hmac.digest(self._key, content, hashlib.sha256)
