"""Answers in parts, between a worker and a reader."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.triggers.test_http import usage
from wasmfaas.errors import TooManyRequests
from wasmfaas.invoke.streams import WINDOW_BYTES, ResponseStream
from wasmfaas.models import Outcome

HALF = WINDOW_BYTES // 2
OUTCOME = Outcome(
    request_id="r", executed_version="1", payload=b"", error_type=None, usage=usage("r", None),
    log=b"",
)  # fmt: skip


class Worker:
    """Remembers what it may send."""

    def __init__(self) -> None:
        self.granted: list[int] = []

    def more(self, size: int) -> None:
        self.granted.append(size)


def run(test: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(test, 60))


def test_parts_come_in_order_and_then_the_end() -> None:
    async def test() -> None:
        stream = ResponseStream("1", 100)
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
        for part in (b"a", b"", b"b"):
            stream.feed(part, Worker().more)
        stream.end(OUTCOME)
        assert [await reading, await stream.read(), await stream.read()] == [b"a", b"b", None]
        assert (stream.outcome, stream.bytes) == (OUTCOME, 2)

    run(test())


def test_what_comes_before_an_error_is_read_first() -> None:
    async def test() -> None:
        stream = ResponseStream("1", 100)
        stream.feed(b"a", Worker().more)
        stream.end(TooManyRequests("later", reason="CallerRateLimitExceeded"))
        assert await stream.read() == b"a"
        with pytest.raises(TooManyRequests):
            await stream.read()

    run(test())


def test_room_is_made_by_reading() -> None:
    async def test() -> None:
        stream, worker = ResponseStream("1", 100 * HALF), Worker()
        assert stream.terms() == {"bytes_max": 100 * HALF, "room": WINDOW_BYTES}
        stream.feed(bytes(HALF), worker.more)
        stream.feed(bytes(HALF), worker.more)
        assert worker.granted == []
        await stream.read()
        assert worker.granted == [HALF]
        stream.feed(bytes(HALF), worker.more)
        with pytest.raises(ValueError, match="room"):
            stream.feed(b"x", worker.more)

    run(test())


def test_no_more_than_the_limit_is_taken() -> None:
    async def test() -> None:
        stream = ResponseStream("1", 10)
        stream.feed(bytes(10), Worker().more)
        with pytest.raises(ValueError, match="room"):
            stream.feed(b"x", Worker().more)

    run(test())


def test_nothing_is_held_for_a_reader_who_left() -> None:
    async def test() -> None:
        stream, worker, closed = ResponseStream("1", 100 * HALF), Worker(), []
        stream.on_close = lambda: closed.append(True)
        stream.feed(bytes(HALF), worker.more)
        stream.close()
        assert (worker.granted, closed) == ([HALF], [True])
        for _ in range(10):
            stream.feed(bytes(HALF), worker.more)
        assert worker.granted == [HALF] * 11
        assert not stream._chunks

    run(test())
