"""Whatever two servers, an operator and time do: an event is in one state, ends once, and every
attempt is on record once."""

import asyncio
import itertools
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import Connection, select

from tests.store.test_queue import Clock, attempt, new
from wasmfaas.store.database import Database
from wasmfaas.store.dead_letters import Events
from wasmfaas.store.events import ENDED, Claimed, EventState, Verdict
from wasmfaas.store.queue import LEASE_MS, EventQueue
from wasmfaas.store.schema import EVENT_ATTEMPTS, EVENTS, LEDGER

Result = TypeVar("Result")

SERVERS = st.sampled_from((0, 1))
STATES = st.sampled_from((EventState.QUEUED, *ENDED))


class Servers(RuleBasedStateMachine):
    """Two queues on one database, beside what they have promised."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.TemporaryDirectory()
        self._database = Database.open(Path(self._folder.name) / "database")
        self.clock = Clock()
        self._numbers = itertools.count()
        #: Ids of accepted events, and the state of those that ended.
        self.expected: dict[str, EventState | None] = {}
        self.claims: list[tuple[int, Claimed]] = []
        self.settled: set[tuple[str, int]] = set()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.queues = [EventQueue(self._database, name, 50, self.clock) for name in ("a", "b")]
        self.events = Events(self._database, self.queues[0], self.clock)

    @rule(server=SERVERS, function=st.sampled_from("fgh"))
    def enqueue(self, server: int, function: str) -> None:
        event = new(f"e{next(self._numbers)}", function)
        self.run(self.queues[server].enqueue(event))
        self.expected[event.id] = None

    @rule(server=SERVERS, limit=st.integers(1, 3))
    def claim(self, server: int, limit: int) -> None:
        for event in self.run(self.queues[server].claim(limit)):
            assert self.expected[event.id] is None, "nothing that has ended runs"
            self.claims.append((server, event))

    @rule(index=st.integers(0, 10), state=STATES)
    def settle(self, index: int, state: EventState) -> None:
        """Of any claim there ever was, also one that another server has taken over."""
        if index >= len(self.claims):
            return
        server, event = self.claims[-1 - index]
        verdict = Verdict(state=state, failures=1, delay_ms=1000)
        done = self.run(self.queues[server].settle(event, attempt(event), lambda now: verdict))
        self.queues[server].let_go(event.id)
        if done is not None:
            assert (event.id, event.attempt) not in self.settled
            self.settled.add((event.id, event.attempt))
            assert self.expected[event.id] is None
            self.expected[event.id] = state if state in ENDED else None

    @rule(server=SERVERS)
    def be_killed(self, server: int) -> None:
        name = f"{server}{next(self._numbers)}"
        self.queues[server] = EventQueue(self._database, name, 50, self.clock)

    @rule(server=SERVERS)
    def renew(self, server: int) -> None:
        self.run(self.queues[server].renew())

    @rule(passed_ms=st.sampled_from((1, 1000, LEASE_MS)))
    def wait(self, passed_ms: int) -> None:
        self.clock.now_ms += passed_ms

    @rule()
    def redrive(self) -> None:
        failed = [name for name, state in self.expected.items() if state in ENDED[1:]]
        assert self.run(self.events.redrive(None, None)) == len(failed)
        self.expected |= dict.fromkeys(failed)

    @invariant()
    def nothing_is_lost_or_counted_twice(self) -> None:
        def read(connection: Connection) -> tuple[list[Any], list[Any], list[Any]]:
            history = select(EVENT_ATTEMPTS.c.event_id, EVENT_ATTEMPTS.c.attempt).where(
                EVENT_ATTEMPTS.c.fuel.is_not(None)
            )
            ledger = select(LEDGER.c.request_id, LEDGER.c.attempt)
            states = select(EVENTS.c.id, EVENTS.c.state)
            return tuple(list(connection.execute(query)) for query in (states, history, ledger))  # type: ignore[return-value]

        states, history, ledger = self.run(self._database.run(read))
        found = dict(tuple(row) for row in states)
        assert {name: state if state in ENDED else None for name, state in found.items()} == (
            self.expected
        )
        assert {tuple(row) for row in history} == {tuple(row) for row in ledger} == self.settled

    def teardown(self) -> None:
        self._database.close()
        self._folder.cleanup()
        self._loop.close()


TestServers = Servers.TestCase
TestServers.settings = settings(max_examples=15, stateful_step_count=40, deadline=None)
