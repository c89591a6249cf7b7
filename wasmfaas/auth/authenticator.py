"""Who makes a request.

claim = authenticator.claimed(request)       before its body is read
principal = await claim.proven(body)         and after
await authenticator.failed(request, address, error)    where either raised NotAuthenticated
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
        """Who made the request. Raises NotAuthenticated."""


class Authenticator(Protocol):
    """Tells who makes requests."""

    def claimed(self, request: Request, services: Collection[str] = LAMBDA) -> Unproven:
        """Check what can be checked before the body is there. Raises NotAuthenticated."""

    async def failed(self, request: Request, address: str, error: NotAuthenticated) -> None:
        """Returns when *error* may be answered to the client at *address*: the more failures, the
        later. To be called without holding anything that others wait for.

        Raises TooManyRequests.
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
        self.account_id = account_id
        self._throttle = throttle

    def claimed(self, request: Request, services: Collection[str] = LAMBDA) -> Unproven:
        claim = claims.read(request)
        return _SignedClaim(self, claim, self.verifier.examine(claim, services))

    async def failed(self, request: Request, address: str, error: NotAuthenticated) -> None:
        # Its frames hold the body.
        error.__traceback__ = None
        await self._throttle.failed(address, claims.key_id_of(request), error)


@dataclass(frozen=True, slots=True)
class _SignedClaim:
    """The claim of one request."""

    authenticator: SignatureAuthenticator
    claim: Claim
    key: AccessKey

    async def proven(self, body: Body) -> Principal:
        if len(body) > _HASHED_HERE_BYTES_MAX:
            payload_hash = await asyncio.to_thread(_hash, body)
        else:
            payload_hash = _hash(body)
        self.authenticator.verifier.prove(self.claim, self.key, payload_hash)
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

    def claimed(self, request: Request, services: Collection[str] = LAMBDA) -> Unproven:
        return self

    async def failed(self, request: Request, address: str, error: NotAuthenticated) -> None:
        pass

    async def proven(self, body: Body) -> Principal:
        return self._principal


def _hash(body: Body) -> str:
    return hashlib.sha256(body).hexdigest()
