"""Log groups, beside the functions that some of them belong to."""

import pytest

from tests.store.conftest import configuration
from wasmfaas.log_errors import LogGroupExists, LogGroupLimitExceeded, LogGroupNotFound, TooManyTags
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.log_groups import LogGroups
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio


@pytest.fixture
def groups(database: Database) -> LogGroups:
    return LogGroups(database, clock_ms=lambda: 1_700_000_000_000)


async def names(groups: LogGroups, prefix: str = "", part: str = "", after: str = "") -> list[str]:
    found, _ = await groups.page(prefix=prefix, part=part, after=after, limit=50)
    return [group.name for group in found]


async def test_every_function_has_a_group(groups: LogGroups, registry: Registry) -> None:
    await registry.create(configuration("f"), Code.of(b"zip"), {})
    group = await groups.get("/aws/lambda/f")
    assert (group.function, group.retention_days, group.tags) == ("f", None, {})
    assert group.created_at_ms > 1_700_000_000_000
    with pytest.raises(LogGroupExists):
        await groups.create("/aws/lambda/f", {})
    await registry.delete("f")
    with pytest.raises(LogGroupNotFound):
        await groups.get("/aws/lambda/f")


async def test_a_group_made_by_name_outlives_its_function(
    groups: LogGroups, registry: Registry
) -> None:
    await groups.create("/aws/lambda/f", {"team": "a"})
    await registry.create(configuration("f"), Code.of(b"zip"), {})
    assert await names(groups) == ["/aws/lambda/f"]
    await registry.delete("f")
    group = await groups.get("/aws/lambda/f")
    assert (group.created_at_ms, group.tags) == (1_700_000_000_000, {"team": "a"})
    await groups.delete("/aws/lambda/f")
    assert await names(groups) == []
    with pytest.raises(LogGroupNotFound):
        await groups.delete("/aws/lambda/f")


async def test_what_is_recorded_of_a_functions_group(groups: LogGroups, registry: Registry) -> None:
    await registry.create(configuration("f"), Code.of(b"zip"), {})
    await groups.retain("/aws/lambda/f", 7)
    await groups.tag("/aws/lambda/f", {"a": "1", "b": "2"}, [])
    await groups.tag("/aws/lambda/f", {"a": "3"}, ["b", "c"])
    group = await groups.get("/aws/lambda/f")
    assert (group.retention_days, group.tags) == (7, {"a": "3"})
    await groups.retain("/aws/lambda/f", None)
    assert (await groups.get("/aws/lambda/f")).retention_days is None
    with pytest.raises(LogGroupNotFound):
        await groups.retain("/aws/lambda/other", 7)


async def test_pages_are_in_order_and_know_whether_there_is_more(groups: LogGroups) -> None:
    for name in ("/b", "/a_1", "/a%1", "/aX1", "/c"):
        await groups.create(name, {})
    assert await names(groups, prefix="/a_") == ["/a_1"]
    assert await names(groups, part="%") == ["/a%1"]
    assert await names(groups, part="A") == []
    assert await names(groups, prefix="/A") == []
    page, more = await groups.page(prefix="", part="", after="/aX1", limit=1)
    assert ([group.name for group in page], more) == (["/a_1"], True)
    page, more = await groups.page(prefix="", part="", after="/b", limit=1)
    assert ([group.name for group in page], more) == (["/c"], False)


async def test_groups_and_their_tags_are_bounded(database: Database) -> None:
    groups = LogGroups(database, made_max=2)
    await groups.create("/a", {f"a{number}": "" for number in range(30)})
    await groups.create("/b", {})
    with pytest.raises(LogGroupLimitExceeded, match="at most 2"):
        await groups.create("/c", {})
    with pytest.raises(TooManyTags, match="60 tags, but at most 50"):
        await groups.tag("/a", {f"b{number}": "" for number in range(30)}, [])
    assert len((await groups.get("/a")).tags) == 30
