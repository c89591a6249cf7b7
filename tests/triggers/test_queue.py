"""Events from the queue to their ends: retries, delays, ages, destinations, by Lambda's rules."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from wasmfaas.errors import ResourceNotFound, ServiceUnavailable, StorageFull, TooManyRequests
from wasmfaas.models import Deployment, InvocationContext, Outcome, State, Usage, Version
from wasmfaas.settings import Settings
from wasmfaas.store.attachments import Attachment, Kind
from wasmfaas.store.database import Database
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.events import NewEvent
from wasmfaas.store.outbox import Outbox
from wasmfaas.store.queue import EventQueue
from wasmfaas.triggers.queue import EventRunner
from wasmfaas.triggers.verdicts import DEPTH_MAX

pytestmark = pytest.mark.anyio

BEGIN_MS = 1_700_000_000_000


def arn(name: str, qualifier: str | None = None) -> str:
    prefix = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    return prefix if qualifier is None else f"{prefix}:{qualifier}"


def throttled(reason: str = "ConcurrentInvocationLimitExceeded") -> TooManyRequests:
    return TooManyRequests("Rate Exceeded.", reason=reason)


class Functions:
    """Ends invocations as it is told to, and remembers them; also says how they are handled."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, bytes, InvocationContext, str | None]] = []
        #: Error types and exceptions, of one call after the other; None for success.
        self.results: list[str | Exception | None] = []
        self.configs: dict[str, dict[str, Any]] = {}
        self.reserved: int | None = None
        #: Configurations of versions.
        self.versions: dict[str | None, dict[str, Any]] = {}
        self.held: asyncio.Event | None = None
        self.answer = b'"answer"'

    async def invoke(
        self, name: str, event: bytes, context: InvocationContext, qualifier: str | None = None
    ) -> Outcome:
        self.calls.append((name, event, context, qualifier))
        result = self.results.pop(0) if self.results else None
        if self.held is not None:
            await self.held.wait()
        if isinstance(result, Exception):
            raise result
        usage = Usage(
            request_id=context.request_id, attempt=context.attempt, function_name=name,
            function_version="7", started_at_ms=1, fuel_counted=7, fuel=7, duration_us=1,
            billed_duration_ms=1, cpu_us=1, memory_bytes_peak=1, init_us=None, request_bytes=1,
            response_bytes=1, error_type=result,
        )  # fmt: skip
        return Outcome(
            request_id=context.request_id, executed_version="7", payload=self.answer,
            error_type=result, usage=usage, log=b"",
        )  # fmt: skip

    async def of_function(self, name: str, kind: Kind) -> list[Attachment]:
        assert kind is Kind.EVENT_INVOKE
        return [
            Attachment(function_name=name, qualifier=qualifier, value=value, modified_at_ms=1)
            for qualifier, value in self.configs.items()
        ]

    async def reserved_concurrency(self, name: str) -> int | None:
        return self.reserved

    async def require(self, name: str, qualifier: str | None = None) -> Version:
        if qualifier not in self.versions:
            raise ResourceNotFound("no such version")
        deployment = Deployment(
            id="d", function_name=name, configuration=self.versions[qualifier], code_sha256="",
            code_digest="", code_size_bytes=1,
        )  # fmt: skip
        return Version(
            function_name=name, number=qualifier or "$LATEST", deployment=deployment,
            served=deployment, revision_id="", last_modified="", state=State.ACTIVE,
        )  # fmt: skip


class World:
    """A runner on a real queue, at a time that passes when a test says so."""

    def __init__(self, database: Database, **settings: Any) -> None:
        self.now_ms = BEGIN_MS
        self.functions = Functions()
        self.woken = asyncio.Event()
        self.database = database
        self.queue = EventQueue(database, "a", 1000, self._clock)
        self.events = Events(database, self.queue, self._clock)
        self.runner = EventRunner(
            Settings(**settings), self.queue, self.functions, self.functions, self.functions, arn,
            self.woken.set,
        )  # fmt: skip

    def _clock(self, connection: Connection) -> int:
        return self.now_ms

    async def enqueue(self, event_id: str = "e", **members: Any) -> None:
        given = {"id": event_id, "function_name": "f", "payload": b'{"a": 1}'} | members
        await self.queue.enqueue(NewEvent(**given))

    async def run(self, after_s: float = 0) -> int:
        """Let time pass and run what is due; how many invocations began."""
        self.now_ms += round(after_s * 1000)
        before = len(self.functions.calls)
        await self.runner.step()
        await self.runner.settled()
        return len(self.functions.calls) - before

    async def show(self, event_id: str = "e") -> tuple[str, str | None]:
        shown = await self.events.show(event_id)
        return shown["state"], shown["condition"]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    database = Database.open(tmp_path / "database")
    yield database
    database.close()


