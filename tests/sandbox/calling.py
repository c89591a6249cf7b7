"""Guests that ask the host, and a host that answers them."""

from collections.abc import Callable
from typing import Any

from tests.sandbox.conftest import Pool
from wasmfaas.invoke.job import Call, Errand, WorkerDied
from wasmfaas.invoke.reply import Reply
from wasmfaas.invoke.target import Target

Respond = Callable[[Call], tuple[bool, bytes] | None]


class Asking(Errand):
    """An invocation whose calls are kept, and answered by *respond*; None for no answer."""

    __slots__ = ("calls", "respond")

    def __init__(self, target: Target, message: dict[str, Any], respond: Respond) -> None:
        super().__init__(target, message, _reply)
        self.calls: list[Call] = []
        self.respond = respond

    def called(self, call: Call, answer: Callable[[bool, bytes], None]) -> None:
        self.calls.append(call)
        if (found := self.respond(call)) is not None:
            answer(*found)


def _reply(answer: dict[str, Any] | WorkerDied) -> Reply:
    if isinstance(answer, WorkerDied):
        raise answer
    reply: Reply = answer["reply"]
    return reply


def ask(
    pool: Pool, target: Target, respond: Respond, event: Any = None
) -> tuple[Reply, list[Call]]:
    """Run one invocation: its reply, and what it asked for. Raises WorkerDied."""

    async def run() -> tuple[Reply, list[Call]]:
        job = Asking(target, pool.request(target, event), respond)
        pool.workers.submit(job)
        return await job.result, job.calls

    return pool.runner.run(run())
