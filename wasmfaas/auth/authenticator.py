"""Who makes a request.

claim = await authenticator.claimed(request, address, ("lambda",))   before its body is read
principal = await claim.proven(body)                                 and after
"""

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from wasmfaas.auth import claims
from wasmfaas.auth.claims import Claim
from wasmfaas.auth.keys import KeyStore
from wasmfaas.auth.principals import AccessKey, Principal, Role
from wasmfaas.auth.sigv4 import Request
from wasmfaas.auth.throttle import Throttle
from wasmfaas.auth.verifier import Verifier
from wasmfaas.errors import NotAuthenticated

#: Larger bodies are hashed in a thread.
_HASHED_HERE_BYTES_MAX = 256 * 1024
#: The services that we answer for, as credential scopes name them.
LAMBDA = ("lambda",)

Body = bytes | bytearray


class Unproven(Protocol):
    """What a request claims, and what only its body can prove."""

    async def proven(self, body: Body) -> Principal:
        """Who made the request. Raises NotAuthenticated, and TooManyRequests."""


class Authenticator(Protocol):
    """Tells who makes requests."""

    async def claimed(
        self, request: Request, address: str, services: Collection[str] = LAMBDA
    ) -> Unproven:
        """Check what can be checked before the body is there; *address* is the client's.

        Raises NotAuthenticated, and TooManyRequests.
        """


class SignatureAuthenticator:
    """Goes by signatures. Lifetime: process."""

    def __init__(
        self,
        keys: KeyStore,
        *,
        region: str,
        account_id: str,
        throttle: Throttle,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.verifier = Verifier(keys.by_id, region, clock)
        self.throttle = throttle
        self.account_id = account_id

    async def claimed(
        self, request: Request, address: str, services: Collection[str] = LAMBDA
    ) -> Unproven:
        try:
            claim = claims.read(request)
            key = self.verifier.examine(claim, services)
        except NotAuthenticated as error:
            await self.throttle.failed(address, claims.key_id_of(request), error)
            raise
        return _SignedClaim(self, claim, key, address)


@dataclass(frozen=True, slots=True)
class _SignedClaim:
    """The claim of one request."""

    authenticator: SignatureAuthenticator
    claim: Claim
    key: AccessKey
    address: str

    async def proven(self, body: Body) -> Principal:
        if len(body) > _HASHED_HERE_BYTES_MAX:
            payload_hash = await asyncio.to_thread(_hash, body)
        else:
            payload_hash = _hash(body)
        try:
            self.authenticator.verifier.prove(self.claim, self.key, payload_hash)
        except NotAuthenticated as error:
            await self.authenticator.throttle.failed(self.address, self.key.id, error)
            raise
        return Principal.of(self.key, self.authenticator.account_id)


class AnyoneAuthenticator:
    """Takes everyone for an administrator, signed or not. For development. Lifetime: process."""

    def __init__(self, account_id: str) -> None:
        self._principal = Principal(
            arn=f"arn:aws:iam::{account_id}:user/anyone",
            account_id=account_id,
            user_id="AIDAANYONE",
            access_key_id="",
            role=Role.ADMIN,
        )

    async def claimed(
        self, request: Request, address: str, services: Collection[str] = LAMBDA
    ) -> Unproven:
        return self

    async def proven(self, body: Body) -> Principal:
        return self._principal


def _hash(body: Body) -> str:
    return hashlib.sha256(body).hexdigest()