@pytest.fixture
def world(database: Database) -> World:
    return World(database, event_bytes_max=10_000)


async def test_an_event_runs_with_the_id_of_its_request(world: World) -> None:
    await world.enqueue(qualifier="prod", client_context='{"c": 1}', trace_id="t")
    assert await world.run() == 1
    [(name, event, context, qualifier)] = world.functions.calls
    assert (name, event, qualifier) == ("f", b'{"a": 1}', "prod")
    assert context == InvocationContext(
        request_id="e", invoked_function_arn=arn("f", "prod"), client_context='{"c": 1}',
        trace_id="t", attempt=1,
    )  # fmt: skip
    assert await world.show() == ("done", "Success")


async def test_it_is_retried_after_one_minute_and_after_two(world: World) -> None:
    world.functions.results = ["ValueError"] * 3
    await world.enqueue()
    assert [await world.run(after) for after in (0, 59.9, 0.1, 119.9, 0.1)] == [1, 0, 1, 0, 1]
    assert await world.show() == ("dead", "RetriesExhausted")
    assert await world.run(3600) == 0
    shown = await world.events.show("e")
    assert [row["attempt"] for row in shown["attempts"]] == [1, 2, 3]
    assert [context.attempt for _, _, context, _ in world.functions.calls] == [1, 2, 3]
    assert shown["error"] == '"answer"'


@pytest.mark.parametrize(
    ("config", "attempts"),
    [({"MaximumRetryAttempts": 0}, 1), ({"MaximumRetryAttempts": 1}, 2), ({}, 3)],
)
async def test_there_are_as_many_retries_as_configured(
    world: World, config: dict[str, Any], attempts: int
) -> None:
    world.functions.configs = {"$LATEST": config, "prod": {"MaximumRetryAttempts": 0}}
    world.functions.results = ["E"] * 3
    await world.enqueue()
    assert sum([await world.run(120) for _ in range(5)]) == attempts


async def test_a_qualifier_has_a_configuration_of_its_own(world: World) -> None:
    world.functions.configs = {"$LATEST": {"MaximumRetryAttempts": 0}}
    world.functions.results = ["E"] * 3
    await world.enqueue(qualifier="prod")
    assert sum([await world.run(120) for _ in range(5)]) == 3


async def test_a_changed_configuration_counts_from_then_on(world: World) -> None:
    world.functions.results = ["E"] * 2
    await world.enqueue()
    await world.run()
    world.functions.configs = {"$LATEST": {"MaximumRetryAttempts": 1}}
    world.runner.forget("f")
    await world.run(60)
    assert await world.show() == ("dead", "RetriesExhausted")


async def test_throttles_back_off_and_are_no_attempts(world: World) -> None:
    world.functions.results = [throttled()] * 10 + [ServiceUnavailable("stopping")] + ["E"] * 3
    await world.enqueue()
    delays = (1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300)
    assert await world.run() == 1
    for delay in delays:
        assert await world.run(delay - 0.001) == 0
        assert await world.run(0.001) == 1
    assert [await world.run(after) for after in (60, 120)] == [1, 1]
    assert await world.show() == ("dead", "RetriesExhausted")
    history = (await world.events.show("e"))["attempts"]
    assert [row["error_type"] for row in history][9:12] == [
        "TooManyRequestsException", "ServiceUnavailableException", "E"
    ]  # fmt: skip
    assert [row["fuel"] for row in history][9:12] == [None, None, 7]


@pytest.mark.parametrize(("age_s", "attempts"), [(60, 1), (90, 2), (200, 3)])
async def test_what_would_be_too_old_is_not_retried(
    world: World, age_s: int, attempts: int
) -> None:
    world.functions.configs = {"$LATEST": {"MaximumEventAgeInSeconds": age_s}}
    world.functions.results = ["E"] * 5
    await world.enqueue()
    # Something passes before the first attempt ends: with an age of 60 s, there is no retry.
    assert sum([await world.run(after) for after in (1, 60, 120)]) == attempts
    ended = ("dead", "RetriesExhausted") if attempts == 3 else ("expired", "EventAgeExceeded")
    assert await world.show() == ended


async def test_what_has_waited_too_long_does_not_run(world: World) -> None:
    await world.enqueue()
    assert await world.run(21_600.001) == 0
    assert await world.show() == ("expired", "EventAgeExceeded")
    assert (await world.events.dead_letter("e"))["payload"] == b'{"a": 1}'


