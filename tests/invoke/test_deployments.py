"""Deployments: refused whole or accepted whole, and brought to an end in the background."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.invoke.deploying import (
    WASM,
    Rig,
    python_package,
    rig,
    wasm_configuration,
    wasm_package,
)
from tests.store.conftest import configuration
from tests.store.zips import Member, archive
from wasmfaas.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
    ServiceFailure,
    ServiceUnavailable,
    StorageFull,
    WasmfaasError,
)
from wasmfaas.invoke.deployments import module_path
from wasmfaas.models import PackageKind, State, UpdateStatus
from wasmfaas.store.code import Code

pytestmark = pytest.mark.anyio

FIRST, SECOND = python_package(1), python_package(2)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Rig]:
    async with rig(tmp_path / "data") as made:
        yield made


async def test_a_python_function_becomes_active(served: Rig) -> None:
    created = await served.deployments.create(configuration("f"), FIRST, {"a": "b"})
    assert (created.state, created.tags) == (State.PENDING, {"a": "b"})
    active = await served.settled("f")
    assert (active.state, active.last_update_status) == (State.ACTIVE, UpdateStatus.SUCCESSFUL)
    assert active.active is not None
    assert (active.active.kind, active.active.artefact) == (PackageKind.PYTHON, "python-runtime")
    assert served.compiler.compiled == []
    prepared = await served.deployments.prepare(active.active)
    assert (prepared.kind, prepared.artefact.name) == (PackageKind.PYTHON, "python-runtime")
    assert (prepared.task_path / "app.py").read_text() == "version = 1"


async def test_a_module_is_inspected_before_and_compiled_after_its_row(served: Rig) -> None:
    served.compiler.gate.clear()
    created = await served.deployments.create(
        wasm_configuration("f", MemorySize=256), wasm_package(), {}
    )
    (inspected,) = served.compiler.inspected
    assert inspected[0].read_bytes() == WASM
    assert inspected[1] == 256 * 1024 * 1024
    assert created.state is State.PENDING
    served.compiler.gate.set()
    active = await served.settled("f")
    assert active.active is not None
    assert active.active.kind is PackageKind.REACTOR
    assert served.compiler.compiled == [inspected[0]]


@pytest.mark.parametrize(
    ("package", "reason"),
    [
        (b"not a zip", "Could not unzip"),
        (archive(Member(b"../bootstrap", WASM)), "leads out of the package"),
        (archive(Member(b"readme", b"x")), "has no Wasm module"),
        (wasm_package(content=b"#!/bin/sh"), "does not validate"),
    ],
)
async def test_a_bad_package_is_refused_at_once_and_nothing_is_left(
    served: Rig, package: bytes, reason: str
) -> None:
    await served.deployments.create(wasm_configuration("g"), wasm_package(), {})
    await served.settled("g")
    for attempt in (
        served.deployments.create(wasm_configuration("f"), package, {}),
        served.deployments.update_code("g", package),
        served.deployments.update_code("g", package, dry_run=True),
    ):
        with pytest.raises(InvalidParameterValue, match=reason):
            await attempt
    with pytest.raises(ResourceNotFound):
        await served.registry.get("f")
    assert served.stored() == {Code.of(wasm_package()).digest}
    assert (await served.registry.get("g")).last_update_status is UpdateStatus.SUCCESSFUL


async def test_an_unknown_runtime_is_refused(served: Rig) -> None:
    with pytest.raises(InvalidParameterValue, match=r"'nodejs22\.x' is not one that runs here"):
        await served.deployments.create(configuration("f", Runtime="nodejs22.x"), FIRST, {})
    assert served.stored() == set()


async def test_a_name_that_is_taken_leaves_the_function_and_its_code(served: Rig) -> None:
    await served.deployments.create(configuration("f"), FIRST, {})
    await served.settled("f")
    for package in (FIRST, SECOND):
        with pytest.raises(ResourceConflict, match="Function already exist: f"):
            await served.deployments.create(configuration("f"), package, {})
    assert served.stored() == {Code.of(FIRST).digest}


async def test_the_old_deployment_is_served_until_the_new_one_is_ready(served: Rig) -> None:
    await served.deployments.create(configuration("f"), FIRST, {})
    before = await served.settled("f")
    served.runtime.gate.clear()
    updating = await served.deployments.update_code("f", SECOND)
    assert updating.last_update_status is UpdateStatus.IN_PROGRESS
    assert updating.active == before.active
    for attempt in (
        served.deployments.update_code("f", FIRST),
        served.deployments.update_code("f", FIRST, dry_run=True),
        served.deployments.update_configuration("f", configuration("f")),
    ):
        with pytest.raises(ResourceConflict, match="An update is in progress for resource: arn:"):
            await attempt
    served.runtime.gate.set()
    after = await served.settled("f")
    assert after.active is not None
    assert after.active.code_digest == Code.of(SECOND).digest


async def test_a_configuration_is_checked_against_the_code_there_is(served: Rig) -> None:
    await served.deployments.create(wasm_configuration("f"), wasm_package("main.wasm"), {})
    await served.settled("f")
    changed = wasm_configuration("f", MemorySize=512, Handler="main")
    updating = await served.deployments.update_configuration("f", changed)
    assert updating.last_update_status is UpdateStatus.IN_PROGRESS
    assert served.compiler.inspected[-1][1] == 512 * 1024 * 1024
    assert (await served.settled("f")).shown.memory_mb == 512
    to_python = configuration("f")
    await served.deployments.update_configuration("f", to_python)
    assert (await served.settled("f")).shown.kind is PackageKind.PYTHON


async def test_a_revision_is_checked_before_anything_is_done(served: Rig) -> None:
    created = await served.deployments.create(configuration("f"), FIRST, {})
    active = await served.settled("f")
    stale, latest = created.revision_id, active.revision_id
    with pytest.raises(PreconditionFailed):
        await served.deployments.update_code("f", SECOND, revision_id=stale)
    with pytest.raises(PreconditionFailed):
        await served.deployments.update_code("f", SECOND, revision_id=stale, dry_run=True)
    with pytest.raises(PreconditionFailed):
        await served.deployments.update_configuration("f", configuration("f"), revision_id=stale)
    assert await served.registry.get("f") == active
    assert served.stored() == {Code.of(FIRST).digest}
    await served.deployments.update_code("f", SECOND, revision_id=latest)
    assert (await served.settled("f")).shown.code_digest == Code.of(SECOND).digest


async def test_a_dry_run_tells_what_would_be_and_leaves_nothing(served: Rig) -> None:
    await served.deployments.create(configuration("f"), FIRST, {})
    before = await served.settled("f")
    told = await served.deployments.update_code("f", SECOND, dry_run=True)
    assert told.shown.code_sha256 == Code.of(SECOND).sha256
    assert told.shown.code_size_bytes == len(SECOND)
    assert await served.registry.get("f") == before
    assert served.stored() == {Code.of(FIRST).digest}


async def test_functions_share_equal_packages(served: Rig) -> None:
    names = [f"f{number}" for number in range(6)]
    await asyncio.gather(
        *(served.deployments.create(configuration(name), FIRST, {}) for name in names)
    )
    for name in names:
        assert (await served.settled(name)).state is State.ACTIVE
    assert served.stored() == {Code.of(FIRST).digest}


async def test_a_refusal_does_not_take_the_package_from_another_function(served: Rig) -> None:
    """Many intakes of one package at once, every other one refused."""
    package = wasm_package()
    outcomes = await asyncio.gather(
        *(
            served.deployments.create(
                wasm_configuration(f"f{number // 2}", Handler="bootstrap"), package, {}
            )
            for number in range(12)
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, ResourceConflict) for outcome in outcomes) == 6
    for number in range(6):
        active = await served.settled(f"f{number}")
        assert active.active is not None
        assert (await served.deployments.prepare(active.active)).task_path.is_dir()


@pytest.mark.parametrize(
    ("failure", "code", "reason"),
    [
        (InvalidParameterValue("It takes too long."), "InvalidZipFileException", "too long"),
        (ServiceFailure("The compiler died."), "InternalError", "compiler died"),
        (StorageFull("The disk is full."), "InternalError", "disk is full"),
        (RuntimeError("a secret path"), "InternalError", "the server's log has the cause"),
    ],
)
async def test_what_fails_in_the_background_is_told_by_the_state(
    served: Rig, failure: Exception, code: str, reason: str
) -> None:
    served.compiler.failure = failure
    await served.deployments.create(wasm_configuration("f"), wasm_package(), {})
    failed = await served.settled("f")
    assert (failed.state, failed.state_reason_code) == (State.FAILED, code)
    assert failed.state_reason is not None
    assert reason in failed.state_reason
    served.compiler.failure = None
    await served.deployments.update_code("f", wasm_package())
    active = await served.settled("f")
    assert active.state is State.ACTIVE
    served.compiler.failure = failure
    await served.deployments.update_configuration("f", wasm_configuration("f", Timeout=9))
    kept = await served.settled("f")
    assert (kept.state, kept.last_update_status) == (State.ACTIVE, UpdateStatus.FAILED)
    assert kept.last_update_status_reason_code == code
    assert kept.active == active.active


async def test_a_full_disk_at_the_end_is_waited_out(
    served: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, failures = served.database.run, 0

    async def full_for_a_while(transaction: object) -> object:
        nonlocal failures
        if failures < 3:
            failures += 1
            raise StorageFull("The disk is full.")
        return await run(transaction)  # type: ignore[arg-type]

    served.runtime.gate.clear()
    await served.deployments.create(configuration("f"), FIRST, {})
    monkeypatch.setattr(served.database, "run", full_for_a_while)
    served.runtime.gate.set()
    async with asyncio.timeout(120):
        while failures < 3:
            await asyncio.sleep(0.001)
    failed = await served.settled("f")
    assert (failed.state, failed.state_reason) == (State.FAILED, "The disk is full.")


async def test_deletion_during_a_deployment_wins(served: Rig) -> None:
    served.runtime.gate.clear()
    await served.deployments.create(configuration("f"), FIRST, {})
    await served.deployments.delete("f")
    again = await served.deployments.create(configuration("f"), SECOND, {})
    served.runtime.gate.set()
    active = await served.settled("f")
    assert active.active is not None
    assert active.active.id == again.shown.id
    with pytest.raises(ResourceNotFound):
        await served.deployments.delete("g")


async def test_a_deployment_goes_on_though_its_caller_is_gone(served: Rig) -> None:
    caller = asyncio.create_task(served.deployments.create(configuration("f"), FIRST, {}))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    async with asyncio.timeout(120):
        while not (await served.registry.list_functions(None, 1))[0]:
            await asyncio.sleep(0.001)
    assert (await served.settled("f")).state is State.ACTIVE


async def test_a_restart_goes_on_with_what_was_interrupted(tmp_path: Path) -> None:
    async with rig(tmp_path / "data") as first:
        await first.deployments.create(configuration("updating"), FIRST, {})
        await first.settled("updating")
        first.runtime.gate.clear()
        await first.deployments.create(configuration("creating"), SECOND, {})
        await first.deployments.update_code("updating", SECOND)
        (first.directory.code / f"{'0' * 64}.zip").write_bytes(b"of no function")
    async with rig(tmp_path / "data") as second:
        await second.deployments.resume()
        for name in ("creating", "updating"):
            function = await second.settled(name)
            assert function.state is State.ACTIVE
            assert function.shown.code_digest == Code.of(SECOND).digest
        assert second.stored() == {Code.of(SECOND).digest, Code.of(FIRST).digest}
    async with rig(tmp_path / "data") as third:
        await third.deployments.resume()
        assert third.stored() == {Code.of(SECOND).digest}


async def test_a_restart_without_the_code_fails_what_cannot_go_on(tmp_path: Path) -> None:
    async with rig(tmp_path / "data") as first:
        first.runtime.gate.clear()
        await first.deployments.create(configuration("f"), FIRST, {})
        digest = Code.of(FIRST).digest
        async with asyncio.timeout(120):
            # What is still being unpacked would come back.
            while first.code.unpacked(digest) is None:
                await asyncio.sleep(0.01)
        first.code.discard(digest)
    async with rig(tmp_path / "data") as second:
        await second.deployments.resume()
        failed = await second.settled("f")
        assert failed.state is State.FAILED
        assert "Deploy it again" in str(failed.state_reason)


async def test_prepare_makes_again_what_a_cleaned_cache_has_lost(served: Rig) -> None:
    await served.deployments.create(wasm_configuration("f"), wasm_package(), {})
    active = await served.settled("f")
    assert active.active is not None
    package = served.code.read(active.active.code_digest)
    served.code.discard(active.active.code_digest)
    served.code.put(package)
    prepared = await served.deployments.prepare(active.active)
    assert (prepared.task_path / "bootstrap").read_bytes() == WASM


async def test_a_closed_one_refuses_and_can_be_closed_again(tmp_path: Path) -> None:
    async with rig(tmp_path / "data") as closed:
        await closed.deployments.close()
        for attempt in (
            closed.deployments.create(configuration("f"), FIRST, {}),
            closed.deployments.update_configuration("f", configuration("f")),
        ):
            with pytest.raises(ServiceUnavailable):
                await attempt


async def test_a_full_disk_refuses_a_package_whole(
    served: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", _no_space)
        with pytest.raises(StorageFull) as caught:
            await served.deployments.create(configuration("f"), FIRST, {})
    assert isinstance(caught.value, WasmfaasError)
    assert served.stored() == set()
    await served.deployments.create(configuration("f"), FIRST, {})
    assert (await served.settled("f")).state is State.ACTIVE


def _no_space(descriptor: int) -> None:
    raise OSError(28, "No space left on device")


FILES = {
    "by name": (["main", "other.wasm"], "main", "main"),
    "with suffix": (["main.wasm", "bootstrap"], "main", "main.wasm"),
    "in a folder": (["bin/main.wasm", "bootstrap"], "bin/main", "bin/main.wasm"),
    "bootstrap": (["bootstrap", "x.wasm", "y.wasm"], "app.handler", "bootstrap"),
    "bootstrap.wasm": (["bootstrap.wasm", "x.wasm"], "app.handler", "bootstrap.wasm"),
    "the only one": (["only.wasm", "deep/other.wasm"], "app.handler", "only.wasm"),
    "no handler": (["only.wasm"], "", "only.wasm"),
    "handler that leads out": (["only.wasm"], "../outside", "only.wasm"),
    "absolute handler": (["only.wasm"], "/etc/passwd", "only.wasm"),
    "handler with NUL": (["only.wasm"], "a\x00b", "only.wasm"),
    "handler that is a folder": (["bin/x", "only.wasm"], "bin", "only.wasm"),
}


@pytest.mark.parametrize("case", FILES)
def test_the_module_of_a_package(case: str, tmp_path: Path) -> None:
    names, handler, expected = FILES[case]
    (tmp_path / "outside").write_bytes(WASM)
    task = tmp_path / "task"
    for name in names:
        (task / name).parent.mkdir(parents=True, exist_ok=True)
        (task / name).write_bytes(WASM)
    assert module_path(task, handler) == task / expected


def test_two_modules_and_no_name_say_what_was_looked_for(tmp_path: Path) -> None:
    for name in ("a.wasm", "b.wasm"):
        (tmp_path / name).write_bytes(WASM)
    with pytest.raises(InvalidParameterValue) as caught:
        module_path(tmp_path, "app.handler")
    for expected in ("app.handler", "app.handler.wasm", "bootstrap", "a.wasm, b.wasm", "Handler"):
        assert expected in caught.value.message
