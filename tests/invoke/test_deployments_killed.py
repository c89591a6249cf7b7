"""A server that is killed during a deployment leaves the old or the new, never half."""

import asyncio
import hashlib
import time
from base64 import b64encode
from pathlib import Path

import pytest

from tests.invoke.deploying import Rig, python_package, rig
from tests.killing import Child, Journal, killed_at_line
from tests.store.conftest import configuration
from wasmfaas.models import Deployment, State
from wasmfaas.store.code import Code

pytestmark = pytest.mark.anyio

#: Steps: create, update the code, update the configuration, delete; and again.
_CYCLE = 4
_ROUNDS = 8
_LINES_PER_KILL = 251


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def expected(step: int) -> tuple[str, str] | None:
    """Digest of the code and description that the function has after *step*; None for none."""
    cycle, place = divmod(step, _CYCLE)
    if step < 0 or place == 3:
        return None
    code_step = cycle * _CYCLE + min(place, 1)
    description_step = step if place == 2 else cycle * _CYCLE
    return Code.of(python_package(code_step)).digest, str(description_step)


def actual(deployment: Deployment) -> tuple[str, str]:
    return deployment.code_digest, deployment.configuration["Description"]


async def deploy(served: Rig, step: int) -> None:
    described = configuration("f", Description=str(step))
    package = python_package(step)
    match step % _CYCLE:
        case 0:
            await served.deployments.create(described, package, {})
        case 1:
            await served.deployments.update_code("f", package)
        case 2:
            await served.deployments.update_configuration("f", described)
        case 3:
            await served.deployments.delete("f")


async def serve(path: Path, journal: Journal, first: int, steps: int) -> None:
    async with rig(path) as served:
        await served.deployments.resume()
        if await served.registry.pending():
            await served.settled("f")
        for step in range(first, first + steps):
            await deploy(served, step)
            journal.tell(step)
            if step % _CYCLE != 3:
                await served.settled("f")


def serve_until_line(path: Path, journal: Path, line: int, count: Path) -> None:
    with killed_at_line(line) as lines:
        asyncio.run(serve(path, Journal(journal), 0, 2 * _CYCLE))
    count.write_text(str(lines()))


def serve_on(path: Path, journal: Path, first: int) -> None:
    asyncio.run(serve(path, Journal(journal), first, 10_000))


async def check(path: Path, accepted: int) -> int:
    """That the data directory at *path* is whole, *accepted* being the last step that was told.
    Returns the last step that was done."""
    async with rig(path) as served:
        functions, _ = await served.registry.list_functions(None, 9)
        for function in functions:
            for deployment in filter(None, (function.active, function.pending)):
                raw = hashlib.sha256(served.code.read(deployment.code_digest)).digest()
                assert raw.hex() == deployment.code_digest
                assert b64encode(raw).decode() == deployment.code_sha256
        observed = actual(functions[0].shown) if functions else None
        assert observed in (expected(accepted), expected(accepted + 1))
        await served.deployments.resume()
        for function in functions:
            assert observed is not None
            settled = await served.settled("f")
            assert settled.state is State.ACTIVE
            assert settled.active is not None
            assert settled.active.id == function.shown.id
            prepared = await served.deployments.prepare(settled.active)
            steps = {Code.of(python_package(step)).digest: step for step in range(accepted + 2)}
            step = steps[observed[0]]
            assert (prepared.task_path / "app.py").read_text() == f"version = {step}"
    async with rig(path) as served:
        await served.deployments.resume()
        assert served.stored() == ({observed[0]} if observed else set())
    return accepted if observed == expected(accepted) else accepted + 1


async def test_a_kill_at_any_line_leaves_the_old_or_the_new(tmp_path: Path) -> None:
    line, kills = 1, 0
    while True:
        path, told = tmp_path / f"data-{line}", tmp_path / f"told-{line}"
        with Child(serve_until_line, path, told, line, tmp_path / "count") as child:
            if child.ended_by_itself():
                break
        kills += 1
        await check(path, max(Journal(told).told(), default=-1))
        line += _LINES_PER_KILL
    assert kills >= 10, "the kills have come before the end"


async def test_a_server_that_is_killed_again_and_again_goes_on(tmp_path: Path) -> None:
    path, told = tmp_path / "data", tmp_path / "told"
    done = -1
    for round_number in range(_ROUNDS):
        journal = Journal(told)
        with Child(serve_on, path, told, done + 1) as child:
            deadline = time.monotonic() + 200
            while not [step for step in journal.told() if step > done + round_number]:
                assert time.monotonic() < deadline, "the server does not get on"
                await asyncio.sleep(0.001)
            # Anywhere in the steps that follow.
            await asyncio.sleep(0.003 * round_number)
            child.kill()
        done = await check(path, max(journal.told()))
