"""Workers and ready sandboxes follow demand."""

import asyncio
import dataclasses
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.sandbox.conftest import Pool, answer
from wasmfaas.invoke.workers import Workers

SLOW = """
import time
def lambda_handler(event, context):
    time.sleep(0.05)
    return "slept"
"""
WAIT_S_MAX = 200


@pytest.fixture
def scaling(tmp_path: Path, cache_dir: Path) -> Iterator[Pool]:
    """Workers that follow demand, and are quick to go."""
    pool = Pool(
        tmp_path / "data", cache_dir, workers_max=3, worker_idle_s_max=1, sandbox_idle_s_max=5
    )
    task = pool.runner.get_loop().create_task(pool.workers.scale())
    yield pool
    task.cancel()
    pool.close()


def until(done: Callable[[], bool], meanwhile: Callable[[], object]) -> None:
    deadline = time.monotonic() + WAIT_S_MAX
    while not done():
        assert time.monotonic() < deadline
        meanwhile()


def test_sandboxes_are_prepared_ahead_and_all_goes_when_it_is_quiet(scaling: Pool) -> None:
    target = scaling.function(SLOW)
    figures = scaling.workers.figures
    assert figures()["workers"] == 1
    replies = []
    # One after another, so that none would ever need a second worker.
    until(lambda: figures()["ready"] >= 2, lambda: replies.append(scaling.invoke(target)))
    assert [answer(reply) for reply in replies] == ["slept"] * len(replies)
    assert [reply.init_us is None for reply in replies] == [False] + [True] * (len(replies) - 1)
    until(lambda: figures()["workers"] == 3, lambda: scaling.invoke(target))
    until(
        lambda: figures()["workers"] == 1 and figures()["ready"] == 0,
        lambda: scaling.runner.run(asyncio.sleep(0.02)),
    )
    assert answer(scaling.invoke(target)) == "slept"


def test_what_fails_to_start_keeps_no_worker_from_others(scaling: Pool) -> None:
    broken = scaling.function("print('up')\n1 / 0\ndef lambda_handler(event, context): ...\n")
    good = scaling.function(SLOW)
    for _ in range(3):
        assert scaling.invoke(broken).error_type == "ZeroDivisionError"
    until(lambda: scaling.workers.figures()["ready"] >= 2, lambda: scaling.invoke(good))


def test_a_worker_comes_up_with_the_runtime_loaded_or_without(pool: Pool, tmp_path: Path) -> None:
    runtime = pool.python()
    gone = dataclasses.replace(runtime, path=runtime.path.with_name("gone"))
    for prewarmed in (runtime, gone):
        workers = Workers(pool.settings, tmp_path / "workers", [runtime.path.parent])
        pool.runner.run(workers.start(prewarmed))
        assert workers.figures()["workers"] == 1
        pool.runner.run(workers.close())
