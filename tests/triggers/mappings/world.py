"""A database, mappings in it, sources in memory, and functions that end as they are told to."""

import asyncio
import contextlib
import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from wasmfaas.api import event_sources
from wasmfaas.errors import ResourceNotFound, WasmfaasError
from wasmfaas.models import InvocationContext, Outcome, Route, Usage
from wasmfaas.settings import Settings
from wasmfaas.sources.registry import SourceFactories
from wasmfaas.sources.source import Message, Source, SourceFailed, SourceMapping
from wasmfaas.store.database import Database
from wasmfaas.store.event_sources import EventSourceMapping, EventSourceMappings
from wasmfaas.store.polling import Polling
from wasmfaas.triggers.mappings.manager import EventSourcePollers

PREFIX = "us-east-1:000000000000"
QUEUE = f"arn:aws:sqs:{PREFIX}:q"
STREAM = f"arn:aws:wasmfaas-test:{PREFIX}:s"


def arn(name: str, qualifier: str | None = None) -> str:
    prefix = f"arn:aws:lambda:{PREFIX}:function:{name}"
    return prefix if qualifier is None else f"{prefix}:{qualifier}"


def message(number: int, body: str = "", *, partition: str = "", sent_at_ms: int = 0) -> Message:
    body = body or f"body-{number}"
    return Message(
        id=f"m{number}",
        record={"messageId": f"m{number}", "body": body},
        data={"body": body},
        partition=partition,
        sent_at_ms=sent_at_ms,
    )


