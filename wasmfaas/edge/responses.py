"""What leaves on a connection, in as few segments as it takes."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any

import httptools
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from wasmfaas.errors import BadRequest, WasmfaasError

Pairs = Sequence[tuple[bytes, bytes]]


class OneWrite:
    """The transport as one answer sees it: the head waits for what follows at once, so that both
    leave in one segment."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = None
        self._has_head = False

    def write(self, data: bytes) -> None:
        if not self._has_head:
            self._has_head, self._head = True, data
            self._loop.call_soon(self._flush)
        elif self._head is None:
            self._transport.write(data)
        else:
            head, self._head = self._head, None
            self._transport.write(head + data)

    def _flush(self) -> None:
        head, self._head = self._head, None
        if head is not None:
            self._transport.write(head)

    def __getattr__(self, name: str) -> Any:
        # Whatever else is done to the transport comes after what was written.
        self._flush()
        return getattr(self._transport, name)


class Prepared:
    """An application that answers with a response that is there."""

    def __init__(self, status: int, headers: Pairs, body: bytes) -> None:
        self._start = {"type": "http.response.start", "status": status, "headers": headers}
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send(self._start)
        await send({"type": "http.response.body", "body": self._body})


def whole(status: int, default: Pairs, headers: Pairs, body: bytes, *, close: bool) -> bytes:
    """A response: names in lower case, and nothing in them that would end a header."""
    lines = [STATUS_LINE[status]]
    for name, value in default:
        lines += (name, b": ", value, b"\r\n")
    for name, value in headers:
        lines += (name, b": ", value, b"\r\n")
    lines.append(b"connection: close\r\n\r\n" if close else b"\r\n")
    lines.append(body)
    return b"".join(lines)


def explained(error: httptools.HttpParserError) -> WasmfaasError:
    """Why a request could not be parsed, as an answer to it."""
    cause = error.__context__
    if isinstance(cause, WasmfaasError):
        return cause
    if isinstance(error, httptools.HttpParserCallbackError):
        return BadRequest("The target of the request cannot be read: it has to be a path.")
    return BadRequest(f"This is not HTTP/1.1: {error}.")


def refusal(error: WasmfaasError, default: Iterable[tuple[bytes, bytes]]) -> Iterable[bytes]:
    """The parts of an answer that is none of an application's."""
    body = json.dumps(error.body()).encode()
    headers = {
        "content-type": "application/json",
        "x-amzn-errortype": error.code,
        **error.headers(),
        "content-length": str(len(body)),
        "connection": "close",
    }
    yield STATUS_LINE[error.status]
    yield from (b"%b: %b\r\n" % pair for pair in default)
    yield from (f"{name.lower()}: {value}\r\n".encode() for name, value in headers.items())
    yield b"\r\n" + body
