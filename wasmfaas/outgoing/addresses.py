"""Which addresses may be connected to for a user. A server sees more of its network than its users
should."""

import ipaddress
from collections.abc import Iterable
from typing import Final

from wasmfaas.origins import Address, OriginPattern

#: Of IPv6, the part that is routed; what is outside of it are this machine, private networks,
#: other protocols' addresses in disguise, and what means no single machine.
_ROUTED_V6: Final = ipaddress.IPv6Network("2000::/3")
#: Not public, whatever this version of `ipaddress` says: IANA's special purposes, among them 6to4
#: and Teredo, whose addresses hold any IPv4 address; and Azure's service for its machines.
_MISLEADING: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32",
                 "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
)  # fmt: skip
#: RFC 1918 and RFC 4193.
_PRIVATE: Final = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
#: Where clouds tell machines their credentials, in what is else a private network.
_METADATA: Final = (ipaddress.ip_network("fd00:ec2::/32"), ipaddress.ip_network("fd20:ce::/32"))


def is_public(address: Address) -> bool:
    """Whether *address* is that of one machine in the internet."""
    if isinstance(address, ipaddress.IPv6Address) and address not in _ROUTED_V6:
        return False
    special = address.is_multicast or address.is_reserved or address.is_unspecified
    return address.is_global and not special and not _is_in(address, _MISLEADING)


def admits(pattern: OriginPattern, address: Address) -> bool:
    """Whether what *pattern* lets in may be at *address*: a public one, or one that was named."""
    if pattern.literal is not None:
        return pattern.literal == address
    if is_public(address):
        return True
    if address.is_loopback:
        return pattern.is_local or pattern.private
    is_private = _is_in(address, _PRIVATE) and not _is_in(address, _METADATA)
    return pattern.private and is_private


def _is_in(
    address: Address, networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]
) -> bool:
    return any(address in network for network in networks if network.version == address.version)
