"""How a fetch connects: a name is resolved once, its addresses are checked, and what is connected
to is one of these. So nobody's DNS can say one thing to the check and another to the connection."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpcore

from wasmfaas.capabilities.addresses import admits
from wasmfaas.capabilities.failures import CallFailed, Kind
from wasmfaas.origins import Address, OriginPattern, literal_of

#: Of the addresses of a name, as many are tried.
_ADDRESSES_TRIED_MAX: Final = 3
_THREADS: Final = 8

#: The addresses of a host, for a port. Raises OSError where there are none.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Resolver:
    """Asks the system for addresses, on threads of its own: what hangs there holds up nothing but
    fetches. Lives as long as the server."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="resolver")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        """Raises OSError."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self._threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        )
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))

    def close(self) -> None:
        """Wait for nothing that is still being asked."""
        self._threads.shutdown(wait=False, cancel_futures=True)


class CheckedNetwork(httpcore.AsyncNetworkBackend):
    """Connects to one origin, where its addresses are such as *patterns* admit. Lives as long as
    one request."""

    def __init__(
        self,
        patterns: Sequence[OriginPattern],
        resolve: Resolve,
        backend: httpcore.AsyncNetworkBackend,
    ) -> None:
        self._patterns = patterns
        self._resolve = resolve
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Raises CallFailed where *host* is nowhere that it may be, httpcore's errors."""
        addresses = await self._admitted(host, port)
        failure: Exception | None = None
        for address in addresses[:_ADDRESSES_TRIED_MAX]:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, timeout, local_address, socket_options
                )
            except httpcore.NetworkError as error:
                failure = error
        raise failure or httpcore.ConnectError("there is no address")

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,  # noqa: ASYNC109
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("there are no sockets of this machine")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

    async def _admitted(self, host: str, port: int) -> list[Address]:
        literal = literal_of(host)
        found = [literal] if literal is not None else await self._resolved(host, port)
        admitted = [
            address
            for address in found
            if any(admits(pattern, address) for pattern in self._patterns)
        ]
        if not admitted:
            # Not the address: who may not connect there need not know where it is.
            raise CallFailed(
                Kind.ACCESS_DENIED,
                f"{host} is not a public address, or does not lead to one. To permit it, list the "
                "address itself in permissions.fetch, or the name with private = true.",
            )
        return admitted

    async def _resolved(self, host: str, port: int) -> list[Address]:
        try:
            texts = await self._resolve(host, port)
        except (OSError, UnicodeError):
            raise CallFailed(Kind.CONNECTION_FAILED, f"The name {host} has no address.") from None
        return [ipaddress.ip_address(text) for text in texts]