async def test_without_concurrency_it_ends_at_once(world: World) -> None:
    world.functions.reserved = 0
    world.functions.results = [throttled("ReservedFunctionConcurrentInvocationLimitExceeded")]
    await world.enqueue()
    await world.run()
    assert await world.show() == ("dead", "ZeroReservedConcurrency")


async def test_a_function_that_is_gone_leaves_dead_letters(world: World) -> None:
    world.functions.results = [ResourceNotFound("Function not found: f")]
    await world.enqueue()
    await world.run()
    assert await world.show() == ("dead", "FunctionNotFound")
    [letter] = await world.events.dead_letters()
    assert letter["error"] == "Function not found: f"


async def test_a_defect_of_ours_is_no_end(world: World, caplog: pytest.LogCaptureFixture) -> None:
    world.functions.results = [KeyError("ours")]
    await world.enqueue()
    assert [await world.run(after) for after in (0, 1)] == [1, 1]
    assert await world.show() == ("done", "Success")
    assert "could not be run" in caplog.text


def destinations(**members: str) -> dict[str, Any]:
    config = {name: {"Destination": destination} for name, destination in members.items()}
    return {"$LATEST": {"DestinationConfig": config, "MaximumRetryAttempts": 0}}


async def test_a_destination_gets_lambdas_record_of_a_success(world: World) -> None:
    world.functions.configs = destinations(OnSuccess=arn("next", "prod"), OnFailure=arn("no"))
    await world.enqueue()
    await world.run()
    assert (await world.events.show("e"))["sent_to"] == arn("next", "prod")
    world.functions.configs = {}
    world.runner.forget("next")
    await world.run()
    name, event, _, qualifier = world.functions.calls[-1]
    assert (name, qualifier) == ("next", "prod")
    assert json.loads(event) == {
        "version": "1.0",
        "timestamp": "2023-11-14T22:13:20.000Z",
        "requestContext": {
            "requestId": "e",
            "functionArn": arn("f", "$LATEST"),
            "condition": "Success",
            "approximateInvokeCount": 1,
        },
        "requestPayload": {"a": 1},
        "responseContext": {"statusCode": 200, "executedVersion": "7"},
        "responsePayload": "answer",
    }


async def test_a_destination_gets_lambdas_record_of_a_failure(world: World) -> None:
    world.functions.configs = destinations(OnFailure=arn("next"))
    world.functions.results = ["E"]
    world.functions.answer = b"not JSON"
    await world.enqueue()
    await world.run()
    assert await world.events.dead_letters() == []
    await world.run()
    record = json.loads(world.functions.calls[-1][1])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["responseContext"] == {
        "statusCode": 200, "executedVersion": "7", "functionError": "Unhandled"
    }  # fmt: skip
    assert record["responsePayload"] == "not JSON"


async def test_a_record_of_what_never_ran_has_no_response(world: World) -> None:
    world.functions.configs = destinations(OnFailure=arn("next"))
    world.functions.results = [ResourceNotFound("gone")]
    await world.enqueue()
    await world.run()
    await world.run()
    record = json.loads(world.functions.calls[-1][1])
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert not record.keys() & {"responseContext", "responsePayload"}


async def test_a_record_that_is_too_large_goes_without_payloads(world: World) -> None:
    world.functions.configs = destinations(OnSuccess=arn("next"))
    world.functions.answer = json.dumps("x" * 10_000).encode()
    await world.enqueue()
    await world.run()
    await world.run()
    record = json.loads(world.functions.calls[-1][1])
    assert (record["requestPayload"], record["responsePayload"]) == (None, None)


QUEUE = "arn:aws:sqs:us-east-1:000000000000:q"
HOOK = "https://example.com/hook"


async def sent(world: World) -> list[tuple[str, Any, dict[str, Any]]]:
    outbox = Outbox(world.database, "a", world._clock)
    found = await outbox.claim(10, 10)
    return [(row.destination, json.loads(row.body), dict(row.attributes)) for row in found]


@pytest.mark.parametrize("destination", [QUEUE, QUEUE.replace("sqs", "sns"), HOOK])
async def test_a_record_for_a_service_elsewhere_is_in_the_outbox(
    world: World, destination: str
) -> None:
    world.functions.configs = destinations(OnSuccess=destination)
    await world.enqueue()
    await world.run()
    assert world.woken.is_set()
    [(to, record, attributes)] = await sent(world)
    assert (to, record["requestContext"]["condition"], attributes) == (destination, "Success", {})
    shown = await world.events.show("e")
    assert shown["sent_to"] == destination
    assert [row["state"] for row in shown["deliveries"]] == ["running"]


