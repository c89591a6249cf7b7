"""Whatever senders, receivers and time do: no message is lost, none is received while it is hidden,
dead letters are moved once, and groups stay in order."""

import asyncio
import itertools
import json
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import select

from tests.store.message_queues.conftest import ARNS, Clock
from wasmfaas.store.database import Database
from wasmfaas.store.message_queues.messages import NewMessage, Received
from wasmfaas.store.message_queues.queues import MessageQueues
from wasmfaas.store.message_tables import MESSAGES

Result = TypeVar("Result")

RECEIVES_MAX = 2
STANDARD, FIFO = ("q", "dead"), ("q.fifo", "dead.fifo")
QUEUES = st.sampled_from((*STANDARD, *FIFO))
DEAD = {"q": "dead", "q.fifo": "dead.fifo"}


@dataclass
class Held:
    """A message as it should be."""

    body: str
    group: str | None
    number: int
    visible_at_ms: int
    receives: int = 0
    handle: str | None = None


class Senders(RuleBasedStateMachine):
    """Two servers on one database, beside what should be in it."""

    def __init__(self) -> None:
        super().__init__()
        self._loop = asyncio.new_event_loop()
        self._folder = tempfile.TemporaryDirectory()
        self._database = Database.open(Path(self._folder.name) / "database")
        self.clock = Clock()
        self._numbers = itertools.count()
        self.held: dict[str, list[Held]] = {name: [] for name in (*STANDARD, *FIFO)}
        #: Every receive there was: its queue, handle and message.
        self.receives: list[tuple[str, str, Held]] = []

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self._loop.run_until_complete(work)

    @initialize()
    def begin(self) -> None:
        self.servers = [
            MessageQueues(self._database, ARNS, queues_max=9, messages_max=999, clock=self.clock)
            for _ in range(2)
        ]
        for name in ("dead", "q", "dead.fifo", "q.fifo"):
            given = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
            if name in DEAD:
                target = ARNS + DEAD[name]
                policy = {"deadLetterTargetArn": target, "maxReceiveCount": RECEIVES_MAX}
                given["RedrivePolicy"] = json.dumps(policy)
            self.run(self.servers[0].administration.create(name, given, {}))

    @rule(server=st.integers(0, 1), name=QUEUES, group=st.sampled_from("gh"), delay=st.booleans())
    def send(self, server: int, name: str, group: str, delay: bool) -> None:
        number = next(self._numbers)
        delay_s = int(delay and name in STANDARD)
        message = NewMessage(
            body=str(number),
            delay_s=delay_s,
            group_id=group if name in FIFO else None,
            deduplication_id=str(number) if name in FIFO else None,
        )
        for _ in range(2 if name in FIFO else 1):
            self.run(self.servers[server].send(name, message))
        visible_at_ms = self.clock.now_ms + delay_s * 1000
        self.held[name].append(Held(str(number), message.group_id, number, visible_at_ms))

    @rule(
        server=st.integers(0, 1),
        name=QUEUES,
        limit=st.integers(1, 4),
        visibility_s=st.sampled_from((0, 1, 3)),
    )
    def receive(self, server: int, name: str, limit: int, visibility_s: int) -> None:
        received = self.run(
            self.servers[server].receive(name, limit=limit, visibility_s=visibility_s)
        )
        if name in STANDARD:
            expected = self._standard(name, limit)
            assert [each.body for each in received] == [held.body for held in expected]
        else:
            expected = self._fifo(name, limit, received)
        for each, held in zip(received, expected, strict=True):
            held.receives += 1
            assert each.receives == held.receives
            held.visible_at_ms = self.clock.now_ms + visibility_s * 1000
            held.handle = each.receipt_handle
            self.receives.append((name, each.receipt_handle, held))

    def _standard(self, name: str, limit: int) -> list[Held]:
        expected: list[Held] = []
        waiting = [held for held in self.held[name] if held.visible_at_ms <= self.clock.now_ms]
        for held in sorted(waiting, key=lambda held: (held.visible_at_ms, held.number)):
            if len(expected) == limit:
                break
            if not self._dies(name, held):
                expected.append(held)
        return expected

    def _fifo(self, name: str, limit: int, received: list[Received]) -> list[Held]:
        """Those of *received*, which have to be the first of each group, in order."""
        by_body = {held.body: held for held in self.held[name]}
        expected = [by_body[each.body] for each in received]
        stayed = self._stayed()
        open_groups = []
        for group in "gh":
            taken = [held for held in expected if held.group == group]
            visible = []
            for held in sorted(
                (held for held in self.held[name] if held.group == group),
                key=lambda held: held.number,
            ):
                if held.visible_at_ms > self.clock.now_ms:
                    break
                if name in DEAD and held.receives >= RECEIVES_MAX:
                    # Which groups it looked at before it had enough is its own affair.
                    if held.body in stayed:
                        assert len(expected) == limit
                        break
                    assert self._dies(name, held)
                    continue
                visible.append(held)
            assert taken == visible[: len(taken)]
            open_groups += visible[len(taken) :]
        assert len(expected) == limit or not open_groups
        return expected

    def _stayed(self) -> set[str]:
        """Bodies of messages that are in no dead-letter queue."""
        query = select(MESSAGES.c.body).where(MESSAGES.c.source_queue.is_(None))
        return set(self.run(self._database.run(lambda connection: connection.scalars(query).all())))

    def _dies(self, name: str, held: Held) -> bool:
        if name not in DEAD or held.receives < RECEIVES_MAX:
            return False
        self.held[name].remove(held)
        self.held[DEAD[name]].append(held)
        held.visible_at_ms, held.handle = self.clock.now_ms, None
        held.number = next(self._numbers)
        return True

    @rule(server=st.integers(0, 1), index=st.integers(0, 8))
    def delete(self, server: int, index: int) -> None:
        """By any handle there ever was."""
        if index >= len(self.receives):
            return
        name, handle, held = self.receives[-1 - index]
        (failure,) = self.run(self.servers[server].delete(name, [handle]))
        exists = held in self.held[name]
        current = exists and held.handle == handle
        if name in FIFO:
            current = current and held.visible_at_ms > self.clock.now_ms
            assert (failure is not None) == (exists and not current)
        else:
            assert failure is None
        if current:
            self.held[name].remove(held)

    @rule(server=st.integers(0, 1), index=st.integers(0, 8), seconds=st.sampled_from((0, 2)))
    def change_visibility(self, server: int, index: int, seconds: int) -> None:
        if index >= len(self.receives):
            return
        name, handle, held = self.receives[-1 - index]
        (failure,) = self.run(self.servers[server].change_visibility(name, [(handle, seconds)]))
        in_flight = (
            held in self.held[name]
            and held.handle == handle
            and held.visible_at_ms > self.clock.now_ms
        )
        assert (failure is None) == in_flight
        if in_flight:
            held.visible_at_ms = self.clock.now_ms + seconds * 1000

    @rule(passed_ms=st.sampled_from((1, 1000, 3000)))
    def wait(self, passed_ms: int) -> None:
        self.clock.now_ms += passed_ms

    @invariant()
    def counts_are_those_of_the_messages(self) -> None:
        now = self.clock.now_ms
        for name, held in self.held.items():
            _, found = self.run(self.servers[0].administration.described(name))
            hidden = [each for each in held if each.visible_at_ms > now]
            in_flight = sum(each.receives > 0 for each in hidden)
            assert (found.visible, found.in_flight, found.delayed) == (
                len(held) - len(hidden), in_flight, len(hidden) - in_flight,
            )  # fmt: skip

    def teardown(self) -> None:
        self._database.close()
        self._folder.cleanup()
        self._loop.close()


TestSenders = Senders.TestCase
TestSenders.settings = settings(max_examples=12, stateful_step_count=40, deadline=None)
