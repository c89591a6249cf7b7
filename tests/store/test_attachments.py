"""What is attached to functions."""

import pytest

from tests.store.conftest import configuration
from wasmfaas.errors import InvalidParameterValue, PreconditionFailed, ResourceNotFound
from wasmfaas.store.attachments import Attachments, Kind, Value
from wasmfaas.store.code import Code
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio

KIND = Kind.RECURSION


@pytest.fixture
async def attachments(registry: Registry, changes: list[str]) -> Attachments:
    for name in ("f", "g"):
        await registry.create(configuration(name), Code.of(b"code"), {})
    changes.clear()
    return registry.attachments


async def test_each_has_its_place(attachments: Attachments, changes: list[str]) -> None:
    for name, qualifier in (("g", ""), ("f", "1"), ("f", "")):
        value = {"is": f"{name}{qualifier}"}
        written = await attachments.change(name, KIND, qualifier, lambda _, value=value: value)
        assert written is not None
        assert written == await attachments.get(name, KIND, qualifier)
    assert changes == ["g", "f", "f"]
    found = await attachments.of_function("f", KIND)
    assert [(each.qualifier, each.value) for each in found] == [
        ("", {"is": "f"}),
        ("1", {"is": "f1"}),
    ]
    assert [each.function_name for each in await attachments.of_kind(KIND)] == ["f", "f", "g"]
    assert await attachments.get("f", Kind.POLICY) is None
    assert await attachments.get("\0", KIND) is None


async def test_a_change_sees_what_was_there_and_may_take_it_away(attachments: Attachments) -> None:
    def counted(before: Value | None) -> Value:
        return {"count": (before or {"count": 0})["count"] + 1}

    for count in (1, 2):
        written = await attachments.change("f", KIND, "", counted)
        assert written is not None
        assert written.value == {"count": count}
    assert await attachments.change("f", KIND, "", lambda _: None) is None
    assert await attachments.get("f", KIND) is None


async def test_a_change_that_raises_leaves_nothing(
    attachments: Attachments, changes: list[str]
) -> None:
    def refuse(_: Value | None) -> Value:
        raise InvalidParameterValue("no")

    with pytest.raises(InvalidParameterValue):
        await attachments.revise("f", KIND, "", refuse, None)
    assert await attachments.get("f", KIND) is None
    assert changes == []


async def test_they_go_with_their_function(attachments: Attachments, registry: Registry) -> None:
    await attachments.change("f", KIND, "1", lambda _: {})
    await registry.delete("f")
    assert await attachments.of_kind(KIND) == []
    for name in ("f", "\0"):
        with pytest.raises(ResourceNotFound, match="Function not found: arn"):
            await attachments.change(name, KIND, "", lambda _: {})


async def test_a_revision_is_checked_and_made_anew(
    attachments: Attachments, registry: Registry
) -> None:
    first = (await registry.get("f")).revision_id
    second = await attachments.revise("f", KIND, "", lambda _: {"n": 1}, first)
    assert second != first
    assert (await registry.get("f")).revision_id == second
    with pytest.raises(PreconditionFailed, match="Call the GetPolicy API"):
        await attachments.revise("f", KIND, "", lambda _: {"n": 2}, first)
    held = await attachments.get("f", KIND)
    assert held is not None
    assert held.value == {"n": 1}
