"""The parts of ASGI messages that the API's applications read and write."""

from collections.abc import Mapping
from urllib.parse import quote

from starlette.types import Scope, Send

from wasmfaas.api.response import Response


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers by lower-case name; of repeated ones the last."""
    return {
        name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]
    }


def raw_path_of(scope: Scope) -> bytes:
    """The path as it was sent, percent-encoded."""
    raw_path: bytes | None = scope.get("raw_path")
    return quote(scope["path"]).encode("ascii") if raw_path is None else raw_path


def declared_length(headers: Mapping[str, str]) -> int | None:
    """The body's length if the request declares it."""
    text = headers.get("content-length", "")
    if text.isascii() and text.isdigit() and len(text) <= 20:
        return int(text)
    return None if text or "transfer-encoding" in headers else 0


def authority_of(scope: Scope, headers: Mapping[str, str]) -> str:
    """Host and port by which the client reached us."""
    if "host" in headers:
        return headers["host"]
    host, port = scope.get("server") or ("127.0.0.1", None)
    return host if port is None else f"{host}:{port}"


async def send_response(send: Send, response: Response, headers: Mapping[str, str]) -> None:
    """Send *response* with *headers* added."""
    fields = {**headers, **response.headers}
    if response.status != 204 and response.parts is None:
        fields["content-length"] = str(len(response.body))
    await send(
        {
            "type": "http.response.start",
            "status": response.status,
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in fields.items()
            ],
        }
    )
    if response.parts is not None:
        async for part in response.parts:
            await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": response.body})
