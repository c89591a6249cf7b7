"""asyncio in Python functions: an event loop without sockets, threads and signals."""

import json
import textwrap
from typing import Any

import pytest

from tests.sandbox.conftest import Pool, answer


def function(pool: Pool, body: str, **members: Any) -> Any:
    """What a handler of this *body* answers; `main` is the coroutine that it runs."""
    source = (
        "import asyncio\nasync def main(event):\n"
        + textwrap.indent(textwrap.dedent(body), "    ")
        + "\ndef lambda_handler(event, context):\n    return asyncio.run(main(event))\n"
    )
    return pool.function(source, **members)


def test_tasks_timers_and_queues_work(pool: Pool) -> None:
    target = function(
        pool,
        """
        order, queue = [], asyncio.Queue(1)
        async def after(delay_s, name):
            await asyncio.sleep(delay_s)
            order.append(name)
            return name
        async def produce():
            for number in range(3):
                await queue.put(number)
        gathered = await asyncio.gather(after(0.02, "b"), after(0.01, "a"), after(0, "now"))
        async with asyncio.TaskGroup() as group:
            group.create_task(produce())
            taken = [await queue.get() for _ in range(3)]
        try:
            async with asyncio.timeout(0.01):
                await asyncio.Event().wait()
        except TimeoutError:
            order.append("timeout")
        done = await asyncio.wait_for(asyncio.to_thread(lambda n: n + 1, event), 1)
        async with asyncio.Lock():
            return [order, gathered, taken, done]
        """,
    )
    for _ in range(2):
        assert answer(pool.invoke(target, 41)) == [
            ["now", "a", "b", "timeout"], ["b", "a", "now"], [0, 1, 2], 42,
        ]  # fmt: skip


def test_the_same_coroutine_burns_the_same_fuel(pool: Pool) -> None:
    target = function(
        pool,
        """
        async def step(number):
            await asyncio.sleep(0)
            return number
        await asyncio.sleep(0.002)
        return await asyncio.gather(*(step(number) for number in range(5)))
        """,
    )
    replies = [pool.invoke(target) for _ in range(10)]
    assert [answer(reply) for reply in replies] == [[0, 1, 2, 3, 4]] * 10
    assert len({reply.fuel for reply in replies}) == 1


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("await asyncio.Event().wait()", "Deadlock", "nothing is left to wake one"),
        ("await asyncio.open_connection('127.0.0.1', 80)", "OSError", ""),
        ("await asyncio.create_subprocess_exec('ls')", "NotImplementedError", ""),
        ("asyncio.get_running_loop().add_reader(0, print)", "OSError", "no sockets or pipes"),
        ("raise KeyError('mine')", "KeyError", "'mine'"),
    ],
)
def test_what_no_loop_can_do_here_fails_at_once(
    pool: Pool, body: str, error_type: str, message: str
) -> None:
    reply = pool.invoke(function(pool, body))
    payload = json.loads(reply.payload)
    assert reply.error_type == error_type or error_type == "OSError", payload
    assert message in payload["errorMessage"]


def test_a_handler_may_be_a_coroutine(pool: Pool) -> None:
    target = pool.function(
        "import contextlib\n"
        "async def lambda_handler(event, context):\n"
        "    import asyncio\n"
        "    await asyncio.sleep(0)\n"
        "    print('ran')\n"
        "    if event == 'fail': raise ValueError('failed')\n"
        "    return {'event': event, 'id': context.aws_request_id}\n"
    )
    for _ in range(2):
        reply = pool.invoke(target, [1])
        assert answer(reply)["event"] == [1]
        assert reply.log == b"ran\n"
    failed = json.loads(pool.invoke(target, "fail").payload)
    assert (failed["errorType"], failed["errorMessage"]) == ("ValueError", "failed")
    assert len(failed["stackTrace"]) == 1
    assert "app.py" in failed["stackTrace"][0]


def test_a_handler_may_be_an_asynchronous_generator(pool: Pool) -> None:
    target = pool.function(
        "import asyncio\n"
        "async def lambda_handler(event, context):\n"
        "    for part in event:\n"
        "        await asyncio.sleep(0)\n"
        "        yield part\n"
    )
    assert pool.invoke(target, ["a", "é", "b"]).payload == "aéb".encode()
