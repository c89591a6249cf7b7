"""What a webhook trigger does with a request before it is an event."""

import hashlib
import hmac
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.store.conftest import arn, configuration
from wasmfaas.auth.hook_secrets import HookSecrets
from wasmfaas.auth.hooks import HookBook
from wasmfaas.auth.throttle import FREE_FAILURES, Throttle
from wasmfaas.errors import RequestHeadTooLarge, ResourceNotFound, WebhookRefused
from wasmfaas.hooks.definitions import Definition
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.events import NewEvent
from wasmfaas.store.hooks import Hooks
from wasmfaas.store.registry import Registry
from wasmfaas.triggers.hooks import HookTrigger, Taken

pytestmark = pytest.mark.anyio

SECRET = "a-secret-of-two-parties"
BODY = b"{}"
SIGNATURE = b"sha256=" + hmac.new(SECRET.encode(), BODY, hashlib.sha256).hexdigest().encode()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "wasmfaas.db")
    yield database
    database.close()


class World:
    """A trigger with webhooks that are stored, whose waits take no time."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.waits: list[float] = []
        self.reads = 0
        self.events: list[tuple[NewEvent, str | None]] = []
        self.registry = Registry(database, arn, lambda name: None)
        self.book = HookBook(Hooks(database), HookSecrets.open(folder), lambda: 0.0)
        self.trigger = HookTrigger(
            self.book, self, self.registry, Throttle(lambda: 0.0, self._wait),
            region="us-east-1", event_bytes_max=1000, clock=lambda: 0.0,
        )  # fmt: skip

    async def _wait(self, seconds: float) -> None:
        self.waits.append(seconds)

    async def enqueue(self, event: NewEvent, key: str | None = None) -> str:
        self.events.append((event, key))
        return event.id

    async def send(self, name: str, *headers: tuple[bytes, bytes]) -> Taken:
        scope: dict[str, Any] = {
            "method": "POST", "path": f"/{name}", "raw_path": f"/{name}".encode(), "scheme": "http",
            "query_string": b"", "http_version": "1.1", "client": ("192.0.2.1", 5),
            "server": ("127.0.0.1", 80), "headers": [(b"host", b"localhost"), *headers],
        }  # fmt: skip

        async def read(bytes_max: int) -> bytes:
            self.reads += 1
            return BODY

        return await self.trigger.take(name, scope, read)


@pytest.fixture
async def world(database: Database, tmp_path: Path) -> World:
    world = World(database, tmp_path)
    await world.registry.create(configuration("f"), Code.of(b""), {})
    github = Definition.of({"function": "f", "signature": "github"})
    await world.book.create("hook", github, SECRET)
    await world.book.create(
        "token", Definition.of({"function": "f", "signature": "bearer"}), SECRET
    )
    return world


async def test_who_guesses_waits_and_who_knows_does_not(world: World) -> None:
    for _ in range(FREE_FAILURES + 3):
        with pytest.raises(WebhookRefused):
            await world.send("hook", (b"x-hub-signature-256", SIGNATURE[:-1] + b"x"))
    assert world.waits == [0.1, 0.2, 0.4]
    await world.send("hook", (b"x-hub-signature-256", SIGNATURE))
    assert len(world.waits) == 3
    assert len(world.events) == 1


async def test_the_body_of_a_stranger_is_not_read(world: World) -> None:
    for name, headers in (
        ("hook", ()),
        ("token", ((b"authorization", b"Bearer guess"),)),
        ("token", ((b"authorization", b"Basic " + SECRET.encode()),)),
    ):
        with pytest.raises(WebhookRefused):
            await world.send(name, *headers)
    with pytest.raises(ResourceNotFound):
        await world.send("missing")
    assert world.reads == 0


async def test_a_delivery_has_a_key_of_its_own(world: World) -> None:
    signed = (b"x-hub-signature-256", SIGNATURE)
    for headers in (
        (signed, (b"x-github-delivery", b"1")),
        (signed, (b"x-github-delivery", b"1")),
        (signed, (b"x-github-delivery", b"2")),
        (signed,),
    ):
        await world.send("hook", *headers)
    await world.send("token", (b"authorization", b"Bearer " + SECRET.encode()))
    keys = [key for _, key in world.events]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert all(key is not None and len(key) <= 256 for key in keys)


async def test_headers_that_no_event_can_hold_are_refused(world: World) -> None:
    with pytest.raises(RequestHeadTooLarge):
        await world.send("hook", (b"x-hub-signature-256", SIGNATURE), (b"x", b"y" * 65_536))
    assert world.events == []
