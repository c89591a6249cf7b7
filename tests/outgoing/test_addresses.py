"""Which addresses are public, and which permissions let others in."""

import ipaddress

import pytest

from wasmfaas.origins import OriginPattern
from wasmfaas.outgoing.addresses import admits, is_public

PUBLIC = ["8.8.8.8", "1.1.1.1", "93.184.216.34", "2606:4700::1111", "2a00:1450:4001:800::200e"]
#: Of every kind that is not a machine in the internet.
ELSEWHERE = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.100.100.200", "127.0.0.1",
    "127.255.255.254", "168.63.129.16", "169.254.0.1", "169.254.169.254", "172.16.0.1",
    "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1", "192.88.99.1", "192.168.0.1",
    "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255",
    "::", "::1", "::127.0.0.1", "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "100::1",
    "2001::1", "2001:0:7f00:1::", "2001:db8::1", "2001:10::1", "2002:7f00:1::", "2002:a00:1::1",
    "3fff::1", "fc00::1", "fd00::1", "fd00:ec2::254", "fe80::1", "fe80::1%2", "fec0::1", "ff02::1",
    "ff0e::1", "fe80::1%eth0",
]  # fmt: skip
ANYTHING = OriginPattern.of("*")
PRIVATE = OriginPattern.of({"origin": "http://minio.internal:9000", "private": True})


@pytest.mark.parametrize("text", PUBLIC)
def test_public_addresses_need_no_more_than_a_name(text: str) -> None:
    assert is_public(ipaddress.ip_address(text))
    assert admits(ANYTHING, ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ELSEWHERE)
def test_everything_else_has_to_be_named(text: str) -> None:
    address = ipaddress.ip_address(text)
    assert not is_public(address)
    assert not admits(ANYTHING, address)
    assert not admits(OriginPattern.of("https://*.example.com"), address)
    assert not admits(OriginPattern.of("https://example.com"), address)
    if "%" not in text:
        literal = f"http://[{text}]" if ":" in text else f"http://{text}"
        assert admits(OriginPattern.of(literal), address)


@pytest.mark.parametrize(
    ("text", "admitted"),
    [
        ("10.1.2.3", True), ("172.16.0.9", True), ("192.168.1.1", True), ("127.0.0.1", True),
        ("::1", True), ("fd12::1", True), ("8.8.8.8", True),
        ("169.254.169.254", False), ("fe80::1", False), ("fd00:ec2::254", False),
        ("0.0.0.0", False), ("224.0.0.1", False), ("100.100.100.200", False),
        ("168.63.129.16", False), ("::ffff:10.0.0.1", False), ("64:ff9b::a00:1", False),
        ("2002:a00:1::1", False),
    ],
)  # fmt: skip
def test_a_private_name_is_of_private_networks_and_of_nothing_worse(
    text: str, admitted: bool
) -> None:
    assert admits(PRIVATE, ipaddress.ip_address(text)) is admitted


def test_localhost_says_where_it_is() -> None:
    pattern = OriginPattern.of("http://localhost:8080")
    assert admits(pattern, ipaddress.ip_address("127.0.0.1"))
    assert admits(pattern, ipaddress.ip_address("::1"))
    assert not admits(pattern, ipaddress.ip_address("10.0.0.1"))


def test_an_address_that_was_named_is_that_address_only() -> None:
    pattern = OriginPattern.of("http://127.0.0.1:9000")
    assert not admits(pattern, ipaddress.ip_address("127.0.0.2"))
    assert not admits(pattern, ipaddress.ip_address("8.8.8.8"))
