"""Layers: versions that never change, under numbers that are never used again."""

import pytest

from tests.store.conftest import configuration
from tests.store.zips import Member, archive
from wasmfaas.errors import ResourceNotFound
from wasmfaas.models import LayerReference
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.layers import Filter, Layers, LayerVersion
from wasmfaas.store.merging import merged_name
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio

CODE = Code.of(archive(Member(b"python/library.py", b"x = 1")))
EVERYTHING = Filter()


def reference(number: int, digest: str) -> LayerReference:
    return LayerReference(f"arn:aws:lambda:us-east-1:000000000000:layer:a:{number}", 7, digest)


@pytest.fixture
def layers(database: Database) -> Layers:
    return Layers(database)


async def test_a_version_is_found_as_it_was_published(layers: Layers) -> None:
    details = {
        "Description": "with \0 and \ud800", "LicenseInfo": "MIT",
        "CompatibleRuntimes": ["python3.12"], "CompatibleArchitectures": [],
    }  # fmt: skip
    published = await layers.publish("a", CODE, details)
    assert (published.layer_name, published.number, published.code) == ("a", 1, CODE)
    assert published.details == details
    assert await layers.get("a", 1) == published
    assert (await layers.publish("b", CODE, {})).details == {}
    assert await layers.find([("a", 1), ("a", 2), ("c", 1), ("a", 10**30)]) == {("a", 1): published}
    for name, number in (("a", 2), ("c", 1), ("a", 10**30)):
        with pytest.raises(ResourceNotFound):
            await layers.get(name, number)


async def test_numbers_are_never_used_again(layers: Layers) -> None:
    for _ in range(2):
        await layers.publish("a", CODE, {})
    assert await layers.delete("a", 2)
    assert not await layers.delete("a", 2)
    assert await layers.delete("a", 1)
    assert (await layers.publish("a", CODE, {})).number == 3


async def test_lists_are_filtered_and_come_in_parts(layers: Layers) -> None:
    for name, runtimes in (("a", ["python3.1"]), ("a", ["python3.12"]), ("b", None), ("c", [])):
        details = {} if runtimes is None else {"CompatibleRuntimes": runtimes}
        await layers.publish(name, CODE, details)
    await layers.publish("b", CODE, {"CompatibleArchitectures": ["arm64"]})

    async def latest(shown: Filter, after: str | None = None, limit: int = 9) -> list[object]:
        found = await layers.latest(shown, after, limit)
        return [(version.layer_name, version.number) for version in found]

    assert await latest(EVERYTHING) == [("a", 2), ("b", 2), ("c", 1)]
    assert await latest(EVERYTHING, limit=2) == [("a", 2), ("b", 2)]
    assert await latest(EVERYTHING, after="b") == [("c", 1)]
    assert await latest(Filter(runtime="python3.1")) == [("a", 1)]
    assert await latest(Filter(runtime="python3.12")) == [("a", 2)]
    assert await latest(Filter(architecture="arm64")) == [("b", 2)]
    assert await latest(Filter("python3.12", "arm64")) == []
    numbers = [version.number for version in await layers.versions("a", EVERYTHING, None, 9)]
    assert numbers == [2, 1]
    assert [v.number for v in await layers.versions("a", EVERYTHING, 2, 9)] == [1]
    assert [v.number for v in await layers.versions("a", Filter("python3.12"), None, 9)] == [2]
    assert await layers.versions("none", EVERYTHING, None, 9) == []


async def test_a_change_of_the_policy_is_one_transaction(layers: Layers) -> None:
    await layers.publish("a", CODE, {})
    changed = await layers.change_policy("a", 1, lambda version: {"one": {"Sid": "one"}})
    assert changed is not None
    assert changed.statements == {"one": {"Sid": "one"}}
    assert changed.code == CODE

    def refuse(version: LayerVersion) -> dict[str, object]:
        assert version.policy_revision_id == changed.policy_revision_id
        raise ResourceNotFound("no")

    with pytest.raises(ResourceNotFound):
        await layers.change_policy("a", 1, refuse)
    assert await layers.get("a", 1) == changed
    assert await layers.change_policy("a", 2, refuse) is None


async def test_packages_of_layers_are_in_use_while_published_or_used(
    layers: Layers, registry: Registry
) -> None:
    await layers.publish("a", CODE, {})
    assert await registry.code_digests_in_use() == {CODE.digest}
    package, other = Code.of(b"package"), "1" * 64
    used = [reference(1, CODE.digest).members(), reference(2, other).members()]
    await registry.create(configuration("f", Layers=used), package, {})
    await registry.create(configuration("g", Layers=[], Description='"Layers":[{'), package, {})
    await layers.delete("a", 1)
    merged = merged_name([CODE.digest, other])
    assert await registry.code_digests_in_use() == {package.digest, CODE.digest, other, merged}
    await registry.delete("f")
    assert await registry.code_digests_in_use() == {package.digest}
