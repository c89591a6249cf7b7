"""Origins, scheme and host and port, and patterns of them that permissions are made of."""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.errors import InvalidParameterValue

DEFAULT_PORTS: Final[Mapping[str, int]] = {"http": 80, "https": 443}
ANY: Final = "*"
_PATTERN: Final = re.compile(
    r"(?P<scheme>https?)://(?P<host>\*|(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])"
    r"(?::(?P<port>\d{1,5}))?/?",
    re.IGNORECASE,
)
_LOCAL: Final = "localhost"

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request goes. *host* is in lower case and ASCII, an IPv6 address without brackets."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def authority(self) -> str:
        """`HOST[:PORT]`, as in the Host header."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if DEFAULT_PORTS.get(self.scheme) == self.port else f":{self.port}"
        return host + port


@dataclass(frozen=True, slots=True)
class OriginPattern:
    """One entry of permissions. None as scheme or port is any."""

    scheme: str | None
    #: `*`, `*.example.com`, or one host.
    host: str
    port: int | None
    #: Whether addresses of private networks and of this machine may be behind a name.
    private: bool = False

    @classmethod
    def of(cls, entry: str | Mapping[str, Any]) -> "OriginPattern":
        """From what somebody wrote: a string, or {"origin": …, "private": …}.

        Raises InvalidParameterValue.
        """
        private: Any = False
        text: Any = entry
        if isinstance(entry, Mapping):
            private, text = entry.get("private", False), entry.get("origin")
            if entry.keys() - {"origin", "private"} or not isinstance(private, bool):
                raise InvalidParameterValue(
                    "An entry of permissions.fetch is a string, or has origin and private, which "
                    "is true or false."
                )
        try:
            return cls.parse(str(text), private=private)
        except ValueError as error:
            raise InvalidParameterValue(f"permissions.fetch has {error}.") from None

    @classmethod
    def parse(cls, text: str, *, private: bool = False) -> "OriginPattern":
        """From *text*. Raises ValueError, which names it and says what is expected."""
        if text == ANY:
            return cls(None, ANY, None, private)
        found = _PATTERN.fullmatch(text)
        port = int(found["port"]) if found and found["port"] else None
        if found is None or port == 0 or (port or 0) > 65535:
            raise ValueError(
                f"{text[:80]!a}, but an origin is http:// or https://, a host, and maybe a port, "
                "such as https://api.example.com or https://*.example.com:8443; international "
                "names in their ASCII form"
            )
        scheme = found["scheme"].lower()
        host = found["host"].lower().strip("[]")
        literal = literal_of(host)
        if found["host"].startswith("[") and literal is None:
            raise ValueError(f"{text[:80]!a}: no IPv6 address")
        host = host if literal is None else str(literal)
        return cls(scheme, host, port or DEFAULT_PORTS[scheme], private)

    def document(self) -> str | dict[str, Any]:
        """As it is stored and shown."""
        if self.scheme is None or self.port is None:
            text = ANY
        else:
            text = str(Origin(self.scheme, self.host, self.port))
        return {"origin": text, "private": True} if self.private else text

    def matches(self, origin: Origin) -> bool:
        """Whether *origin* is one of these."""
        if self.scheme not in (None, origin.scheme) or self.port not in (None, origin.port):
            return False
        if self.host == ANY:
            return True
        if self.host.startswith("*."):
            return literal_of(origin.host) is None and origin.host.endswith(self.host[1:])
        return self.host == origin.host

    @property
    def literal(self) -> Address | None:
        """The address that it names."""
        return literal_of(self.host)

    @property
    def is_local(self) -> bool:
        """Whether it says by its name that it is on this machine."""
        return self.host == _LOCAL


def literal_of(host: str) -> Address | None:
    """The address that *host* is, in the usual spelling; None where it is a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
