"""What a worker that is stuck, or subverted, can do to others."""

import asyncio
import math
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Pool, answer, pool
from wasmfaas import wire
from wasmfaas.invoke.job import Errand, WorkerDied
from wasmfaas.invoke.target import Target
from wasmfaas.invoke.worker import INIT_MS_MAX, Worker
from wasmfaas.models import Isolation, PackageKind, SandboxSpec

__all__ = ["pool"]

READY = {"op": "ready", "keys": [], "cpu_us": 0}
LOADED = {"op": "loaded", "error": None}
CHUNK = {"op": "chunk", "data": b"x"}
LOG: dict[str, Any] = {"op": "log"}
HOLDS: dict[str, Any] = {"op": "holds"}
REPLY: dict[str, Any] = {
    "op": "reply",
    "payload": b"null",
    "error_type": None,
    "trapped": False,
    "fuel": 0,
    "cpu_us": 0,
    "duration_us": 0,
    "memory_bytes": 0,
    "init_us": None,
    "init_log": b"",
    "log": b"",
    "log_dropped": 0,
    "ready": ["key"],
    "cpu_us_process": 0,
}


def test_a_worker_that_hangs_after_its_answer_is_given_up(pool: Pool) -> None:
    hangs = pool.function(
        "import os, time\n"
        "if os.path.exists('/var/task/hang'):\n    time.sleep(1000)\n"
        "def lambda_handler(event, context):\n    return 1\n",
        isolation=Isolation.FRESH,
    )
    other = pool.function("def lambda_handler(event, context):\n    return 2\n")
    pool.runner.run(pool.workers.load(hangs))
    (Path(hangs.spec.task_path) / "hang").touch()
    (worker,) = pool.workers._workers
    worker.return_s_max = 0.2
    assert answer(pool.invoke(hangs)) == 1
    # Its next sandbox blocks in the host, where no deadline of the guest's reaches it.
    assert answer(pool.invoke(other)) == 2
    assert worker not in pool.workers._workers


SPEC = SandboxSpec(
    key="key",
    function_name="function",
    function_version="$LATEST",
    kind=PackageKind.REACTOR,
    isolation=Isolation.PRISTINE,
    handler="",
    artefact_path="",
    artefact_sha256="",
    restorable=False,
    task_path="",
    environment={},
    memory_bytes_max=1,
    tmp_bytes_max=1,
    timeout_ms=1,
    fuel_max=1,
    log_bytes_max=1,
    response_bytes_max=1,
)


