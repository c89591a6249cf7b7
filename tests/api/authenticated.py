"""Keys, and what goes by them, for tests of applications that ask who calls."""

from pathlib import Path

from tests.auth.signing import NOW, REGION
from wasmfaas.auth.authenticator import SignatureAuthenticator
from wasmfaas.auth.keys import KeyStore
from wasmfaas.auth.principals import AccessKey
from wasmfaas.auth.throttle import Throttle


class Keys:
    """A key store at NOW, whose failures wait for nobody."""

    def __init__(self, directory: Path, account_id: str) -> None:
        self.store = KeyStore.open(directory, lambda: NOW)
        self.authenticator = SignatureAuthenticator(
            self.store,
            region=REGION,
            account_id=account_id,
            throttle=Throttle(lambda: 0.0, self._wait),
            clock=lambda: NOW,
        )
        self.waits = 0

    async def _wait(self, _: float) -> None:
        self.waits += 1

    @property
    def admin(self) -> AccessKey:
        return next(iter(self.store.by_id.values()))
