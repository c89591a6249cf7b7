"""Where connections go: to addresses that were checked, one after the other."""

from collections.abc import Sequence
from typing import Any

import httpcore
import pytest

from wasmfaas.origins import OriginPattern
from wasmfaas.outgoing.errors import AddressRefused, HostUnknown
from wasmfaas.outgoing.network import CheckedNetwork, Resolver, resolved

pytestmark = pytest.mark.anyio

ANYTHING = OriginPattern.of("*")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class Refusing(httpcore.AsyncMockBackend):
    """Notes where it is to connect; only one address answers."""

    def __init__(self, answers: str = "") -> None:
        super().__init__([])
        self._answers = answers
        self.connected: list[tuple[str, float | None]] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        *rest: Any,
        **named: Any,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append((host, timeout))
        if host == self._answers:
            return await super().connect_tcp(host, port)
        raise httpcore.ConnectTimeout("nobody is there")


def network(backend: Refusing, *addresses: str) -> CheckedNetwork:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return addresses

    return CheckedNetwork([ANYTHING], resolve, backend)


async def test_of_several_addresses_the_next_is_tried_but_not_all() -> None:
    backend = Refusing("8.8.4.4")
    found = ("10.0.0.1", "8.8.8.8", "8.8.4.4", "1.1.1.1")
    await network(backend, *found).connect_tcp("several.test", 443)
    assert backend.connected == [("8.8.8.8", 10.0), ("8.8.4.4", 10.0)]
    backend = Refusing()
    with pytest.raises(httpcore.ConnectTimeout):
        await network(backend, *found, "9.9.9.9").connect_tcp("several.test", 443, 2.0)
    assert backend.connected == [("8.8.8.8", 2.0), ("8.8.4.4", 2.0), ("1.1.1.1", 2.0)]


async def test_what_is_no_address_and_what_may_not_be_one() -> None:
    for found in ((), ("10.0.0.1", "::ffff:8.8.8.8"), ("fe80::1%1",)):
        with pytest.raises(AddressRefused) as refused:
            await network(Refusing(), *found).connect_tcp("a.test", 443)
        assert "10.0.0.1" not in refused.value.message
    with pytest.raises(HostUnknown):
        await network(Refusing(), "nonsense").connect_tcp("a.test", 443)
    with pytest.raises(httpcore.ConnectError):
        await network(Refusing()).connect_unix_socket("/run/docker.sock")


async def test_names_are_asked_of_the_system() -> None:
    resolver = Resolver()
    try:
        for resolve in (resolver, resolved):
            assert set(await resolve("localhost", 80)) <= {"127.0.0.1", "::1"}
            with pytest.raises(OSError, match=r"."):
                await resolve("no-such-host.invalid", 80)
    finally:
        resolver.close()
