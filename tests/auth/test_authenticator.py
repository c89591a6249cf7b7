"""Who makes a request, and what becomes of those who fail to show it."""

import asyncio
import dataclasses
from pathlib import Path

import pytest

from tests.auth.signing import NOW, REGION, signed
from wasmfaas.auth.authenticator import AnyoneAuthenticator, SignatureAuthenticator
from wasmfaas.auth.keys import KeyStore
from wasmfaas.auth.principals import AccessKey, Principal, Role
from wasmfaas.auth.sigv4 import Request
from wasmfaas.auth.throttle import FREE_FAILURES, Throttle
from wasmfaas.errors import MissingAuthentication, NotAuthenticated, UnrecognizedClient

ACCOUNT = "123456789012"


class Door:
    """An authenticator with its keys, and the time that its callers waited."""

    def __init__(self, directory: Path) -> None:
        self.waited_s = 0.0
        self.keys = KeyStore.open(directory, lambda: NOW)
        self.authenticator = SignatureAuthenticator(
            self.keys,
            region=REGION,
            account_id=ACCOUNT,
            throttle=Throttle(lambda: self.waited_s, self._sleep),
            clock=lambda: NOW,
        )

    async def _sleep(self, seconds: float) -> None:
        self.waited_s += seconds

    @property
    def key(self) -> AccessKey:
        return next(iter(self.keys.by_id.values()))

    def enter(self, request: Request, body: bytes = b"") -> Principal:
        async def enter() -> Principal:
            try:
                return await self.authenticator.claimed(request).proven(body)
            except NotAuthenticated as error:
                await self.authenticator.failed(request, "10.0.0.1", error)
                raise

        return asyncio.run(enter())


@pytest.fixture
def door(tmp_path: Path) -> Door:
    return Door(tmp_path)


@pytest.mark.parametrize("size", [0, 10, 1_000_000])
def test_the_holder_of_a_key_is_a_user_of_the_account(door: Door, size: int) -> None:
    body = b"x" * size
    assert door.enter(signed(body=body, key=door.key), body) == Principal(
        arn=f"arn:aws:iam::{ACCOUNT}:user/local",
        account_id=ACCOUNT,
        user_id="AIDA" + door.key.id[4:],
        access_key_id=door.key.id,
        role=Role.ADMIN,
    )


def test_a_revoked_key_opens_nothing(door: Door) -> None:
    key = asyncio.run(door.keys.create("x", "admin"))
    assert door.enter(signed(key=key)).role is Role.ADMIN
    asyncio.run(door.keys.revoke(key.id))
    with pytest.raises(UnrecognizedClient):
        door.enter(signed(key=key))


def test_guessing_is_slowed_and_shuts_nobody_out(door: Door) -> None:
    wrong = dataclasses.replace(door.key, secret="guess")
    unsigned = dataclasses.replace(signed(), headers=())
    for request in (signed(key=wrong), signed(key=dataclasses.replace(wrong, id="X")), unsigned):
        before = door.waited_s
        for _ in range(FREE_FAILURES + 2):
            with pytest.raises(NotAuthenticated):
                door.enter(request)
        assert door.waited_s > before
    before = door.waited_s
    assert door.enter(signed(key=door.key)).access_key_id == door.key.id
    assert door.waited_s == before


def test_an_unsigned_request_is_told_so(door: Door) -> None:
    with pytest.raises(MissingAuthentication):
        door.enter(Request("GET", b"/", b"", ()))


def test_without_authentication_everyone_is_an_administrator() -> None:
    async def enter() -> Principal:
        anyone = AnyoneAuthenticator(ACCOUNT)
        return await anyone.claimed(Request("GET", b"/", b"", ())).proven(b"")

    principal = asyncio.run(enter())
    assert (principal.role, principal.account_id) == (Role.ADMIN, ACCOUNT)
