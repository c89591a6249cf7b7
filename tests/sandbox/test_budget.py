"""Ready sandboxes are bounded: by count, by memory, and by how long nobody asked for them."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Pool, answer
from tests.sandbox.wat import ZERO, reactor
from wasmfaas.invoke.target import Target
from wasmfaas.settings import MIB

COUNTS = "COUNT = []\ndef lambda_handler(event, context):\n    return len(COUNT)\n"
WAIT_S_MAX = 200


@pytest.fixture
def own_pool(tmp_path: Path, cache_dir: Path, request: pytest.FixtureRequest) -> Iterator[Pool]:
    pool = Pool(tmp_path / "data", cache_dir, **request.param)
    yield pool
    pool.close()


def was_ready(pool: Pool, target: Target, event: Any = None) -> bool:
    """Invoke *target*: whether a sandbox stood ready for it."""
    reply = pool.invoke(target, event)
    answer(reply)
    return reply.init_us is None


def small(pool: Pool, pages: int) -> Target:
    """A reactor of *pages* of memory that can't be put back, so that all of it counts."""
    return pool.target(pool.compiled(reactor(ZERO, pages=pages)), restorable=False)


@pytest.mark.parametrize("own_pool", [{"worker_memory_bytes_max": 4 * MIB}], indirect=True)
def test_the_least_recently_used_go_when_the_budget_is_spent(own_pool: Pool) -> None:
    first, second, third = (small(own_pool, 24) for _ in range(3))  # of 1.5 MiB each
    assert [was_ready(own_pool, target) for target in (first, second)] == [False, False]
    assert [was_ready(own_pool, target) for target in (first, second)] == [True, True]
    assert not was_ready(own_pool, third)
    assert was_ready(own_pool, second)
    assert not was_ready(own_pool, first), "it was the least recently used one"
    assert not was_ready(own_pool, third)


@pytest.mark.parametrize("own_pool", [{"worker_memory_bytes_max": 0}], indirect=True)
def test_the_last_one_stays_whatever_it_weighs(own_pool: Pool) -> None:
    target = small(own_pool, 64)
    assert [was_ready(own_pool, target) for _ in range(3)] == [False, True, True]


@pytest.mark.parametrize("own_pool", [{"worker_memory_bytes_max": 3 * MIB}], indirect=True)
@pytest.mark.parametrize("written", [0, MIB], ids=["unwritten", "written"])
def test_of_what_is_put_back_only_written_pages_count(own_pool: Pool, written: int) -> None:
    fill = f"(memory.fill (i32.const 131072) (i32.const 7) (i32.const {written})) {ZERO}"
    module = own_pool.compiled(reactor(fill, pages=64))  # 4 MiB
    assert module.inspection.restorable
    targets = [own_pool.target(module) for _ in range(2)]
    assert [was_ready(own_pool, target) for target in targets] == [False, False]
    assert [was_ready(own_pool, target) for target in targets] == [not written] * 2


@pytest.mark.parametrize("own_pool", [{"sandbox_idle_s_max": 1}], indirect=True)
def test_what_nobody_asks_for_is_dropped(own_pool: Pool) -> None:
    target = own_pool.function(COUNTS)
    assert not was_ready(own_pool, target)
    assert was_ready(own_pool, target)

    scaling = own_pool.runner.get_loop().create_task(own_pool.workers.scale())
    deadline = time.monotonic() + WAIT_S_MAX
    while own_pool.workers.figures()["ready"] and time.monotonic() < deadline:
        own_pool.runner.run(asyncio.sleep(0.02))
    scaling.cancel()
    assert own_pool.workers.figures() == {
        "workers": 1, "idle": 1, "busy": 0, "ready": 0, "waiting": 0, "waiting_bytes": 0,
    }  # fmt: skip
    assert not was_ready(own_pool, target), "the worker did drop it"
    assert was_ready(own_pool, target)


@pytest.mark.parametrize("own_pool", [{"worker_memory_bytes_max": 4 * MIB}], indirect=True)
def test_what_is_kept_stays_when_memory_is_wanted_for_others(own_pool: Pool) -> None:
    kept, *others = (small(own_pool, 24) for _ in range(4))  # of 1.5 MiB each
    own_pool.workers.provision("function", [(kept, 1)])
    assert not was_ready(own_pool, kept)
    for _ in range(2):
        assert [was_ready(own_pool, target) for target in others] == [False] * 3
    assert was_ready(own_pool, kept)
    own_pool.workers.provision("function", [])
    for target in others:
        was_ready(own_pool, target)
    assert not was_ready(own_pool, kept)


@pytest.mark.parametrize("own_pool", [{"sandboxes_memory_bytes_max": 4 * MIB}], indirect=True)
def test_what_is_to_be_kept_and_has_no_room_is_told(own_pool: Pool) -> None:
    targets = [small(own_pool, 24) for _ in range(3)]
    own_pool.workers.provision("function", [(target, 1) for target in targets])
    told = [own_pool.runner.run(own_pool.workers.load(target)) for target in targets]
    assert told[:2] == [None, None]
    assert told[2] is not None
    assert b"Sandbox.OutOfMemory" in told[2]
    assert [own_pool.workers.held(target.spec.key) for target in targets] == [1, 1, 0]


@pytest.mark.parametrize("own_pool", [{}], indirect=True)
def test_what_cannot_be_put_back_is_not_promised_again(
    own_pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its worker is idle no sooner than it is: whoever came next would wait for the start-up."""
    closes = "(drop (call $fd_close (i32.const 0)))"
    target = own_pool.target(own_pool.compiled(reactor(closes + ZERO)), restorable=True)
    (worker,) = own_pool.workers._workers
    promised: list[bool] = []
    waits = worker._await_return

    def awaits() -> None:
        promised.append(False)
        waits()

    monkeypatch.setattr(worker, "_await_return", awaits)
    for _ in range(3):
        answer(own_pool.invoke(target))
    assert len(promised) == 2, "all but the first"
