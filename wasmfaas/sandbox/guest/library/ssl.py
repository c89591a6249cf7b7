"""TLS, which the host does: what there is to name and to configure, for modules that do so.

Stands in for the module of the standard library, whose own needs OpenSSL. A context accepts what it
is told, and verifies what the host verifies.
"""

import enum
import os
import socket
from typing import Any, Never

OPENSSL_VERSION = "none: the host does TLS"
OPENSSL_VERSION_INFO = (3, 0, 0, 0, 0)
OPENSSL_VERSION_NUMBER = 0x30000000
HAS_SNI = HAS_ALPN = HAS_ECDH = HAS_TLSv1_2 = HAS_TLSv1_3 = HAS_NEVER_CHECK_COMMON_NAME = True
HAS_NPN = HAS_SSLv2 = HAS_SSLv3 = HAS_TLSv1 = HAS_TLSv1_1 = HAS_PSK = HAS_PHA = False
CHANNEL_BINDING_TYPES: list[str] = []
PEM_HEADER, PEM_FOOTER = "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----"
_WHY = (
    "a function makes no TLS connections of its own: http.client, urllib.request, urllib3 and "
    "requests have the host make theirs"
)

socket_error = OSError


class SSLError(OSError):
    """An error of TLS."""

    library = reason = ""


class SSLZeroReturnError(SSLError):
    pass


class SSLWantReadError(SSLError):
    pass


class SSLWantWriteError(SSLError):
    pass


class SSLSyscallError(SSLError):
    pass


class SSLEOFError(SSLError):
    pass


class SSLCertVerificationError(SSLError, ValueError):
    verify_code, verify_message = 0, ""


CertificateError = SSLCertVerificationError


class _SSLMethod(enum.IntEnum):
    PROTOCOL_SSLv23 = 2
    PROTOCOL_TLS = 2
    PROTOCOL_TLSv1 = 3
    PROTOCOL_TLSv1_1 = 4
    PROTOCOL_TLSv1_2 = 5
    PROTOCOL_TLS_CLIENT = 16
    PROTOCOL_TLS_SERVER = 17


class VerifyMode(enum.IntEnum):
    CERT_NONE = 0
    CERT_OPTIONAL = 1
    CERT_REQUIRED = 2


class TLSVersion(enum.IntEnum):
    MINIMUM_SUPPORTED = -2
    MAXIMUM_SUPPORTED = -1
    SSLv3 = 768
    TLSv1 = 769
    TLSv1_1 = 770
    TLSv1_2 = 771
    TLSv1_3 = 772


class Options(enum.IntFlag):
    OP_ALL = 0x80000050
    OP_IGNORE_UNEXPECTED_EOF = 0x80
    OP_NO_TICKET = 0x4000
    OP_NO_COMPRESSION = 0x20000
    OP_NO_RENEGOTIATION = 0x40000000
    OP_CIPHER_SERVER_PREFERENCE = 0x400000
    OP_SINGLE_DH_USE = 0
    OP_SINGLE_ECDH_USE = 0
    OP_NO_SSLv2 = 0
    OP_NO_SSLv3 = 0x2000000
    OP_NO_TLSv1 = 0x4000000
    OP_NO_TLSv1_1 = 0x10000000
    OP_NO_TLSv1_2 = 0x8000000
    OP_NO_TLSv1_3 = 0x20000000


class VerifyFlags(enum.IntFlag):
    VERIFY_DEFAULT = 0
    VERIFY_CRL_CHECK_LEAF = 4
    VERIFY_CRL_CHECK_CHAIN = 12
    VERIFY_X509_STRICT = 0x20
    VERIFY_ALLOW_PROXY_CERTS = 0x40
    VERIFY_X509_TRUSTED_FIRST = 0x8000
    VERIFY_X509_PARTIAL_CHAIN = 0x80000


class SSLErrorNumber(enum.IntEnum):
    SSL_ERROR_SSL = 1
    SSL_ERROR_WANT_READ = 2
    SSL_ERROR_WANT_WRITE = 3
    SSL_ERROR_WANT_X509_LOOKUP = 4
    SSL_ERROR_SYSCALL = 5
    SSL_ERROR_ZERO_RETURN = 6
    SSL_ERROR_WANT_CONNECT = 7
    SSL_ERROR_EOF = 8


class Purpose(enum.Enum):
    SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
    CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"


