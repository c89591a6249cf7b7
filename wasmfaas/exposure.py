"""Who can reach a server, and what that takes."""

import re
from urllib.parse import urlsplit

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "::1", "localhost"})
SOURCE_SCHEMES = frozenset({"kafka", "kafkas", "redis", "rediss", "unix"})
_ENDPOINT_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def exposure_objection(
    host: str, *, has_certificate: bool, has_key: bool, insecure_http: bool, dev_no_auth: bool
) -> str | None:
    """Why a server must not listen on *host* so, or None: nothing leaves this machine in the
    clear, or goes unchecked, unless the operator asks for it."""
    if has_certificate != has_key:
        return "tls_cert and tls_key go together: set both, or neither."
    if has_certificate and insecure_http:
        return "insecure_http is set, but so is tls_cert: set one of them."
    if host in LOOPBACK_HOSTS:
        return None
    local = ", ".join(sorted(LOOPBACK_HOSTS))
    if dev_no_auth:
        return (
            f"host is {host!r}, but dev_no_auth is for loopback addresses only ({local}): anyone "
            "on the network could run code here."
        )
    if has_certificate or insecure_http:
        return None
    return (
        f"host is {host!r}, but other addresses than loopback ({local}) need TLS: set tls_cert and "
        "tls_key, or insecure_http where the network is trusted, or where a proxy in front of the "
        "server speaks TLS."
    )


def endpoint_objection(name: str, url: str) -> str | None:
    """Why the setting *name* may not be *url*: it is not the address of a server and nothing more.
    None if it may; an empty one may."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if url and (not known or "@" in url or parts.path.strip("/") or parts.query or parts.fragment):
        return (
            f"{name} is {url.rpartition('@')[2]!r}, but must be http:// or https:// and a host, "
            "such as http://127.0.0.1:9000, and nothing more."
        )
    return None


def named_endpoints(text: str) -> dict[str, str]:
    """URLs by name, from `NAME=URL` separated by white space. Raises ValueError, whose text has
    nothing of a URL but its scheme: there may be a password in it."""
    found: dict[str, str] = {}
    for number, entry in enumerate(text.split(), 1):
        name, _, url = entry.partition("=")
        if not _ENDPOINT_NAME.fullmatch(name) or not url:
            raise ValueError(
                f"entry {number} is not NAME=URL, with a name of at most 100 letters, digits and "
                "'.', '_', '-'; entries are separated by white space"
            )
        scheme = url.partition("://")[0]
        if scheme not in SOURCE_SCHEMES or not url.removeprefix(f"{scheme}://"):
            shown = ", ".join(f"{each}://" for each in sorted(SOURCE_SCHEMES))
            raise ValueError(f"the URL of {name} has to begin with one of {shown}")
        if name in found:
            raise ValueError(f"{name} is named twice")
        found[name] = url
    return found
