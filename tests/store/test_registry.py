"""The registry: Lambda's states, and what callers may rely on."""

import asyncio
import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection

from tests.store.conftest import arn, configuration
from wasmfaas.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.models import Function, PackageKind, State, UpdateStatus
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio

CODE = Code.of(b"first")
OTHER = Code.of(b"second")


async def activated(registry: Registry, name: str, **members: Any) -> Function:
    function = await registry.create(configuration(name, **members), CODE, {})
    return await activate(registry, function)


async def activate(registry: Registry, function: Function) -> Function:
    assert function.pending is not None
    active = await registry.activate(
        function.name, function.pending.id, PackageKind.PYTHON, "python-artefact"
    )
    assert active is not None
    return active


async def test_a_new_function_is_pending(registry: Registry, changes: list[str]) -> None:
    function = await registry.create(configuration("f", MemorySize=256), CODE, {"team": "a"})
    assert (function.state, function.state_reason, function.state_reason_code) == (
        State.PENDING,
        "The function is being created.",
        "Creating",
    )
    assert function.last_update_status is None
    assert function.active is None
    assert function.tags == {"team": "a"}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}\+0000", function.last_modified)
    deployment = function.shown
    assert deployment.configuration == configuration("f", MemorySize=256)
    assert (deployment.code_sha256, deployment.code_digest) == (CODE.sha256, CODE.digest)
    assert (deployment.code_size_bytes, deployment.kind) == (5, None)
    assert await registry.get("f") == function
    assert changes == ["f"]


async def test_activation_ends_creation_and_gives_a_new_revision(registry: Registry) -> None:
    created = await registry.create(configuration("f"), CODE, {})
    active = await activate(registry, created)
    assert (active.state, active.state_reason) == (State.ACTIVE, None)
    assert active.last_update_status is UpdateStatus.SUCCESSFUL
    assert active.pending is None
    assert active.active is not None
    assert (active.active.kind, active.active.artefact) == (PackageKind.PYTHON, "python-artefact")
    assert active.revision_id != created.revision_id
    assert active.last_modified == created.last_modified


async def test_a_second_function_of_that_name_is_refused(registry: Registry) -> None:
    await activated(registry, "f")
    with pytest.raises(ResourceConflict) as caught:
        await registry.create(configuration("f", MemorySize=999), OTHER, {})
    assert caught.value.message == "Function already exist: f"
    assert (await registry.get("f")).shown.memory_mb == 128


@pytest.mark.parametrize("name", ["none", "", "ünïcode", "\ud800", "a\x00b", "x" * 100_000])
async def test_an_unknown_function_is_not_found_by_its_arn(registry: Registry, name: str) -> None:
    attempts: list[Callable[[], Any]] = [
        lambda: registry.get(name),
        lambda: registry.update(name, code=CODE),
        lambda: registry.delete(name),
        lambda: registry.tag(name, {"a": "b"}),
        lambda: registry.untag(name, ["a"]),
        lambda: registry.urls.find(name),
    ]
    for attempt in attempts:
        with pytest.raises(ResourceNotFound) as caught:
            await attempt()
        assert caught.value.message == f"Function not found: {arn(name)}"
    assert await registry.activate(name, "id", PackageKind.PYTHON, "a") is None
    assert await registry.fail(name, "id", "r", "c") is None


async def test_an_update_is_pending_while_the_old_deployment_is_served(registry: Registry) -> None:
    before = await activated(registry, "f")
    updating = await registry.update("f", code=OTHER)
    assert updating.active == before.active
    assert updating.state is State.ACTIVE
    assert updating.last_update_status is UpdateStatus.IN_PROGRESS
    assert updating.last_update_status_reason_code == "Creating"
    assert updating.shown.code_digest == OTHER.digest
    assert updating.shown.configuration == configuration("f")
    after = await activate(registry, updating)
    assert after.active is not None
    assert after.active.code_digest == OTHER.digest
    assert after.last_update_status is UpdateStatus.SUCCESSFUL
    assert after.last_update_status_reason is None
    revisions = {each.revision_id for each in (before, updating, after)}
    assert len(revisions) == 3


