"""Aliases: where they send invocations, and what they cannot stand for."""

from collections.abc import Mapping

import pytest

from tests.store.conftest import arn
from tests.store.test_versions import OTHER, activate, activated, change
from wasmfaas.errors import (
    InvalidParameterValue,
    PreconditionFailed,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.models import LATEST
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio


@pytest.fixture
async def aliased(registry: Registry) -> Registry:
    """With a function `f` that has versions 1, 2 and 3."""
    await activated(registry, "f")
    for number in range(1, 4):
        await change(registry, "f", Description=str(number))
        await registry.versions.publish("f")
    return registry


async def test_an_alias_from_creation_to_deletion(aliased: Registry) -> None:
    aliases = aliased.aliases
    created = await aliases.create("f", "prod", "1", "ü\ud800", {"2": 0.25})
    assert (created.version, created.description, created.weights) == ("1", "ü\ud800", {"2": 0.25})
    assert await aliases.get("f", "prod") == created
    moved = await aliases.update("f", "prod", version="3")
    assert (moved.version, moved.description, moved.weights) == ("3", "ü\ud800", {"2": 0.25})
    assert moved.revision_id != created.revision_id
    described = await aliases.update(
        "f", "prod", description="", weights={}, revision_id=moved.revision_id
    )
    assert (described.version, described.description, described.weights) == ("3", "", {})
    with pytest.raises(PreconditionFailed, match="Call the GetFunction/GetAlias API"):
        await aliases.update("f", "prod", version="2", revision_id=moved.revision_id)
    assert await aliases.get("f", "prod") == described
    for _ in range(2):
        await aliases.delete("f", "prod")
    with pytest.raises(ResourceNotFound) as caught:
        await aliases.get("f", "prod")
    assert caught.value.message == f"Cannot find alias arn: {arn('f')}:prod"
    with pytest.raises(ResourceNotFound) as caught:
        await aliases.update("f", "prod")
    assert caught.value.message == f"Alias not found: {arn('f')}:prod"


@pytest.mark.parametrize(
    ("version", "weights", "message"),
    [
        ("10", {}, f"Function not found: {arn('f')}:10"),
        ("1", {"10": 0.5}, f"Function not found: {arn('f')}:10"),
        ("1", {"2": 0.1, "3": 0.1}, "Number of items in AdditionalVersionWeights cannot be "
         "greater than 1"),
        ("1", {"1": 0.5}, "Invalid function version 1. Function version 1 is already included in "
         "routing configuration."),
        (LATEST, {"1": 0.5}, "$LATEST is not supported for an alias pointing to more than 1 "
         "version"),
    ],
)  # fmt: skip
async def test_what_an_alias_cannot_stand_for(
    aliased: Registry, version: str, weights: Mapping[str, float], message: str
) -> None:
    with pytest.raises((InvalidParameterValue, ResourceNotFound)) as caught:
        await aliased.aliases.create("f", "a", version, "", weights)
    assert caught.value.message == message
    before = await aliased.aliases.create("f", "a", "1", "", {})
    with pytest.raises((InvalidParameterValue, ResourceNotFound)) as caught:
        await aliased.aliases.update("f", "a", version=version, weights=weights)
    assert caught.value.message == message
    assert await aliased.aliases.get("f", "a") == before


async def test_a_second_alias_of_that_name_is_refused(aliased: Registry) -> None:
    await aliased.aliases.create("f", "a", "1", "", {})
    with pytest.raises(ResourceConflict) as caught:
        await aliased.aliases.create("f", "a", "2", "", {})
    assert caught.value.message == f"Alias already exists: {arn('f')}:a"
    assert (await aliased.aliases.get("f", "a")).version == "1"


async def test_where_an_alias_sends_invocations(aliased: Registry) -> None:
    await aliased.aliases.create("f", "latest", LATEST, "", {})
    await aliased.aliases.create("f", "split", "1", "", {"3": 0.25})
    route = await aliased.route("f", "latest")
    assert (route.version.number, route.additional) == (LATEST, None)
    route = await aliased.route("f", "split")
    assert route.additional is not None
    assert (route.version.number, route.additional.number, route.weight) == ("1", "3", 0.25)
    assert (await aliased.require("f", "split")).number == "1"


async def test_a_share_is_given_once_its_version_is_served(aliased: Registry) -> None:
    updating = await aliased.update("f", code=OTHER, publish=True)
    await aliased.aliases.create("f", "canary", "1", "", {"4": 0.1})
    route = await aliased.route("f", "canary")
    assert (route.version.number, route.additional) == ("1", None)
    await activate(aliased, updating)
    route = await aliased.route("f", "canary")
    assert route.additional is not None
    assert (route.additional.number, route.weight) == ("4", 0.1)


async def test_a_version_that_an_alias_refers_to_stays(aliased: Registry) -> None:
    await aliased.aliases.create("f", "blue", "1", "", {})
    await aliased.aliases.create("f", "green", "2", "", {"1": 0.5})
    with pytest.raises(ResourceConflict) as caught:
        await aliased.versions.delete("f", "1")
    assert caught.value.message == (
        "Unable to delete version because the following aliases reference it: [blue, green]"
    )
    assert (await aliased.require("f", "1")).number == "1"
    await aliased.versions.delete("f", "3")
    await aliased.delete("f")
    with pytest.raises(ResourceNotFound):
        await aliased.aliases.get("f", "blue")


async def test_pages_of_aliases(aliased: Registry) -> None:
    names = sorted(f"alias-{number}" for number in range(12))
    for position, name in enumerate(names):
        await aliased.aliases.create("f", name, "1" if position % 2 else "2", "", {})
    for version, expected in ((None, names), ("1", names[1::2]), ("3", [])):
        seen, marker = [], None
        while True:
            page, marker = await aliased.aliases.page("f", version, marker, 5)
            seen += [alias.name for alias in page]
            if marker is None:
                break
        assert seen == expected
    with pytest.raises(InvalidParameterValue, match="Marker"):
        await aliased.aliases.page("f", None, "!!", 5)
    with pytest.raises(ResourceNotFound):
        await aliased.aliases.page("none", None, None, 5)
