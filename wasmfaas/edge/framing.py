"""How the body of a request is delimited."""

from collections.abc import Iterable

from wasmfaas.errors import BadRequest

_TRANSFER_ENCODING = b"transfer-encoding"
_CONTENT_LENGTH = b"content-length"


def check_framing(headers: Iterable[tuple[bytes, bytes]], upgrades: bool) -> None:
    """Raises BadRequest unless the body, if any, is framed in a way that is read here; *upgrades*
    says that the request asks for another protocol."""
    has_body = False
    for name, value in headers:
        if name == _TRANSFER_ENCODING:
            has_body = True
            if value.strip().lower() != b"chunked":
                raise BadRequest("Of all transfer encodings, only chunked is read here.")
        elif name == _CONTENT_LENGTH:
            has_body = value.strip(b"0 ") != b""
    if upgrades and has_body:
        raise BadRequest(
            "A request with a body asks for another protocol (Upgrade), and none other than "
            "HTTP/1.1 is spoken here. Send it without Upgrade."
        )
