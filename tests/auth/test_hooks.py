"""Webhooks and their secrets: kept apart, and never one without the other."""

import json
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.store.conftest import arn, configuration
from wasmfaas.auth.hook_secrets import SECRETS_FILE, HookSecrets
from wasmfaas.auth.hooks import HookBook
from wasmfaas.errors import (
    DataDirectoryUnusable,
    InvalidParameterValue,
    ResourceConflict,
    ResourceNotFound,
)
from wasmfaas.hooks.definitions import Definition
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.hooks import Hooks
from wasmfaas.store.registry import Registry

pytestmark = pytest.mark.anyio

WANTED = Definition.of({"function": "f"})
GITHUB = Definition.of({"function": "f", "signature": "github"})
SECRET = "a-secret-of-two-parties"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "wasmfaas.db")
    yield database
    database.close()


class World:
    """A book whose clock stands still."""

    def __init__(self, database: Database, folder: Path, hooks_max: int = 3) -> None:
        self.now_s = 1000.0
        self.folder = folder
        self.hooks = Hooks(database, hooks_max=hooks_max)
        self.registry = Registry(database, arn, lambda name: None)
        self.reopen()

    def reopen(self) -> None:
        kept = HookSecrets.open(self.folder)
        self.book = HookBook(self.hooks, kept, lambda: self.now_s)

    @property
    def stored(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = json.loads((self.folder / SECRETS_FILE).read_text())
        return found["secrets"]


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = World(database, tmp_path)
    for name in ("f", "g"):
        await world.registry.create(configuration(name), Code.of(b""), {})
    return world


async def test_a_webhook_survives_a_restart_with_its_secret(world: World) -> None:
    hook = await world.book.create("hook", GITHUB, SECRET)
    made_up = await world.book.create("other", WANTED, None)
    world.reopen()
    found = await world.book.get("hook")
    assert (found, found.definition) == (hook, GITHUB)
    assert world.book.secrets(found) == (SECRET,)
    assert world.book.secret(made_up).current.startswith("whsec_")
    assert [each.name for each in await world.book.all("f")] == ["hook", "other"]
    assert await world.book.all("g") == []
    assert stat.S_IMODE((world.folder / SECRETS_FILE).stat().st_mode) == 0o600
    assert SECRET not in repr(world.book.secret(found))


async def test_no_database_has_a_secret(world: World) -> None:
    await world.book.create("hook", GITHUB, SECRET)
    files = [path for path in world.folder.iterdir() if SECRET.encode() in path.read_bytes()]
    assert [path.name for path in files] == [SECRETS_FILE]


async def test_a_change_keeps_the_secret(world: World) -> None:
    hook, is_new = await world.book.put("hook", GITHUB, is_declared=True)
    secret = world.book.secrets(hook)
    changed, is_new_again = await world.book.put("hook", WANTED, is_declared=True)
    assert (is_new, is_new_again) == (True, False)
    assert changed.definition == WANTED
    assert world.book.secrets(changed) == secret
    with pytest.raises(ResourceConflict, match="one of the function f"):
        await world.book.put("hook", Definition.of({"function": "g"}), is_declared=True)


async def test_a_secret_that_was_rotated_is_taken_for_a_while(world: World) -> None:
    hook = await world.book.create("hook", GITHUB, SECRET)
    await world.book.rotate("hook", "another-secret", 10)
    assert world.book.secrets(hook) == ("another-secret", SECRET)
    world.now_s += 10
    assert world.book.secrets(hook) == ("another-secret",)
    await world.book.rotate("hook", None, 0)
    assert SECRET not in world.book.secrets(hook)
    assert len(world.book.secrets(hook)) == 1
    for overlap_s in (-1, 10**9):
        with pytest.raises(InvalidParameterValue, match="overlap_s"):
            await world.book.rotate("hook", None, overlap_s)
    with pytest.raises(ResourceNotFound):
        await world.book.rotate("missing", None, 0)


async def test_what_is_refused_leaves_no_secret(world: World) -> None:
    await world.book.create("hook", GITHUB, SECRET)
    with pytest.raises(ResourceConflict, match="already"):
        await world.book.create("hook", GITHUB, None)
    with pytest.raises(ResourceNotFound, match="no function h"):
        await world.book.create("new", Definition.of({"function": "h"}), None)
    with pytest.raises(InvalidParameterValue):
        await world.book.create("a/b", GITHUB, None)
    with pytest.raises(InvalidParameterValue):
        await world.book.create("new", GITHUB, "short")
    assert [each["current"] for each in world.stored.values()] == [SECRET]
    for name in ("second", "third"):
        await world.book.create(name, GITHUB, None)
    with pytest.raises(ResourceConflict, match="at most 3"):
        await world.book.create("fourth", GITHUB, None)


async def test_a_secret_goes_with_its_webhook_and_that_with_its_function(world: World) -> None:
    await world.book.create("hook", GITHUB, SECRET)
    kept = await world.book.create("kept", Definition.of({"function": "g"}), None)
    await world.registry.delete("f")
    await world.book.sweep()
    with pytest.raises(ResourceNotFound):
        await world.book.get("hook")
    assert set(world.stored) == {kept.id}
    await world.book.delete("kept")
    assert world.stored == {}


async def test_a_webhook_whose_secret_is_lost_lets_nobody_in(world: World) -> None:
    hook = await world.book.create("hook", GITHUB, SECRET)
    (world.folder / SECRETS_FILE).unlink()
    world.reopen()
    assert world.book.secrets(hook) == ()
    with pytest.raises(ResourceNotFound, match="Rotate it"):
        world.book.secret(hook)
    await world.book.rotate("hook", SECRET, 10)
    assert world.book.secrets(hook) == (SECRET,)


@pytest.mark.parametrize("text", ["", "[]", '{"secrets": []}', '{"secrets": {"a": {}}}', "\xff"])
async def test_a_damaged_file_is_named_and_not_quoted(tmp_path: Path, text: str) -> None:
    (tmp_path / SECRETS_FILE).write_text(text, encoding="latin-1")
    with pytest.raises(DataDirectoryUnusable, match="damaged"):
        HookSecrets.open(tmp_path)