async def test_a_dead_letter_queue_gets_the_event_as_it_was(world: World) -> None:
    world.functions.configs = destinations(OnFailure=HOOK)
    world.functions.versions = {"7": {"DeadLetterConfig": {"TargetArn": QUEUE}}}
    world.functions.results = ["ValueError"]
    world.functions.answer = json.dumps({"errorMessage": "a\nb\0" + "ü" * 1000}).encode()
    await world.enqueue()
    await world.run()
    by_destination = {to: (body, attributes) for to, body, attributes in await sent(world)}
    assert by_destination.keys() == {QUEUE, HOOK}
    assert by_destination[QUEUE] == (
        {"a": 1},
        {"RequestID": "e", "ErrorCode": 200, "ErrorMessage": "a b " + "ü" * 510},
    )
    assert await world.events.dead_letters() == []


@pytest.mark.parametrize(
    ("result", "after_s", "code", "said"),
    [(throttled(), 0, 429, "Rate Exceeded."), (None, 30_000, 429, "The event waited")],
)
async def test_what_never_ran_says_so_in_the_dead_letter_queue(
    world: World, result: Exception | None, after_s: float, code: int, said: str
) -> None:
    world.functions.versions = {None: {"DeadLetterConfig": {"TargetArn": QUEUE}}}
    world.functions.results = [result]
    world.functions.reserved = 0
    await world.enqueue()
    await world.run(after_s)
    [(_, _, attributes)] = await sent(world)
    assert attributes["ErrorCode"] == code
    assert attributes["ErrorMessage"].startswith(said)


async def test_a_success_goes_to_no_dead_letter_queue(world: World) -> None:
    world.functions.versions = {"7": {"DeadLetterConfig": {"TargetArn": QUEUE}}}
    await world.enqueue()
    await world.run()
    assert await sent(world) == []


async def test_what_can_be_sent_nowhere_stays_a_dead_letter(world: World) -> None:
    world.functions.configs = destinations(OnFailure="arn:aws:s3:::bucket")
    world.functions.results = ["E"]
    await world.enqueue()
    await world.run()
    assert [row["id"] for row in await world.events.dead_letters()] == ["e"]


async def test_a_circle_of_destinations_ends(world: World) -> None:
    world.functions.configs = destinations(OnSuccess=arn("f"))
    await world.enqueue()
    assert sum([await world.run() for _ in range(DEPTH_MAX + 5)]) == DEPTH_MAX + 1


async def test_no_more_run_at_once_than_may(database: Database) -> None:
    world = World(database, events_concurrency_max=2)
    world.functions.held = asyncio.Event()
    for number in range(5):
        await world.enqueue(f"e{number}")
    running = asyncio.create_task(world.runner.run())
    await until(lambda: len(world.functions.calls) == 2)
    for _ in range(5):
        await world.runner.step()
    assert len(world.functions.calls) == 2
    world.functions.held.set()
    await until(lambda: len(world.functions.calls) == 5)
    world.runner.stop()
    await running
    await world.runner.close()


async def test_an_end_that_cannot_be_stored_is_stored_later(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle, failures = world.queue.settle, [StorageFull("full"), StorageFull("full")]

    async def failing(*arguments: Any) -> Any:
        if failures:
            raise failures.pop()
        return await settle(*arguments)

    monkeypatch.setattr(world.queue, "settle", failing)
    monkeypatch.setattr("wasmfaas.triggers.queue._TROUBLE_S", 0.001)
    await world.enqueue()
    assert await world.run() == 1
    assert await world.show() == ("done", "Success")


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(100):
        while not condition():
            await asyncio.sleep(0.001)


async def test_an_event_brings_its_own_bounds_and_its_own_dead_letters(world: World) -> None:
    letters = "arn:aws:sqs:us-east-1:000000000000:letters"
    await world.enqueue(retries_max=0, dead_letter=letters)
    await world.enqueue("young", age_s_max=60)
    world.functions.results = ["Oops", TooManyRequests("no", reason="r")]
    await world.run()
    assert await world.show() == ("dead", "RetriesExhausted")
    event = await world.events.show("e")
    assert event["sent_to"] == letters
    assert [each["destination"] for each in event["deliveries"]] == [letters]
    assert await world.run(61) == 0
    assert await world.show("young") == ("expired", "EventAgeExceeded")
