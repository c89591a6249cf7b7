"""Whose answer is whose, where one connection has requests of the long way and of the short."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from wasmfaas.edge.bodies import HeldBodies
from wasmfaas.edge.connection import Respond, bounded
from wasmfaas.settings import Settings

ANSWER_S_MAX = 10


async def long_way(scope: Scope, receive: Receive, send: Send) -> None:
    message = await receive()
    body = message["body"] + b"long"
    headers = [(b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def short_way(scope: Scope, body: bytes, respond: Respond) -> bool:
    """Answers at once, as a function without room does."""
    if scope["path"] != "/short":
        return False
    respond(429, [(b"content-length", b"5")], b"short")
    return True


@contextlib.asynccontextmanager
async def client(path: Path) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    settings = Settings(data_dir=path, event_bytes_max=4)
    held = HeldBodies(long_way, 1_000_000)
    kind, state = bounded(settings, 10, held, short_way), ServerState()
    config = uvicorn.Config(held, http=kind, ws="none", lifespan="off", log_config=None)
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: kind(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    host, port = server.sockets[0].getsockname()
    async with server, asyncio.timeout(ANSWER_S_MAX):
        reader, writer = await asyncio.open_connection(host, port)
        yield reader, writer
        writer.close()
        await writer.wait_closed()


def request(method: str, target: str) -> bytes:
    return f"{method} {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()


def test_an_answer_without_a_body_leaves_before_the_next(tmp_path: Path) -> None:
    async def scenario() -> list[bytes]:
        async with client(tmp_path) as (reader, writer):
            writer.write(request("HEAD", "/long") + request("GET", "/short"))
            return [await reader.readuntil(b"\r\n\r\n") for _ in range(2)]

    first, second = uvloop.run(scenario())
    assert first.startswith(b"HTTP/1.1 200 ")
    assert second.startswith(b"HTTP/1.1 429 ")


def test_a_body_beyond_the_limit_does_not_go_the_short_way(tmp_path: Path) -> None:
    async def scenario() -> list[bytes]:
        async with client(tmp_path) as (reader, writer):
            heads = []
            for body in (b"1234", b"12345"):
                head = f"POST /short HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}"
                writer.write(head.encode() + b"\r\n\r\n" + body)
                heads.append(await reader.readuntil(b"\r\n\r\n"))
                await reader.readexactly(5 if len(heads) == 1 else 9)
            return heads

    short, long = uvloop.run(scenario())
    assert short.startswith(b"HTTP/1.1 429 ")
    assert long.startswith(b"HTTP/1.1 200 ")
