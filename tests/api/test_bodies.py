import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wasmfaas.api import bodies
from wasmfaas.errors import RequestEntityTooLarge, RequestTimeout


def too_large() -> RequestEntityTooLarge:
    return RequestEntityTooLarge("too large")


def arriving(*chunks: bytes, ends: bool = True) -> tuple[Callable[[], Awaitable[Any]], list[bytes]]:
    """A receive channel, and the chunks that are still to come."""
    waiting = list(chunks)

    async def receive() -> Any:
        if waiting:
            more = len(waiting) > 1 or not ends
            return {"type": "http.request", "body": waiting.pop(0), "more_body": more}
        if ends:
            return {"type": "http.disconnect"}
        await asyncio.Event().wait()

    return receive, waiting


def test_a_body_is_put_together() -> None:
    receive, _ = arriving(b"ab", b"", b"cd")
    assert asyncio.run(bodies.read(receive, 4, 4, too_large)) == b"abcd"


def test_a_body_too_large_by_its_declared_length_is_not_read() -> None:
    receive, waiting = arriving(b"abcde")
    with pytest.raises(RequestEntityTooLarge):
        asyncio.run(bodies.read(receive, 5, 4, too_large))
    assert waiting == [b"abcde"]


def test_a_body_too_large_is_given_up_while_it_arrives() -> None:
    receive, waiting = arriving(b"abc", b"de", b"never read")
    with pytest.raises(RequestEntityTooLarge):
        asyncio.run(bodies.read(receive, None, 4, too_large))
    assert waiting == [b"never read"]


def test_a_stalled_client_is_given_up() -> None:
    receive, _ = arriving(b"abc", ends=False)
    with pytest.raises(RequestTimeout, match=r"3 bytes were received, then nothing for 0\.01 s"):
        asyncio.run(bodies.read(receive, 10, 10, too_large, stall_s=0.01))


def test_a_client_that_goes_away_is_noticed() -> None:
    receive, waiting = arriving(b"abc", b"def")

    async def leaving() -> Any:
        return await receive() if len(waiting) > 1 else {"type": "http.disconnect"}

    with pytest.raises(bodies.ClientDisconnected):
        asyncio.run(bodies.read(leaving, None, 10, too_large))


def test_large_bodies_take_turns_and_small_ones_do_not_wait() -> None:
    async def scenario() -> list[str]:
        turns, seen = bodies.Turns(1), []
        leave = asyncio.Event()

        async def hold(name: str, declared: int | None) -> None:
            async with turns.turn(declared):
                seen.append(name)
                await leave.wait()

        async with asyncio.TaskGroup() as group:
            group.create_task(hold("large", 10**6))
            group.create_task(hold("of unknown size", None))
            group.create_task(hold("small", 100))
            for _ in range(5):
                await asyncio.sleep(0)
            held = list(seen)
            leave.set()
        assert seen[-1] == "of unknown size"
        return held

    assert asyncio.run(scenario()) == ["large", "small"]
