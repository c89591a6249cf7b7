"""Slows down who guesses: the answer to a failure waits, and the longer the more there were.

Only failures wait. A request with a good signature is served at once, whatever others do from the
same address or in the name of the same key.
"""

import asyncio
import ipaddress
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from wasmfaas.errors import NotAuthenticated, TooManyRequests

#: Failures in a row that are answered at once: a wrong secret, tried by a few tools.
FREE_FAILURES = 5
DELAY_S_MIN = 0.1
DELAY_S_MAX = 2.0
#: After so long without one, failures are forgotten.
FORGOTTEN_AFTER_S = 60.0
#: Addresses and keys that are remembered; those that failed longest ago go first.
REMEMBERED_MAX = 4096
#: Answers that wait at once; more get 429.
WAITING_MAX = 512
_IPV6_NETWORK_BITS = 64


@dataclass(slots=True)
class _Failures:
    count: int
    last_s: float


class Throttle:
    """Counts failures by address and by key. Lifetime: process.

    *clock* gives seconds that never go back; *sleep* waits for some.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._clock = clock
        self._sleep = sleep
        self._failures: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._waiting = 0

    async def failed(self, address: str, key_id: str | None, error: NotAuthenticated) -> None:
        """Count *error*, and return when it may be answered.

        Raises TooManyRequests where too many answers wait already.
        """
        delay_s = self._delay_s(self._count("address", _network(address)))
        if key_id is not None:
            delay_s = max(delay_s, self._delay_s(self._count("key", key_id)))
        if not delay_s:
            return
        if self._waiting >= WAITING_MAX:
            raise TooManyRequests("Rate exceeded", reason="CallerRateLimitExceeded") from error
        self._waiting += 1
        try:
            await self._sleep(delay_s)
        finally:
            self._waiting -= 1

    def _count(self, kind: str, name: str) -> int:
        now_s = self._clock()
        failures = self._failures.pop((kind, name), None)
        if failures is None or now_s - failures.last_s > FORGOTTEN_AFTER_S:
            failures = _Failures(0, now_s)
        failures.count += 1
        failures.last_s = now_s
        self._failures[kind, name] = failures
        if len(self._failures) > REMEMBERED_MAX:
            self._failures.popitem(last=False)
        return failures.count

    def _delay_s(self, count: int) -> float:
        beyond = count - FREE_FAILURES
        return min(DELAY_S_MIN * 2.0 ** min(beyond - 1, 20), DELAY_S_MAX) if beyond > 0 else 0.0


def _network(address: str) -> str:
    """Who has one IPv6 address has a whole network of them."""
    if ":" not in address:
        return address
    try:
        number = int(ipaddress.IPv6Address(address.partition("%")[0]))
    except ValueError:
        return address[:64]
    return f"{number >> (128 - _IPV6_NETWORK_BITS):x}::/{_IPV6_NETWORK_BITS}"
