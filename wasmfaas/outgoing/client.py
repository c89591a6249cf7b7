"""Requests to origins that users name."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import httpcore

from wasmfaas.origins import OriginPattern
from wasmfaas.outgoing.errors import ConnectionBroken
from wasmfaas.outgoing.network import CheckedNetwork, Resolve, resolved
from wasmfaas.outgoing.urls import Target

Headers = Sequence[tuple[bytes, bytes]]


class OutgoingClient:
    """Makes requests. Lives as long as the server.

    Every request has a connection of its own, without proxies, cookies or credentials; redirects
    are the caller's to judge.
    """

    def __init__(
        self,
        resolve: Resolve = resolved,
        trust: Callable[[], ssl.SSLContext] = ssl.create_default_context,
        backend: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        """*trust* makes what certificates are checked with, on first use; it may block."""
        self._resolve = resolve
        self._trust = trust
        self._backend = backend or httpcore.AnyIOBackend()
        self._tls: ssl.SSLContext | None = None

    @asynccontextmanager
    async def stream(
        self,
        method: str,
        target: Target,
        patterns: Sequence[OriginPattern],
        headers: Headers,
        body: bytes | None,
    ) -> AsyncIterator[httpcore.Response]:
        """The answer of *target*, which is at an address that *patterns* admit; its body is still
        to be read. Raises HostUnknown, AddressRefused and ConnectionBroken."""
        origin = target.origin
        tls = await self._trusted() if origin.scheme == "https" else None
        network = CheckedNetwork(patterns, self._resolve, self._backend)
        url = httpcore.URL(
            scheme=origin.scheme, host=origin.host, port=origin.port, target=target.path
        )
        try:
            async with (
                httpcore.AsyncConnectionPool(
                    ssl_context=tls, max_connections=1, network_backend=network
                ) as pool,
                pool.stream(method, url, headers=headers, content=body) as response,
            ):
                yield response
        except (
            httpcore.NetworkError,
            httpcore.ProtocolError,
            httpcore.TimeoutException,
            httpcore.UnsupportedProtocol,
            ssl.SSLError,
            OSError,
        ) as error:
            reason = str(error)[:200] or type(error).__name__
            raise ConnectionBroken(f"{origin}: {reason}.") from None

    async def _trusted(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = await asyncio.to_thread(self._trust)
        return self._tls
