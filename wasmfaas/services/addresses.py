"""Which addresses a URL that users name may lead to: public ones, and others only where the
operator lists the origin. A server sees more of its network than its users should."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from wasmfaas.services.errors import RemoteFailed

_PORTS = {"http": 80, "https": 443}
#: IPv4 behind a translator (RFC 6052, RFC 8215): it may lead to any private address.
_TRANSLATED = (ipaddress.ip_network("64:ff9b::/96"), ipaddress.ip_network("64:ff9b:1::/48"))

#: Host and port to addresses.
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolved(host: str, port: int) -> list[str]:
    """The addresses of *host*, as the system knows them. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(each[4][0]) for each in found]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """What a URL leads to, once its host has been looked up and found to be allowed."""

    #: The URL with the address in place of the host.
    url: str
    #: `HOST[:PORT]`, for the Host header.
    authority: str
    #: For TLS: who has to answer.
    host: str


class Addresses:
    """Looks hosts up and refuses those that must not be reached. Lifetime: process.

    *private_origins* are the origins, `http(s)://HOST[:PORT]`, that may lead anywhere.
    """

    def __init__(self, private_origins: frozenset[str], resolve: Resolve = resolved) -> None:
        self._private_origins = frozenset(origin_of(each) for each in private_origins)
        self._resolve = resolve

    def objection(self, url: str) -> str | None:
        """Why *url* cannot be an address to send to, whatever its host means; None if it can."""
        try:
            parts = urlsplit(url)
            known = parts.scheme in _PORTS and bool(parts.hostname) and parts.port != 0
        except ValueError:
            known = False
        if not known or not (url.isascii() and url.isprintable()) or {" ", "\\"} & set(url):
            return "it is not an http:// or https:// URL"
        if parts.username is not None or parts.password is not None or parts.fragment:
            return "it has a user name, a password or a fragment"
        if parts.scheme == "http" and origin_of(url) not in self._private_origins:
            return "it is not https://, and the operator has not listed its origin"
        return None

    async def endpoint(self, url: str) -> Endpoint:
        """What *url* leads to; to be connected to as it is, not looked up again. Raises
        RemoteFailed for what must not be reached and for what cannot be found."""
        objection = self.objection(url)
        if objection is not None:
            raise RemoteFailed(f"{url[:200]!a} is refused: {objection}.", reason="UrlNotAllowed",
                               is_final=True)  # fmt: skip
        parts = urlsplit(url)
        host = str(parts.hostname)
        port = parts.port or _PORTS[parts.scheme]
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise RemoteFailed(
                f"{host[:200]} cannot be looked up: {error}.", reason="NotReachable"
            ) from None
        listed = origin_of(url) in self._private_origins
        for address in addresses:
            if listed or is_public(address):
                literal = f"[{address}]" if ":" in address else address
                direct = parts._replace(netloc=f"{literal}:{port}", fragment="").geturl()
                return Endpoint(direct, parts.netloc, host)
        raise RemoteFailed(
            f"{host[:200]} leads to no public address. Only the operator can allow others, by "
            "listing the origin (webhook_private_origins).",
            reason="AddressNotAllowed",
            is_final=True,
        )


def origin_of(url: str) -> str:
    """`scheme://host:port` of *url*, with the port always said."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return f"{parts.scheme}://{host}:{parts.port or _PORTS.get(parts.scheme, 0)}"


def is_public(address: str) -> bool:
    """Whether the internet, and nothing nearer, is behind an IP *address*."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if isinstance(parsed, ipaddress.IPv6Address):
        inner = parsed.ipv4_mapped or parsed.sixtofour or (parsed.teredo or (None, None))[1]
        if inner is not None:
            return is_public(str(inner))
        if any(parsed in network for network in _TRANSLATED):
            return False
    return parsed.is_global and not parsed.is_multicast and not parsed.is_reserved
