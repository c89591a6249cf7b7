"""Function URLs: one of a function and of each alias, with an id that lasts as long."""

import re

import pytest

from tests.store.conftest import arn
from tests.store.test_versions import activated
from wasmfaas.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio

NOT_THERE = "The resource you requested does not exist."


@pytest.mark.parametrize("qualifier", [None, "prod"])
async def test_a_url_keeps_its_id_until_it_is_taken_away(
    registry: Registry, qualifier: str | None, changes: list[str]
) -> None:
    await activated(registry, "f")
    await registry.aliases.create("f", "prod", "$LATEST", "", {})
    urls = registry.urls
    told = len(changes)
    first = await urls.create("f", qualifier, {"AuthType": "NONE"})
    assert re.fullmatch(r"[a-z0-9]{32}", first.id)
    assert (first.function_name, first.qualifier) == ("f", qualifier)
    second = await urls.update("f", qualifier, lambda before: {**before, "More": 1})
    assert (second.id, second.configuration) == (first.id, {"AuthType": "NONE", "More": 1})
    assert await urls.by_id(first.id) == await urls.find("f", qualifier) == second
    await urls.delete("f", qualifier)
    assert changes[told:] == ["f"] * 3
    assert await urls.find("f", qualifier) is None
    for url_id in (first.id, "\ud800", ""):
        with pytest.raises(ResourceNotFound):
            await urls.by_id(url_id)
    assert (await urls.create("f", qualifier, {})).id != first.id


async def test_what_is_said_of_urls_that_cannot_be(registry: Registry) -> None:
    await activated(registry, "f")
    await registry.urls.create("f", None, {})
    with pytest.raises(ResourceConflict) as conflict:
        await registry.urls.create("f", None, {})
    assert conflict.value.message == (
        f"Failed to create function url config for [functionArn = {arn('f')}]. Error message:  "
        "FunctionUrlConfig exists for this Lambda function"
    )
    for name, qualifier in (("f", "no"), ("none", None)):
        with pytest.raises(ResourceNotFound) as caught:
            await registry.urls.create(name, qualifier, {})
        assert caught.value.message == "Function does not exist"
        for attempt in (
            registry.urls.update(name, qualifier, lambda before: before),
            registry.urls.delete(name, qualifier),
        ):
            with pytest.raises(ResourceNotFound) as caught:
                await attempt
            assert caught.value.message == NOT_THERE


async def test_urls_outlive_their_alias_but_not_their_function(registry: Registry) -> None:
    await activated(registry, "f")
    await registry.aliases.create("f", "prod", "$LATEST", "", {})
    url = await registry.urls.create("f", "prod", {})
    await registry.aliases.delete("f", "prod")
    assert await registry.urls.by_id(url.id) == url
    await registry.delete("f")
    with pytest.raises(ResourceNotFound):
        await registry.urls.by_id(url.id)


async def test_pages_of_urls(registry: Registry) -> None:
    await activated(registry, "f")
    for alias in ("b", "a"):
        await registry.aliases.create("f", alias, "$LATEST", "", {})
        await registry.urls.create("f", alias, {})
    await registry.urls.create("f", None, {})
    for limit in (1, 2, 50):
        seen, marker = [], None
        while True:
            page, marker = await registry.urls.page("f", marker, limit)
            seen += [url.qualifier for url in page]
            if marker is None:
                break
        assert seen == [None, "a", "b"]
    with pytest.raises(InvalidParameterValue, match="Marker"):
        await registry.urls.page("f", "!!", 5)
    with pytest.raises(ResourceNotFound, match="Function not found"):
        await registry.urls.page("none", None, 5)
