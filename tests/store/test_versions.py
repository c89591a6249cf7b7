"""Published versions: frozen, numbered once, listed in order, kept until they are deleted."""

from pathlib import Path

import pytest

from tests.store.conftest import arn, configuration
from wasmfaas.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.models import LATEST, Function, PackageKind, State, UpdateStatus
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio

CODE, OTHER = Code.of(b"zip"), Code.of(b"other zip")


async def activate(registry: Registry, function: Function) -> Function:
    assert function.pending is not None
    active = await registry.activate(
        function.name, function.pending.id, PackageKind.PYTHON, "runtime"
    )
    assert active is not None
    return active


async def activated(registry: Registry, name: str, **members: object) -> Function:
    created = await registry.create(configuration(name, **members), CODE, {})
    return await activate(registry, created)


async def change(registry: Registry, name: str, **members: object) -> Function:
    return await activate(
        registry, await registry.update(name, configuration=configuration(name, **members))
    )


async def test_a_version_is_what_latest_was(registry: Registry, changes: list[str]) -> None:
    before = await activated(registry, "f", Description="own", MemorySize=256)
    told = len(changes)
    first = await registry.versions.publish("f", "first")
    assert len(changes) == told + 1
    assert (first.number, first.state) == ("1", State.ACTIVE)
    assert first.last_update_status is UpdateStatus.SUCCESSFUL
    assert first.served == first.deployment
    assert first.deployment.version == "1"
    assert first.last_modified == before.last_modified
    assert first.deployment.configuration == configuration("f", Description="first", MemorySize=256)
    assert (first.deployment.code_digest, first.deployment.artefact) == (CODE.digest, "runtime")
    latest = await registry.get("f")
    assert latest.shown == before.shown, "publishing leaves $LATEST as it is"
    assert len({latest.revision_id, before.revision_id, first.revision_id}) == 3
    await activate(registry, await registry.update("f", code=OTHER))
    await change(registry, "f", MemorySize=512)
    assert await registry.require("f", "1") == first
    second = await registry.versions.publish("f")
    assert (second.number, second.deployment.memory_mb) == ("2", 512)
    assert second.deployment.code_digest == OTHER.digest
    assert second.deployment.configuration["Description"] == ""


async def test_what_has_not_changed_is_not_published_again(registry: Registry) -> None:
    await activated(registry, "f")
    first = await registry.versions.publish("f", "told apart by nothing but this")
    revision_id = (await registry.get("f")).revision_id
    assert await registry.versions.publish("f", "another") == first
    assert (await registry.get("f")).revision_id == revision_id
    await change(registry, "f", Description="a change")
    assert (await registry.versions.publish("f")).number == "2"
    await change(registry, "f")
    assert (await registry.versions.publish("f")).number == "3", "only the newest is compared"


async def test_numbers_are_never_given_again(registry: Registry) -> None:
    await activated(registry, "f")
    await registry.versions.publish("f")
    await registry.versions.delete("f", "1")
    await registry.versions.delete("f", "1")
    assert (await registry.versions.publish("f")).number == "2"
    with pytest.raises(ResourceNotFound) as caught:
        await registry.require("f", "1")
    assert caught.value.message == f"Function not found: {arn('f')}:1"
    for number in ("3", "4"):
        await registry.delete("f")
        await activated(registry, "f")
        assert (await registry.versions.newest("f")) is None
        assert (await registry.versions.publish("f")).number == number, "as on Lambda"
    await activated(registry, "g")
    assert (await registry.versions.publish("g")).number == "1"


async def test_preconditions_of_publishing(registry: Registry) -> None:
    active = await activated(registry, "f")
    with pytest.raises(PreconditionFailed):
        await registry.versions.publish("f", revision_id="old")
    with pytest.raises(InvalidParameterValue) as caught:
        await registry.versions.publish("f", code_sha256="other")
    assert caught.value.message == (
        f"CodeSHA256 (other) is different from current CodeSHA256 in $LATEST ({CODE.sha256}). "
        "Please try again with the CodeSHA256 in $LATEST."
    )
    published = await registry.versions.publish(
        "f", code_sha256=CODE.sha256, revision_id=active.revision_id
    )
    assert published.number == "1"
    await registry.update("f", code=OTHER)
    with pytest.raises(ResourceConflict, match="An update is in progress for resource: arn:"):
        await registry.versions.publish("f")
    await registry.create(configuration("g"), CODE, {})
    with pytest.raises(ResourceConflict, match="in the following state: Pending"):
        await registry.versions.publish("g")
    with pytest.raises(ResourceNotFound, match=r"Function not found: arn:.*:none$"):
        await registry.versions.publish("none")


