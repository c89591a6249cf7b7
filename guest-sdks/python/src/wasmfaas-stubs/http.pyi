"""HTTP requests out of the events of function URLs (payload format 2.0), and answers to them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ("Request", "request", "response")

@dataclass(frozen=True)
class Request:
    """A request, as far as web applications want to know it."""

    method: str
    scheme: str
    #: As sent: percent-encoded.
    raw_path: str
    query: str
    #: By lower-case name; a header that was repeated has all its values, with commas.
    headers: dict[str, str]
    body: bytes
    protocol: str
    client: str
    host: str
    port: int
    @property
    def path(self) -> bytes:
        """The path, without percent-encoding."""

def request(event: Any) -> Request:
    """The request that *event* stands for. Raises ValueError where it stands for none."""

def response(
    body: bytes | str | None = None,
    status: int = 200,
    *,
    content_type: str = "text/plain; charset=utf-8",
    headers: Iterable[tuple[str, str]] | Mapping[str, str] = (),
) -> dict[str, Any]:
    """What a handler answers for a function URL; *headers* may repeat, such as Set-Cookie."""
