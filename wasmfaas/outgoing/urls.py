"""URLs that users name, read strictly: what is checked is what is connected to."""

import re
from dataclasses import dataclass
from typing import Final

import httpx

from wasmfaas.origins import DEFAULT_PORTS, Origin, literal_of
from wasmfaas.outgoing.errors import UrlRefused

URL_CHARACTERS_MAX: Final = 16 * 1024
_HOST: Final = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")
_HOST_CHARACTERS_MAX: Final = 253
_UNWANTED: Final = re.compile(r"[\x00-\x20\x7f\\]")


@dataclass(frozen=True, slots=True)
class Target:
    """Where one request goes."""

    url: str
    origin: Origin
    #: Path and query, as they are sent.
    path: bytes


def target_of(text: str, base: str | None = None) -> Target:
    """What *text* names, relative to *base* where that is given. Raises UrlRefused."""
    if len(text) > URL_CHARACTERS_MAX:
        raise UrlRefused(
            f"The URL has {len(text)} characters, but at most {URL_CHARACTERS_MAX} are allowed."
        )
    shown = ascii(shown_of(text))
    if _UNWANTED.search(text):
        raise UrlRefused(f"The URL {shown} has white space, a control character or a backslash.")
    try:
        url = httpx.URL(text) if base is None else httpx.URL(base).join(text)
        host, port = url.raw_host.decode("ascii"), url.port
    except (httpx.InvalidURL, ValueError) as error:
        raise UrlRefused(f"The URL {shown} cannot be read: {error}.") from None
    if url.scheme not in DEFAULT_PORTS:
        raise UrlRefused(f"The URL {shown} must begin with http:// or https://.")
    if url.userinfo:
        # It is the guest's secret: not shown.
        raise UrlRefused("The URL has a user name; send an Authorization header instead.")
    origin = Origin(url.scheme, _host(host, shown), _port(port, url.scheme, shown))
    return Target(str(url.copy_with(fragment=None)), origin, url.raw_path)


def shown_of(url: str) -> str:
    """What of *url* may be shown: not the query, which may be a capability."""
    return url.partition("?")[0][:200]


def _host(host: str, shown: str) -> str:
    name = host.lower().removesuffix(".")
    # The zone of a link-local address is of this machine.
    literal = None if "%" in name else literal_of(name)
    if literal is not None:
        return str(literal)
    if len(name) > _HOST_CHARACTERS_MAX or not _HOST.fullmatch(name):
        raise UrlRefused(f"The URL {shown} has no host that can be connected to.")
    return name


def _port(port: int | None, scheme: str, shown: str) -> int:
    if port is None:
        return DEFAULT_PORTS[scheme]
    if not 0 < port <= 65535:
        raise UrlRefused(f"The URL {shown} has a port that is none.")
    return port