for _members in (_SSLMethod, VerifyMode, Options, VerifyFlags, SSLErrorNumber):
    globals().update(_members.__members__)


class SSLContext:
    """Keeps what it is told."""

    sslsocket_class: Any = None
    sslobject_class: Any = None

    def __init__(self, protocol: int = _SSLMethod.PROTOCOL_TLS_CLIENT, *args: Any) -> None:
        self.protocol = protocol
        self.check_hostname = protocol == _SSLMethod.PROTOCOL_TLS_CLIENT
        self.verify_mode = VerifyMode.CERT_REQUIRED if self.check_hostname else VerifyMode(0)
        self.verify_flags = VerifyFlags.VERIFY_DEFAULT
        self.options = Options.OP_ALL
        self.minimum_version = TLSVersion.TLSv1_2
        self.maximum_version = TLSVersion.MAXIMUM_SUPPORTED
        self.hostname_checks_common_name = False
        self.post_handshake_auth: bool | None = None
        self.keylog_filename: str | None = None
        self.sni_callback = None

    def _accept(self, *args: Any, **kwargs: Any) -> None:
        """Takes note of nothing: certificates and ciphers are the host's affair."""

    load_verify_locations = load_default_certs = load_cert_chain = load_dh_params = _accept
    set_ciphers = set_alpn_protocols = set_npn_protocols = set_ecdh_curve = _accept
    set_default_verify_paths = set_servername_callback = _accept

    def cert_store_stats(self) -> dict[str, int]:
        return {"x509": 0, "crl": 0, "x509_ca": 0}

    def get_ca_certs(self, binary_form: bool = False) -> list[Any]:
        return []

    def get_ciphers(self) -> list[Any]:
        return []

    def wrap_socket(self, sock: Any, *args: Any, **kwargs: Any) -> Any:
        """*sock* itself where it is a connection that the host makes. Raises SSLError."""
        secured = getattr(sock, "secured", None)
        if secured is None:
            raise SSLError(_WHY)
        return secured()

    def wrap_bio(self, *args: Any, **kwargs: Any) -> Never:
        raise SSLError(_WHY)


class SSLSocket(socket.socket):
    """There are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(_WHY)


class SSLObject:
    """There are none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise TypeError(_WHY)


class SSLSession:
    """There are none."""


class MemoryBIO:
    """There are none."""

    def __init__(self) -> None:
        raise SSLError(_WHY)


def create_default_context(purpose: Purpose = Purpose.SERVER_AUTH, **kwargs: Any) -> SSLContext:
    return SSLContext(
        _SSLMethod.PROTOCOL_TLS_CLIENT
        if purpose is Purpose.SERVER_AUTH
        else _SSLMethod.PROTOCOL_TLS_SERVER
    )


def _create_unverified_context(*args: Any, **kwargs: Any) -> SSLContext:
    context = SSLContext()
    context.check_hostname, context.verify_mode = False, VerifyMode.CERT_NONE
    return context


_create_default_https_context = create_default_context
_create_stdlib_context = _create_unverified_context


def get_default_verify_paths() -> Any:
    import collections

    names = ("cafile", "capath", "openssl_cafile_env", "openssl_cafile",
             "openssl_capath_env", "openssl_capath")  # fmt: skip
    return collections.namedtuple("DefaultVerifyPaths", names)(*[None] * len(names))


def get_server_certificate(*args: Any, **kwargs: Any) -> Never:
    raise SSLError(_WHY)


def RAND_bytes(n: int) -> bytes:
    return os.urandom(n)


def RAND_status() -> bool:
    return True


def DER_cert_to_PEM_cert(der: bytes) -> str:
    import base64
    import textwrap

    body = "\n".join(textwrap.wrap(base64.standard_b64encode(der).decode("ascii"), 64))
    return f"{PEM_HEADER}\n{body}\n{PEM_FOOTER}\n"


def PEM_cert_to_DER_cert(pem: str) -> bytes:
    import base64

    text = pem.strip()
    if not text.startswith(PEM_HEADER) or not text.endswith(PEM_FOOTER):
        raise ValueError(f"Invalid PEM encoding; must start with {PEM_HEADER}")
    return base64.decodebytes(text[len(PEM_HEADER) : -len(PEM_FOOTER)].encode("ASCII"))


def cert_time_to_seconds(cert_time: str) -> int:
    import calendar
    import time

    return calendar.timegm(time.strptime(cert_time, "%b %d %H:%M:%S %Y GMT"))
