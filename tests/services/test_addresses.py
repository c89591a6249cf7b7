"""Where URLs of users may lead."""

import pytest

from wasmfaas.services.addresses import Addresses, is_public
from wasmfaas.services.errors import RemoteFailed

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def addresses(*found: str, allowed: tuple[str, ...] = ()) -> Addresses:
    async def resolve(host: str, port: int) -> list[str]:
        return list(found)

    return Addresses(frozenset(allowed), resolve)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "0.0.0.0", "224.0.0.1", "255.255.255.255", "240.0.0.1", "192.0.2.1", "198.18.0.1",
     "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b:1::7f00:1",
     "2002:7f00:1::", "2001:db8::1", "nonsense", ""],
)  # fmt: skip
def test_what_is_nearer_is_not(address: str) -> None:
    assert not is_public(address)


async def test_a_name_is_connected_to_at_the_address_that_was_checked() -> None:
    endpoint = await addresses("10.0.0.1", "93.184.216.34").endpoint("https://e.com:8/p?q=1")
    assert endpoint.url == "https://93.184.216.34:8/p?q=1"
    assert (endpoint.authority, endpoint.host) == ("e.com:8", "e.com")
    endpoint = await addresses("2606:2800:220:1::1").endpoint("https://e.com")
    assert endpoint.url == "https://[2606:2800:220:1::1]:443"


async def test_private_addresses_are_for_listed_origins() -> None:
    url = "https://internal.example/hook"
    with pytest.raises(RemoteFailed, match="webhook_private_origins") as failure:
        await addresses("10.0.0.1").endpoint(url)
    assert failure.value.is_final
    for other in ("https://internal.example:444", "http://internal.example", "https://x.example"):
        with pytest.raises(RemoteFailed):
            await addresses("10.0.0.1", allowed=(other,)).endpoint(url)
    for same in ("https://internal.example", "https://internal.example:443"):
        endpoint = await addresses("10.0.0.1", allowed=(same,)).endpoint(url)
        assert endpoint.url == "https://10.0.0.1:443/hook"


@pytest.mark.parametrize(
    "url",
    ["", "ftp://e.com/", "https://", "https:///p", "https://e.com:0/", "https://e.com:99999/",
     "https://u:p@e.com/", "https://u@e.com/", "https://e.com/#f", "http://e.com/",
     "https://e.com/a b", "https://e.com\\@x/", "https://e.com/\n", "https://ü.com/", "//e.com"],
)  # fmt: skip
async def test_other_urls_are_refused(url: str) -> None:
    assert addresses("93.184.216.34").objection(url)
    with pytest.raises(RemoteFailed):
        await addresses("93.184.216.34").endpoint(url)


async def test_a_name_without_addresses_may_have_some_later() -> None:
    with pytest.raises(RemoteFailed) as failure:
        await Addresses(frozenset()).endpoint("https://no-such-host.invalid/")
    assert not failure.value.is_final
