"""Adopting another sandbox's memory instead of running the start-up."""

import dataclasses
import uuid
from pathlib import Path

import pytest

from tests.sandbox.conftest import Pool, answer
from tests.sandbox.test_isolation import MARKS, RANDOM
from wasmfaas.invoke.target import Target
from wasmfaas.models import Isolation

IMPORTS = """
import time
print("importing")
STARTED = time.time_ns()
def lambda_handler(event, context):
    import os
    return [STARTED, open("/var/task/app.py").readline(), os.environ["NAME"], os.listdir("/tmp")]
"""


def adopting(pool: Pool, target: Target, folder: Path, **changes: object) -> Target:
    """*target* with a snapshot taken of it, as another deployment."""
    path = folder / "snapshot"
    pool.runner.run(pool.workers.save(target, path))
    # Where workers may read.
    public = Path(target.spec.task_path).with_name(uuid.uuid4().hex)
    path.rename(public)
    members = {"key": uuid.uuid4().hex, "snapshot_path": str(public)}
    return Target(dataclasses.replace(target.spec, **(members | changes)))  # type: ignore[arg-type]


def test_the_start_up_ran_once(pool: Pool, tmp_path: Path) -> None:
    target = pool.function(IMPORTS, environment={"NAME": "value"})
    adopted = adopting(pool, target, tmp_path)
    first, second = pool.invoke(adopted), pool.invoke(adopted)
    assert first.init_us is not None
    assert second.init_us is None
    assert first.init_log == second.init_log == b"", "nothing was imported"
    assert answer(first) == answer(second) == [answer(first)[0], "\n", "value", []]
    assert first.fuel == second.fuel


def test_an_adopted_sandbox_is_pristine_and_unique(pool: Pool, tmp_path: Path) -> None:
    marks = adopting(pool, pool.function(MARKS), tmp_path)
    for _ in range(3):
        assert answer(pool.invoke(marks)) == {}
    random = adopting(pool, pool.function(RANDOM), tmp_path)
    again = Target(dataclasses.replace(random.spec, key=uuid.uuid4().hex))
    answers = [
        answer(pool.invoke(target, request_id=str(uuid.uuid4())))
        for target in (random, again, random, again)
    ]
    for column in zip(*answers, strict=True):
        assert len(set(column)) == 4


def test_a_fresh_function_adopts_as_well(pool: Pool, tmp_path: Path) -> None:
    marks = adopting(pool, pool.function(MARKS), tmp_path, isolation=Isolation.FRESH)
    for _ in range(3):
        assert answer(pool.invoke(marks)) == {}


def test_what_leaves_a_file_open_is_not_snapshotted(pool: Pool, tmp_path: Path) -> None:
    target = pool.function(
        "FILE = open('/var/task/app.py')\n"
        "def lambda_handler(event, context):\n    return FILE.read()[:4]\n"
    )
    pool.runner.run(pool.workers.save(target, tmp_path / "snapshot"))
    assert not (tmp_path / "snapshot").exists()
    for _ in range(2):
        assert answer(pool.invoke(target)) == "FILE"


def test_what_fails_to_start_is_not_snapshotted(pool: Pool, tmp_path: Path) -> None:
    pool.runner.run(pool.workers.save(pool.function("1 / 0\n"), tmp_path / "snapshot"))
    assert not (tmp_path / "snapshot").exists()


@pytest.mark.parametrize("size", [0, 65536, 10**9])
def test_a_snapshot_that_does_not_fit_is_not_used(pool: Pool, tmp_path: Path, size: int) -> None:
    adopted = adopting(pool, pool.function(IMPORTS, environment={"NAME": "x"}), tmp_path)
    assert adopted.spec.snapshot_path is not None
    with open(adopted.spec.snapshot_path, "r+b") as file:
        file.truncate(size)
    reply = pool.invoke(adopted)
    assert answer(reply)[2] == "x"
    assert reply.init_log == b"importing\n"
