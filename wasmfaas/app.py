"""Runs a server: binds, opens a `Node`, serves it until told to stop."""

import asyncio
import contextlib
import gc
import json
import logging
import os
import resource
import signal
import socket
import ssl
from collections.abc import Callable, Iterator

import uvicorn
import uvloop

from wasmfaas import __version__
from wasmfaas.edge import connection
from wasmfaas.errors import ServiceUnavailable
from wasmfaas.node import Node
from wasmfaas.settings import Settings

_BACKLOG = 2048
_KEEP_ALIVE_S = 75
_COLLECT_AFTER = 10_000
#: Requests that run when the server is told to stop have this long to finish.
_STOP_S_MAX = 10
#: Once they are cut short, clients have this long to read so.
_LEAVE_S_MAX = 1
#: What is listened on everywhere is shown as what reaches it from here.
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "::": "::1"}
#: Files that are open beside connections: workers, logs, packages on their way.
_OTHER_FILES = 512


def serve(
    settings: Settings,
    ready: Callable[[str], None] | None = None,
    progress: Callable[[str], None] | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM.

    *ready* is called with the server's URL, *progress* with a line for each step that takes time.
    Raises WasmfaasError for what the operator has to be told: the port or the data directory is in
    use, the runtime can't be built, no worker starts.
    """
    _check_certificate(settings)
    listener = _bind(settings)
    with contextlib.closing(listener):
        uvloop.run(_serve(settings, listener, ready or _ignore, progress or _ignore))


async def _serve(
    settings: Settings,
    listener: socket.socket,
    ready: Callable[[str], None],
    progress: Callable[[str], None],
) -> None:
    async with Node(settings, progress) as node:
        url = _url(settings, listener)
        server = _Server(
            uvicorn.Config(
                node.application,
                http=connection.bounded(
                    settings, _connections_max(settings), node.application, node.shortcut
                ),
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                server_header=False,
                ssl_certfile=settings.tls_cert,
                ssl_keyfile=settings.tls_key,
                proxy_headers=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_STOP_S_MAX + 2 * _LEAVE_S_MAX,
            ),
            node,
        )
        logging.getLogger("uvicorn.error").addFilter(_Incomplete())
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, server.stop)
        serving = loop.create_task(server.serve(sockets=[listener]))
        checking = loop.create_task(connection.keep_checking(server.server_state.connections))
        # What is there now stays: collections need not walk it for every few hundred requests.
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER)
        with _announced(node, url, settings):
            loop.call_soon(ready, url)
            await serving
        checking.cancel()


class _Incomplete(logging.Filter):
    """Keeps quiet about responses that end early: the answers of functions that broke off."""

    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg != "ASGI callable returned without completing response."


class _Server(uvicorn.Server):
    """uvicorn's server, with signals left to us: it would end the process before we are done."""

    def __init__(self, config: uvicorn.Config, node: Node) -> None:
        super().__init__(config)
        self._node = node

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def stop(self) -> None:
        """Stop accepting, finish what runs, or cut it short in the end; a second call does so at
        once."""
        if self.should_exit:
            self._cut_short()
            return
        self.should_exit = True
        self._node.stop()
        asyncio.get_running_loop().call_later(_STOP_S_MAX, self._cut_short)

    def _cut_short(self) -> None:
        self._node.cut_short()
        asyncio.get_running_loop().call_later(_LEAVE_S_MAX, self._leave)

    def _leave(self) -> None:
        for client in list(self.server_state.connections):
            if isinstance(client, connection.Connection):
                client.transport.abort()


@contextlib.contextmanager
def _announced(node: Node, url: str, settings: Settings) -> Iterator[None]:
    """Says where the server is, in the file by which the command line finds it."""
    path = node.directory.server_file
    temporary = path.with_suffix(".new")
    members = {"url": url, "pid": os.getpid(), "version": __version__}
    if settings.tls_cert is not None:
        members["tls_cert"] = str(settings.tls_cert.absolute())
    if settings.dev_no_auth:
        members["dev_no_auth"] = True
    temporary.write_text(json.dumps(members))
    temporary.replace(path)
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _check_certificate(settings: Settings) -> None:
    """Tell of what is wrong with it before anything is started."""
    if settings.tls_cert is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_cert, settings.tls_key)
    except OSError as error:  # ssl's own errors are among them
        raise ServiceUnavailable(
            f"The certificate {settings.tls_cert} with the key {settings.tls_key} cannot be used: "
            f"{error.strerror or error}. Both have to be PEM files, and belong together."
        ) from None


def _bind(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ServiceUnavailable(
            f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}. "
            "Another server may be running; choose another port with --port."
        ) from None
    listener.setblocking(False)
    return listener


def _connections_max(settings: Settings) -> int:
    """As many as the settings say, or as the system lets us open beside all other files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        connections_max = settings.connections_max
    else:
        connections_max = min(settings.connections_max, max(hard - _OTHER_FILES, hard // 2))
    files_max = connections_max + _OTHER_FILES
    if soft != resource.RLIM_INFINITY and soft < files_max:
        limit = files_max if hard == resource.RLIM_INFINITY else min(files_max, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return connections_max


def _url(settings: Settings, listener: socket.socket) -> str:
    host = _WILDCARDS.get(settings.host, settings.host)
    shown = f"[{host}]" if ":" in host else host
    return f"{settings.scheme}://{shown}:{listener.getsockname()[1]}"


def _ignore(_: str) -> None:
    pass
