"""Answers in parts: how they leave a sandbox, and what bounds them."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.sandbox import wat
from tests.sandbox.conftest import REQUEST_ID, Pool, answer
from wasmfaas.invoke.job import Errand, WorkerDied
from wasmfaas.invoke.reply import Reply
from wasmfaas.invoke.streams import WINDOW_BYTES
from wasmfaas.invoke.target import Target

HANDLER = "def lambda_handler(event, context):\n"
CONTEXT = b'{"traceId": "Root=1-0", "requestId": "%b"' % REQUEST_ID.encode()


class Streaming(Errand):
    """An invocation whose answer is wanted in parts; lets more come where *taking*."""

    __slots__ = ("arrived", "chunks", "serves_on", "taking")

    def __init__(self, target: Target, event: bytes, bytes_max: int, *, taking: bool) -> None:
        message = {
            "op": "invoke",
            "request_id": REQUEST_ID,
            "event": event,
            "context": CONTEXT,
            "stream": {"bytes_max": bytes_max, "room": WINDOW_BYTES},
        }
        super().__init__(target, message, _reply)
        self.chunks: list[bytes] = []
        self.arrived: list[float] = []
        self.taking = taking

    def answered(self, answer: dict[str, Any] | WorkerDied) -> None:
        #: Whether the sandbox takes the next invocation as it is.
        self.serves_on = not isinstance(answer, WorkerDied) and answer["ready"] is not None
        super().answered(answer)

    def streamed(self, data: bytes, more: Callable[[int], None]) -> None:
        self.chunks.append(data)
        self.arrived.append(time.monotonic())
        if self.taking:
            more(len(data))


def _reply(answer: dict[str, Any] | WorkerDied) -> Reply:
    if isinstance(answer, WorkerDied):
        raise answer
    reply: Reply = answer["reply"]
    return reply


def stream(
    pool: Pool, target: Target, *, bytes_max: int = 200 * WINDOW_BYTES, taking: bool = True
) -> tuple[Reply, Streaming]:
    async def run() -> tuple[Reply, Streaming]:
        job = Streaming(target, b"{}", bytes_max, taking=taking)
        pool.workers.submit(job)
        return await job.result, job

    return pool.runner.run(run())


def test_what_a_generator_yields_leaves_before_it_ends(pool: Pool) -> None:
    source = (
        "import time\n"
        + HANDLER
        + "    yield 'a\\u00fc'\n    time.sleep(2)\n    yield b'\\xff\\0'\n"
    )
    reply, job = stream(pool, pool.function(source))
    assert (reply.error_type, reply.payload) == (None, b"")
    assert job.chunks == ["aü".encode(), b"\xff\0"]
    assert job.arrived[1] - job.arrived[0] > 0.2


def test_without_a_stream_the_parts_are_joined(pool: Pool) -> None:
    target = pool.function(HANDLER + "    yield 'one '\n    yield b'\\xfftwo'\n")
    for _ in range(2):
        reply = pool.invoke(target)
        assert (reply.error_type, reply.payload) == (None, b"one \xfftwo")


def test_any_iterator_streams_and_other_answers_do_not(pool: Pool) -> None:
    _, job = stream(pool, pool.function(HANDLER + "    return iter(['x', '', 'y'])\n"))
    assert job.chunks == [b"x", b"y"]
    reply, job = stream(pool, pool.function(HANDLER + "    return {'a': 1}\n"))
    assert (reply.payload, job.chunks) == (b'{"a": 1}', [])
    nested = pool.invoke(pool.function(HANDLER + "    return [(x for x in '12')]\n"))
    assert nested.error_type == "Runtime.MarshalError"


def test_large_parts_come_in_pieces_and_in_order(pool: Pool) -> None:
    source = HANDLER + "    for i in range(40):\n        yield bytes([i]) * 200_001\n"
    reply, job = stream(pool, pool.function(source))
    assert reply.error_type is None
    assert b"".join(job.chunks) == b"".join(bytes([i]) * 200_001 for i in range(40))


@pytest.mark.parametrize(
    ("source", "error_type", "message"),
    [
        (HANDLER + "    yield 'a'\n    raise KeyError('gone')\n", "KeyError", "gone"),
        (HANDLER + "    yield 'a'\n    yield 3\n", "TypeError", "yields str or bytes, not int"),
        (HANDLER + "    yield 'a'\n    while True: pass\n", "Sandbox.Timedout", "timed out"),
        (HANDLER + "    yield 'a'\n    exit(1)\n", "Runtime.ExitError", "exit status 1"),
    ],
)  # fmt: skip
def test_an_error_after_the_first_part(
    pool: Pool, source: str, error_type: str, message: str
) -> None:
    timeout_ms = 1000 if error_type == "Sandbox.Timedout" else 60_000
    reply, job = stream(pool, pool.function(source, timeout_ms=timeout_ms))
    assert (reply.error_type, job.chunks) == (error_type, [b"a"])
    assert message in reply.payload.decode()


@pytest.mark.parametrize("streamed", [True, False])
def test_an_answer_may_not_exceed_its_limit(pool: Pool, streamed: bool) -> None:
    source = (
        HANDLER + "    try:\n        while True: yield 'x' * 1000\n    finally: print('ended')\n"
    )
    target = pool.function(source, response_bytes_max=99_999)
    if streamed:
        reply, job = stream(pool, target, bytes_max=2500)
        assert b"".join(job.chunks) == b"x" * 2000
        assert b"(2500 bytes)" in reply.payload
    else:
        reply = pool.invoke(target)
        assert b"(99999 bytes)" in reply.payload
    assert reply.error_type == "Function.ResponseSizeTooLarge"
    assert reply.log == b"ended\n"


def test_a_reader_who_takes_nothing_is_waited_for_until_the_timeout(pool: Pool) -> None:
    source = HANDLER + "    while True:\n        print('x')\n        yield 'x' * 100_000\n"
    reply, job = stream(pool, pool.function(source, timeout_ms=1000), taking=False)
    assert reply.error_type == "Sandbox.Timedout"
    assert WINDOW_BYTES - 65536 < sum(map(len, job.chunks)) <= WINDOW_BYTES
    # It waited, and did not spin.
    assert reply.cpu_us < 500_000


def test_nothing_of_a_stream_reaches_the_next_invocation(pool: Pool) -> None:
    """Nor does what is emitted by something other than the answer."""
    source = (
        "import wit_world\n" + HANDLER + "    if event:\n        wit_world.emit('stray')\n"
        "        return 'ordinary'\n    return iter(['stream'])\n"
    )
    target = pool.function(source)
    assert answer(pool.invoke(target, 1)) == "ordinary"
    assert pool.invoke(target, 0).payload == b"stream"
    _, job = stream(pool, target)
    assert job.chunks == [b"stream"]
    assert answer(pool.invoke(target, 1)) == "ordinary"


def test_who_was_asked_for_parts_and_has_none_leaves_nothing_to_the_next(pool: Pool) -> None:
    whole = pool.target(pool.compiled(wat.ok("1")))
    parts = pool.function(HANDLER + "    yield 'joined'\n")
    for _ in range(2):
        reply, job = stream(pool, whole)
        assert (answer(reply), job.chunks) == (1, [])
        assert pool.invoke(parts).payload == b"joined"


def test_a_stream_leaves_the_sandbox_as_it_was(pool: Pool) -> None:
    """It is put back, not replaced, and the same event costs the same."""
    target = pool.function(HANDLER + "    yield 'x'\n")
    jobs = [stream(pool, target)[1] for _ in range(4)]
    assert all(job.serves_on for job in jobs)
    assert len({job.result.result().fuel for job in jobs}) == 1


def test_the_worker_serves_on_where_messages_come_meanwhile(pool: Pool) -> None:
    source = HANDLER + "    for _ in range(30): yield 'x' * 100_000\n"
    target = pool.function(source)

    async def run() -> Reply:
        job = Streaming(target, b"{}", 10**8, taking=False)
        pool.workers.submit(job)
        while sum(map(len, job.chunks)) < WINDOW_BYTES - 65536:
            await asyncio.sleep(0.01)
        (worker,) = pool.workers._workers
        worker.keep([target.spec.key])
        for _ in range(3):
            worker._more(job, WINDOW_BYTES)
        return await job.result

    assert pool.runner.run(run()).error_type is None
    assert pool.invoke(target).error_type is None
