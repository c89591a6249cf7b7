"""From an address to a client that has seen the server, trusts it and signs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wasmfaas.auth.signer import Credentials, Signer
from wasmfaas.cli.client import REGION, Client
from wasmfaas.cli.discovery import Address
from wasmfaas.cli.failures import Failure, Refused
from wasmfaas.cli.signing import signing
from wasmfaas.exposure import LOOPBACK_HOSTS

if TYPE_CHECKING:
    import ssl

_CONNECT_S = 5.0
_ANSWER_S = 60.0
_CERTIFICATE_END = "-----END CERTIFICATE-----"


@contextmanager
def connect(address: Address, credentials: Credentials | None = None) -> Iterator[Client]:
    """A client of the server at *address*, which has been seen to answer. It signs with
    *credentials*."""
    import httpx

    # A proxy of the environment is no way to reach this very machine.
    local = urlsplit(address.url).hostname in LOOPBACK_HOSTS
    timeout = httpx.Timeout(_ANSWER_S, connect=_CONNECT_S)
    with httpx.Client(
        base_url=address.url, timeout=timeout, trust_env=not local, verify=_trust(address)
    ) as http:
        client = Client(address, http)
        try:
            health = client.health()
        except Refused:
            health = {}
        if "version" not in health:
            raise client.foreign()
        if credentials is not None:
            http.auth = signing(Signer(credentials, str(health.get("region", REGION))))
        yield client


def _trust(address: Address) -> "ssl.SSLContext | bool":
    """Whom to believe that the server is who it is: the certificate itself, where it is known,
    whatever name it was made for; else the authorities of this machine."""
    if address.certificate is None:
        return True
    import ssl

    try:
        first, end, _ = address.certificate.read_text().partition(_CERTIFICATE_END)
        context = ssl.create_default_context(cadata=first + end)
    except (OSError, ValueError) as error:
        message = f"cannot read the server's certificate {address.certificate}: {error}"
        raise Failure("InvalidCertificate", message) from None
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