class MemorySource:
    """What both kinds have: they can break down, and tell who waits of what is new."""

    def __init__(self) -> None:
        self.broken: str | None = None
        self.failed: list[tuple[list[str], bool]] = []
        self.extended = 0
        self.closed = False
        self.hold_s: float | None = None
        self.more = asyncio.Event()

    async def receive(self, limit: int, wait_s: float, busy: AbstractSet[str]) -> Sequence[Message]:
        found = self._found(limit, busy)
        if not found and wait_s > 0:
            self.more.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.more.wait(), min(wait_s, 0.2))
            found = self._found(limit, busy)
        return found

    def _check(self) -> None:
        if self.broken is not None:
            raise SourceFailed(self.broken)

    def _found(self, limit: int, busy: AbstractSet[str]) -> list[Message]:
        raise NotImplementedError

    def event(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return {"Records": records}

    async def extend(self, messages: Sequence[Message]) -> None:
        self._check()
        self.extended += 1

    async def close(self) -> None:
        self.closed = True


class MemoryQueue(MemorySource):
    """A queue: what failed comes again when it is told to."""

    ordered = False

    def __init__(self, *messages: Message) -> None:
        super().__init__()
        self.visible = list(messages)
        self.hidden: list[Message] = []
        self.receives: dict[str, int] = {}
        self.deleted: list[str] = []

    def send(self, *messages: Message) -> None:
        self.visible += messages
        self.more.set()

    def _found(self, limit: int, busy: AbstractSet[str]) -> list[Message]:
        self._check()
        found, self.visible = self.visible[:limit], self.visible[limit:]
        self.hidden += found
        for each in found:
            self.receives[each.id] = self.receives.get(each.id, 0) + 1
        return found

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        self._check()
        for each in messages:
            self.hidden.remove(each)
            self.deleted.append(each.id)

    async def fail(self, messages: Sequence[Message], *, at_once: bool) -> None:
        self._check()
        self.failed.append(([each.id for each in messages], at_once))
        if at_once:
            for each in messages:
                self.hidden.remove(each)
            self.send(*messages)


class MemoryStream(MemorySource):
    """A stream of partitions; what is read anew begins behind what was acknowledged."""

    ordered = True

    def __init__(self, *messages: Message) -> None:
        super().__init__()
        self.messages = list(messages)
        self.given: set[str] = set()
        self.acknowledged: list[str] = []

    def _found(self, limit: int, busy: AbstractSet[str]) -> list[Message]:
        self._check()
        waiting = (
            each
            for each in self.messages
            if each.id not in self.given and each.partition not in busy
        )
        found = [each for each, _ in zip(waiting, range(limit), strict=False)]
        self.given.update(each.id for each in found)
        return found

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        self._check()
        self.acknowledged += [each.id for each in messages]

    async def fail(self, messages: Sequence[Message], *, at_once: bool) -> None:
        self._check()
        self.failed.append(([each.id for each in messages], at_once))
        self.given -= {each.id for each in messages}


def ids_of(event: Mapping[str, Any]) -> list[str]:
    """Ids of the messages that *event* is made of; Kafka's have none of their own."""
    if "Records" in event:
        return [record["messageId"] for record in event["Records"]]
    return [f"{name}@{each['offset']}" for name, some in event["records"].items() for each in some]


class Functions:
    """Answers for functions, with what `answer` makes of the ids of a batch: an answer, an error
    type, or an exception to raise."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.events: list[bytes] = []
        self.contexts: list[InvocationContext] = []
        self.qualifiers: list[str | None] = []
        self.answer: Callable[[list[str]], Any] = lambda ids: {"answer": None}
        self.exists = True
        self.gate: asyncio.Event | None = None
        self.running = self.most_running = 0

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome:
        if not self.exists:
            raise ResourceNotFound("Function not found")
        ids = ids_of(json.loads(event))
        self.events.append(event)
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            if self.gate is not None:
                await self.gate.wait()
            result = self.answer(ids)
        finally:
            self.running -= 1
        if isinstance(result, WasmfaasError):
            raise result
        self.batches.append(ids)
        self.contexts.append(context)
        self.qualifiers.append(qualifier)
        error_type = result if isinstance(result, str) else None
        payload = result if isinstance(result, bytes) else json.dumps(result).encode()
        return outcome(name, context.request_id, payload, error_type)

    async def route(self, name: str, qualifier: str | None = None) -> Route:
        if not self.exists:
            raise ResourceNotFound("Function not found")
        return None  # type: ignore[return-value]


def outcome(name: str, request_id: str, payload: bytes, error_type: str | None) -> Outcome:
    """How an invocation ended."""
    usage = Usage(
        request_id=request_id, attempt=1, function_name=name, function_version="7",
        started_at_ms=1, fuel_counted=7, fuel=7, duration_us=1, billed_duration_ms=1, cpu_us=1,
        memory_bytes_peak=1, init_us=None, request_bytes=1, response_bytes=1,
        error_type=error_type,
    )  # fmt: skip
    return Outcome(
        request_id=request_id, executed_version="7", payload=payload, error_type=error_type,
        usage=usage, log=b"",
    )  # fmt: skip


class World:
    """One server's pollers. `sources` are by ARN; `sent` are records of discarded messages."""

    def __init__(self, path: Path, owner: str = "a", **settings: Any) -> None:
        self.database = Database.open(path / "db")
        self.mappings = EventSourceMappings(self.database)
        self.mappings.is_polled = True
        self.functions = Functions()
        self.sources: dict[str, Any] = {}
        #: Instead of `sources`, where it is set.
        self.factories: SourceFactories | None = None
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.settings = Settings(data_dir=path, **settings)
        self.polling = Polling(self.database, owner)
        self.pollers = EventSourcePollers(
            self.settings, self.polling, self.mappings.changed, self, self.functions,
            self.functions, self, arn,
        )  # fmt: skip
        self._running: asyncio.Task[None] | None = None
        self._created = 0

    async def __aenter__(self) -> "World":
        self._running = asyncio.ensure_future(self.pollers.run())
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.pollers.close()
        assert self._running is not None
        await self._running
        self.database.close()

    async def open(self, mapping: SourceMapping) -> Source:
        """As the factory of sources."""
        if self.factories is not None:
            return await self.factories.open(mapping)
        source = self.sources.get(mapping.arn)
        if source is None:
            raise SourceFailed("there is no such source")
        opened: Source = source
        return opened

    async def send(self, function_name: str, destination: str, record: bytes) -> None:
        """As the outlet of records."""
        self.sent.append((destination, json.loads(record)))

    async def map(
        self, source: Any, *, is_there: bool = True, **parameters: Any
    ) -> EventSourceMapping:
        """Map *source*, which can be opened if it *is_there*, to the function f, and have it
        polled."""
        named = QUEUE if not source.ordered else STREAM
        if source.ordered:
            parameters = {"StartingPosition": "TRIM_HORIZON"} | parameters
        if is_there:
            self.sources[named] = source
        return await self.create(EventSourceArn=named, **parameters)

    async def create(self, **parameters: Any) -> EventSourceMapping:
        """A mapping as *parameters* say, to the function f."""
        self._created += 1
        mapping_uuid = f"00000000-0000-0000-0000-{self._created:012}"
        configuration = event_sources.created(parameters, mapping_uuid)
        mapping = EventSourceMapping(
            uuid=mapping_uuid, function_name="f", qualifier="",
            source=event_sources.source_of(configuration), configuration=configuration,
        )  # fmt: skip
        return await self.mappings.create(mapping, lambda other: AssertionError(other))

    async def update(self, mapping: EventSourceMapping, **given: Any) -> None:
        def changed(before: EventSourceMapping) -> EventSourceMapping:
            return dataclasses.replace(
                before, configuration=event_sources.updated(before.configuration, given)
            )

        await self.mappings.update(mapping.uuid, changed, lambda other: AssertionError(other))

    async def result(self, mapping: EventSourceMapping) -> str | None:
        return (await self.mappings.get(mapping.uuid)).result

    async def ledger(self) -> int:
        """Rows in it."""

        def count(connection: Connection) -> int:
            return int(connection.execute(text("select count(*) from ledger")).scalar_one())

        return await self.database.run(count)


async def no_secrets(function_name: str, name: str) -> bytes:
    """There are none."""
    raise SourceFailed(f"no secret {name}")


async def until(condition: Callable[[], Any]) -> None:
    """Wait until *condition*, which may be a coroutine function, holds."""
    async with asyncio.timeout(120):
        while True:
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.01)