async def test_a_version_published_with_a_change_comes_into_service_with_it(
    registry: Registry,
) -> None:
    created = await registry.create(configuration("f"), CODE, {}, publish=True)
    assert created.published is not None
    assert (created.published.number, created.published.state) == ("1", State.PENDING)
    assert created.published.state_reason == "The function is being created."
    assert (created.published.served, created.published.last_update_status) == (None, None)
    await activate(registry, created)
    version = await registry.require("f", "1")
    assert (version.state, version.state_reason) == (State.ACTIVE, None)
    assert version.served is not None
    assert (version.served.kind, version.served.artefact) == (PackageKind.PYTHON, "runtime")
    assert version.revision_id != created.published.revision_id
    updated = await registry.update("f", code=OTHER, publish=True)
    assert updated.pending is not None
    await registry.fail("f", updated.pending.id, "No\0.", "InvalidZipFile")
    failed = await registry.require("f", "2")
    assert (failed.state, failed.state_reason) == (State.FAILED, "No.")
    assert (failed.last_update_status, failed.served) == (UpdateStatus.FAILED, None)
    assert (await registry.require("f")).served is not None, "the former $LATEST stays"
    assert (await registry.require("f", "1")) == version
    again = await registry.update("f", code=OTHER, publish=True)
    assert again.published is not None
    assert again.published.number == "3", "what has failed may succeed"


async def test_the_code_of_versions_is_in_use(registry: Registry) -> None:
    await activated(registry, "f")
    version = await registry.versions.publish("f")
    await activate(registry, await registry.update("f", code=OTHER))
    assert await registry.code_digests_in_use() == {CODE.digest, OTHER.digest}
    assert version.deployment.id in await registry.deployment_ids()
    await registry.versions.delete("f", "1")
    assert await registry.code_digests_in_use() == {OTHER.digest}
    await registry.versions.publish("f")
    await registry.delete("f")
    assert await registry.deployment_ids() == set()


async def test_versions_survive_a_restart(registry: Registry, database: Database) -> None:
    await activated(registry, "f")
    version = await registry.versions.publish("f", "ü\ud800\0")
    path = Path(str(database._engine.url.database))
    database.close()
    reopened = Database.open(path)
    assert await Registry(reopened, arn).require("f", "1") == version
    reopened.close()


async def test_pages_of_versions(registry: Registry) -> None:
    expected = []
    for name, count in (("a", 3), ("b", 0), ("c", 11)):
        await activated(registry, name)
        expected.append((name, LATEST))
        for number in range(1, count + 1):
            await change(registry, name, Description=str(number))
            assert (await registry.versions.publish(name)).number == str(number)
            expected.append((name, str(number)))
    for name in (None, "a", "b", "c"):
        for limit in (1, 2, 5, 100):
            seen, marker = [], None
            while True:
                page, marker = await registry.versions.page(name, marker, limit)
                assert 1 <= len(page) <= limit
                seen += [(version.function_name, version.number) for version in page]
                if marker is None:
                    break
            assert seen == [each for each in expected if name in (None, each[0])]
    with pytest.raises(ResourceNotFound):
        await registry.versions.page("none", None, 5)
    for marker in ("", "!!", "Zg==", "ZjphYg=="):
        with pytest.raises(InvalidParameterValue, match="Marker"):
            await registry.versions.page("a", marker, 5)


@pytest.mark.parametrize(
    "qualifier", ["2", "01", "9" * 200, "no", "", "ünïcode", "\ud800", "a\0b", "²"]
)
async def test_unknown_qualifiers_are_named(registry: Registry, qualifier: str) -> None:
    await activated(registry, "f")
    await registry.versions.publish("f")
    for name in ("f", "none"):
        with pytest.raises(ResourceNotFound) as caught:
            await registry.require(name, qualifier)
        assert caught.value.message == f"Function not found: {arn(name)}:{qualifier}"


async def test_latest_is_a_version_too(registry: Registry) -> None:
    created = await registry.create(configuration("f"), CODE, {})
    assert (await registry.require("f")).served is None
    active = await activate(registry, created)
    updating = await registry.update("f", code=OTHER)
    for qualifier in (None, LATEST):
        version = await registry.require("f", qualifier)
        assert (version.number, version.revision_id) == (LATEST, updating.revision_id)
        assert version.deployment == updating.pending
        assert version.served == active.active
