"""How it is connected to what a user names: a name is resolved once, its addresses are checked, and
what is connected to is one of these. So nobody's DNS can say one thing to the check and another to
the connection."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import httpcore

from wasmfaas.origins import Address, OriginPattern, literal_of
from wasmfaas.outgoing.addresses import admits
from wasmfaas.outgoing.errors import AddressRefused, HostUnknown

#: Of the addresses of a name, as many are tried.
_ADDRESSES_TRIED_MAX: Final = 3
#: Of each of them, where nobody waits for less.
_CONNECT_S_MAX: Final = 10.0
_THREADS: Final = 8

#: The addresses of a host, for a port. Raises OSError where there are none.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


async def resolved(host: str, port: int) -> Sequence[str]:
    """The addresses of *host*, as the system knows them. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Resolver:
    """Asks the system for addresses, on threads of its own: what hangs there holds up nothing but
    what is sent to users' places. Lives as long as the server."""

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
        """Raises HostUnknown, AddressRefused, and httpcore's errors."""
        addresses = await admitted(host, port, self._patterns, self._resolve)
        connect_s = min(timeout or _CONNECT_S_MAX, _CONNECT_S_MAX)
        failure: Exception | None = None
        for address in addresses[:_ADDRESSES_TRIED_MAX]:
            try:
                return await self._backend.connect_tcp(
                    str(address), port, connect_s, local_address, socket_options
                )
            except (httpcore.NetworkError, httpcore.TimeoutException) as error:
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


async def admitted(
    host: str, port: int, patterns: Sequence[OriginPattern], resolve: Resolve
) -> list[Address]:
    """The addresses of *host* that *patterns* admit, at least one; to be connected to as they are,
    and not looked up again. Raises HostUnknown, AddressRefused."""
    literal = literal_of(host)
    if literal is not None:
        found = [literal]
    else:
        try:
            found = [ipaddress.ip_address(text) for text in await resolve(host, port)]
        except (OSError, ValueError):
            raise HostUnknown(f"The name {host[:200]} has no address.") from None
    kept = [each for each in found if any(admits(pattern, each) for pattern in patterns)]
    if not kept:
        # Not the address: who may not connect there need not know where it is.
        raise AddressRefused(f"{host[:200]} is not a public address, or does not lead to one.")
    return kept