async def _killed_for(messages: list[dict[str, Any]], path: Path, *, asked: bool) -> None:
    """Have the server's end hear *messages* from a worker that has been ready and, if *asked*, has
    got something to do; returns once it has been killed, and whoever asked was told."""
    loop = asyncio.get_running_loop()
    command = [sys.executable, "-c", "import time; time.sleep(1000)"]
    process = subprocess.Popen(command)  # noqa: ASYNC220
    worker = Worker(process, path)
    ended = asyncio.Event()
    worker.on_end = lambda worker: ended.set()
    ours, theirs = socket.socketpair()
    with theirs:
        await loop.create_connection(lambda: worker, sock=ours)
        theirs.sendall(wire.encode(READY))
        await worker.started
        waiting = _ask(worker) if asked else None
        for message in messages:
            theirs.sendall(wire.encode(message))
        async with asyncio.timeout(120):
            await asyncio.to_thread(os.waitid, os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    await ended.wait()
    assert process.returncode == -signal.SIGKILL
    if waiting is not None and "reply" not in [message["op"] for message in messages]:
        with pytest.raises(WorkerDied):
            await waiting


def _ask(worker: Worker) -> asyncio.Future[None]:
    worker.is_idle = False
    errand = Errand(Target(SPEC), {"op": "load"}, _raise)
    worker.run(errand, start_ms=600_000, run_ms=0)
    return errand.result


def _raise(answer: dict[str, Any] | WorkerDied) -> None:
    if isinstance(answer, WorkerDied):
        raise answer


@pytest.mark.parametrize(
    ("messages", "asked"),
    [
        *(([READY], False), ([LOADED], False), ([READY], True), ([CHUNK], False), ([CHUNK], True)),
        *(([LOG | {"log": "text"}], True), ([LOG | {"log": b""}], True)),
        *(([LOG | {"log": b"x"}], False), ([LOG | {"log": b"x"}, LOG | {"log": b"y"}], True)),
        *(([HOLDS | {"keys": ["key", 1]}], True), ([HOLDS | {"keys": "key"}], False)),
        ([REPLY | {"cpu_us_process": math.inf}], True),
    ],
    ids=[
        "ready twice",
        "an answer to nothing",
        "ready while at work",
        "a part of nothing",
        "a part of what nobody wants in parts",
        "a log that is text",
        "a log of nothing",
        "a log of nobody's",
        "more log than there may be",
        "a key that is a number",
        "a text for keys",
        "a figure without end",
    ],
)
def test_a_worker_that_speaks_out_of_turn_is_killed(
    messages: list[dict[str, Any]], asked: bool, tmp_path: Path
) -> None:
    """It would be given two invocations at once, of which the first would wait for ever; or the
    server would hold what it says."""
    asyncio.run(_killed_for(messages, tmp_path, asked=asked))


async def _holds_after_load(loaded: dict[str, Any], path: Path) -> bool:
    """Whether a worker holds a deployment once it has answered its load with *loaded*, before it
    says what it has ready."""
    command = [sys.executable, "-c", "import time; time.sleep(1000)"]
    worker = Worker(subprocess.Popen(command), path)  # noqa: ASYNC220
    ours, theirs = socket.socketpair()
    with theirs:
        await asyncio.get_running_loop().create_connection(lambda: worker, sock=ours)
        theirs.sendall(wire.encode(READY))
        await worker.started
        waiting = _ask(worker)
        theirs.sendall(wire.encode(loaded))
        await waiting
        held = worker.holds(SPEC.key)
        worker.close()
        await worker.ended.wait()
    return held


def test_what_could_not_be_made_ready_is_not_held(tmp_path: Path) -> None:
    assert asyncio.run(_holds_after_load(LOADED, tmp_path))
    assert not asyncio.run(_holds_after_load(LOADED | {"error": b"{}"}, tmp_path))


def test_what_starts_up_late_ends_nobody_elses_invocation(tmp_path: Path) -> None:
    """A worker may find out after its answer that its sandbox can't be put back, and is idle."""
    asyncio.run(_late_after_its_answer(tmp_path))


async def _late_after_its_answer(path: Path) -> None:
    loop = asyncio.get_running_loop()
    command = [sys.executable, "-c", "import time; time.sleep(1000)"]
    worker = Worker(subprocess.Popen(command), path)  # noqa: ASYNC220
    ours, theirs = socket.socketpair()
    with theirs:
        await loop.create_connection(lambda: worker, sock=ours)
        theirs.sendall(wire.encode(READY))
        await worker.started
        served = Errand(Target(SPEC), {"op": "invoke"}, _raise)
        worker.run(served, start_ms=0, run_ms=60_000)
        last = {"op": "holds", "keys": ["last"]}
        for message in (REPLY, {"op": "late"}, last):
            theirs.sendall(wire.encode(message))
        async with asyncio.timeout(120):
            await served.result
            while worker.ready_keys != {"last"}:
                await asyncio.sleep(0)
        assert worker._timer is not None
        assert worker._timer.cancelled(), "nothing is left that ends what runs later"
        following = Errand(Target(SPEC), {"op": "invoke"}, _raise)
        worker.run(following, start_ms=0, run_ms=60_000)
        assert worker._timer.when() - loop.time() > INIT_MS_MAX / 1000, "the start-up comes first"
    await worker.ended.wait()
    with pytest.raises(WorkerDied):
        await following.result