async def test_an_update_of_the_configuration_keeps_the_code(registry: Registry) -> None:
    await activated(registry, "f")
    updating = await registry.update("f", configuration=configuration("f", Timeout=9))
    assert (updating.shown.code_digest, updating.shown.timeout_ms) == (CODE.digest, 9000)


async def test_the_same_code_can_be_deployed_again(registry: Registry) -> None:
    before = await activated(registry, "f")
    after = await activate(registry, await registry.update("f", code=CODE))
    assert after.shown.id != before.shown.id
    assert await registry.code_digests_in_use() == {CODE.digest}


async def test_one_change_at_a_time(registry: Registry) -> None:
    await registry.create(configuration("f"), CODE, {})
    with pytest.raises(ResourceConflict, match="currently in the following state: Pending"):
        await registry.update("f", code=OTHER)
    await activated(registry, "g")
    await registry.update("g", code=OTHER)
    with pytest.raises(ResourceConflict) as caught:
        await registry.update("g", configuration=configuration("g"))
    assert caught.value.message == (
        "The operation cannot be performed at this time. An update is in progress for resource: "
        + arn("g")
    )


async def test_of_updates_at_the_same_time_one_is_accepted(registry: Registry) -> None:
    await activated(registry, "f")
    outcomes = await asyncio.gather(
        *(registry.update("f", code=Code.of(bytes([n]))) for n in range(8)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == (
        ["Function"] + ["ResourceConflict"] * 7
    )


async def test_of_creations_at_the_same_time_one_is_accepted(registry: Registry) -> None:
    outcomes = await asyncio.gather(
        *(registry.create(configuration("f"), CODE, {}) for _ in range(8)), return_exceptions=True
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == (
        ["Function"] + ["ResourceConflict"] * 7
    )


async def test_a_stale_revision_is_refused(registry: Registry) -> None:
    created = await registry.create(configuration("f"), CODE, {})
    active = await activate(registry, created)
    with pytest.raises(PreconditionFailed, match="does not match the latest Revision Id"):
        await registry.update("f", code=OTHER, revision_id=created.revision_id)
    updated = await registry.update("f", code=OTHER, revision_id=active.revision_id)
    assert updated.pending is not None


async def test_a_failed_creation_can_be_repaired_by_an_update(registry: Registry) -> None:
    created = await registry.create(configuration("f"), CODE, {})
    failed = await registry.fail("f", created.shown.id, "It is too\x00 big \ud800.", "InvalidImage")
    assert failed is not None
    assert (failed.state, failed.state_reason_code) == (State.FAILED, "InvalidImage")
    assert failed.state_reason == "It is too big ?."
    assert failed.last_update_status is UpdateStatus.FAILED
    assert failed.active is None
    assert failed.shown == created.shown
    assert await registry.pending() == []
    repaired = await registry.update("f", code=OTHER)
    assert (repaired.state, repaired.state_reason_code) == (State.PENDING, "Creating")
    assert repaired.shown.code_digest == OTHER.digest
    assert (await activate(registry, repaired)).state is State.ACTIVE


async def test_a_failed_update_leaves_what_was_served(registry: Registry) -> None:
    before = await activated(registry, "f")
    updating = await registry.update("f", code=OTHER)
    after = await registry.fail("f", updating.shown.id, "No.", "InvalidZipFileException")
    assert after is not None
    assert (after.active, after.pending) == (before.active, None)
    assert after.state is State.ACTIVE
    assert after.last_update_status is UpdateStatus.FAILED
    assert after.last_update_status_reason == "No."
    assert after.shown.code_digest == CODE.digest
    assert await registry.code_digests_in_use() == {CODE.digest}
    assert (await registry.update("f", code=OTHER)).pending is not None


async def test_the_end_of_a_superseded_deployment_changes_nothing(registry: Registry) -> None:
    created = await registry.create(configuration("f"), CODE, {})
    await registry.delete("f")
    again = await registry.create(configuration("f"), OTHER, {})
    old = created.shown.id
    assert await registry.activate("f", old, PackageKind.PYTHON, "a") is None
    assert await registry.fail("f", old, "r", "c") is None
    assert await registry.get("f") == again
    active = await activate(registry, again)
    assert await registry.activate("f", active.shown.id, PackageKind.PYTHON, "b") is None
    assert await registry.get("f") == active


async def test_deletion_takes_everything_along(registry: Registry) -> None:
    await activated(registry, "f")
    await registry.update("f", code=OTHER)
    url = await registry.urls.create("f", None, {"AuthType": "NONE"})
    await registry.delete("f")
    assert await registry.code_digests_in_use() == set()
    assert await registry.pending() == []
    with pytest.raises(ResourceNotFound):
        await registry.urls.by_id(url.id)
    with pytest.raises(ResourceNotFound):
        await registry.delete("f")


async def test_pending_lists_what_a_restart_goes_on_with(registry: Registry) -> None:
    await activated(registry, "active")
    await registry.create(configuration("creating"), CODE, {})
    await activated(registry, "updating")
    await registry.update("updating", code=OTHER)
    pending = await registry.pending()
    assert [function.name for function in pending] == ["creating", "updating"]
    assert all(function.pending for function in pending)


async def test_pages_cover_every_function_once(registry: Registry) -> None:
    names = sorted(f"f{number}" for number in range(23))
    for name in names:
        await registry.create(configuration(name), CODE, {})
    seen, marker = [], None
    while True:
        page, marker = await registry.list_functions(marker, 5)
        assert len(page) <= 5
        seen += [function.name for function in page]
        if marker is None:
            break
    assert seen == names
    everything, end = await registry.list_functions(None, 23)
    assert (len(everything), end) == (23, None)
    assert all(function.shown.code_digest == CODE.digest for function in everything)


@pytest.mark.parametrize("marker", ["", "x", "!!", "ZsO8", "ü", "AAAA"])
async def test_a_marker_that_is_not_ours_is_refused(registry: Registry, marker: str) -> None:
    with pytest.raises(InvalidParameterValue, match="Marker"):
        await registry.list_functions(marker, 5)


async def test_tags_are_merged_removed_and_bounded(registry: Registry) -> None:
    created = await registry.create(configuration("f"), CODE, {"a": "1", "b": "2"})
    await registry.tag("f", {"b": "3", "ü\ud800\x00": ""})
    await registry.untag("f", ["a", "absent"])
    tagged = await registry.get("f")
    assert tagged.tags == {"b": "3", "ü\ud800\x00": ""}
    assert tagged.revision_id == created.revision_id
    await registry.tag("f", {str(number): "x" for number in range(48)})
    with pytest.raises(InvalidParameterValue) as caught:
        await registry.tag("f", {"one more": ""})
    assert caught.value.message == "Number of tags exceeds resource tag limit."
    assert len((await registry.get("f")).tags) == 50
    with pytest.raises(InvalidParameterValue):
        await registry.create(configuration("g"), CODE, {str(n): "" for n in range(51)})


async def test_configurations_come_back_as_they_were(registry: Registry) -> None:
    odd = configuration("f", Description="ü\ud800\x00\n", Environment={"Variables": {"K": "{}"}})
    await registry.create(odd, CODE, {})
    assert (await registry.get("f")).shown.configuration == odd


async def test_changes_are_told_after_they_are_committed(
    registry: Registry, changes: list[str]
) -> None:
    await activated(registry, "f")
    await registry.update("f", code=OTHER)
    with pytest.raises(ResourceConflict):
        await registry.update("f", code=OTHER)
    await registry.get("f")
    assert changes == ["f", "f", "f"], "neither reads nor refusals count"


async def test_a_change_is_told_though_its_caller_is_gone(
    database: Database, registry: Registry, changes: list[str]
) -> None:
    entered, go_on = threading.Event(), threading.Event()

    def occupy(connection: Connection) -> None:
        entered.set()
        go_on.wait(30)

    occupied = asyncio.create_task(database.run(occupy))
    await asyncio.to_thread(entered.wait, 30)
    caller = asyncio.create_task(registry.create(configuration("f"), CODE, {}))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    go_on.set()
    await occupied
    assert (await registry.get("f")).name == "f"
    async with asyncio.timeout(120):
        while changes != ["f"]:
            await asyncio.sleep(0)
