"""Whatever happens to versions and aliases, in any order: numbers are given once, what is published
never changes, and nothing refers to what is gone."""

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.store.conftest import arn, configuration
from wasmfaas.errors import InvalidParameterValue, ResourceConflict, ResourceNotFound
from wasmfaas.models import LATEST, PackageKind, Version
from wasmfaas.store.code import Code
from wasmfaas.store.database import Database
from wasmfaas.store.registry import Registry

Result = TypeVar("Result")

CODES = [Code.of(bytes([number])) for number in range(3)]
NAMES = st.sampled_from(["blue", "green"])
NUMBERS = st.sampled_from([LATEST, "1", "2", "3", "4"])
REFUSALS = (InvalidParameterValue, ResourceConflict, ResourceNotFound)


class Machine(RuleBasedStateMachine):
    """One function, against what is remembered of it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.loop = asyncio.new_event_loop()
        self.database = Database.open(self.folder / "database")
        self.registry = Registry(self.database, arn)
        self.published: dict[str, Version] = {}
        self.newest = 0
        self.code = CODES[0]
        self.run(self.registry.create(configuration("f"), self.code, {}))
        self.activate()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return self.loop.run_until_complete(work)

    def activate(self) -> None:
        pending = self.run(self.registry.get("f")).pending
        assert pending is not None
        self.run(self.registry.activate("f", pending.id, PackageKind.PYTHON, "runtime"))

    @rule(code=st.sampled_from(CODES))
    def update(self, code: Code) -> None:
        self.run(self.registry.update("f", code=code))
        self.activate()
        self.code = code

    @rule()
    def publish(self) -> None:
        version = self.run(self.registry.versions.publish("f"))
        before = self.published.get(str(self.newest))
        if before is not None and before.deployment.code_digest == self.code.digest:
            assert version == before
            return
        self.newest += 1
        assert version.number == str(self.newest)
        assert version.deployment.code_digest == self.code.digest
        self.published[version.number] = version

    @rule(number=st.sampled_from(["1", "2", "3", "4"]))
    def delete(self, number: str) -> None:
        try:
            self.run(self.registry.versions.delete("f", number))
        except ResourceConflict:
            assert number in self.referred()
        else:
            assert number not in self.referred()
            self.published.pop(number, None)

    @rule(name=NAMES, number=NUMBERS, other=st.none() | NUMBERS, weight=st.floats(0, 1))
    def point(self, name: str, number: str, other: str | None, weight: float) -> None:
        weights = {} if other is None else {other: weight}
        sound = {number, *weights} <= {LATEST, *self.published} and (
            not weights or (LATEST not in (number, other) and number != other)
        )
        aliases = self.registry.aliases
        try:
            try:
                self.run(aliases.get("f", name))
            except ResourceNotFound:
                self.run(aliases.create("f", name, number, "", weights))
            else:
                self.run(aliases.update("f", name, version=number, weights=weights))
        except REFUSALS:
            assert not sound
        else:
            assert sound

    @rule(name=NAMES)
    def unname(self, name: str) -> None:
        self.run(self.registry.aliases.delete("f", name))

    def referred(self) -> set[str]:
        aliases, _ = self.run(self.registry.aliases.page("f", None, None, 50))
        return {number for alias in aliases for number in (alias.version, *alias.weights)}

    @invariant()
    def what_is_published_stays_as_it_is(self) -> None:
        versions, _ = self.run(self.registry.versions.page("f", None, 100))
        assert versions[0].number == LATEST
        assert {version.number: version for version in versions[1:]} == self.published
        numbers = [int(version.number) for version in versions[1:]]
        assert numbers == sorted(numbers)

    @invariant()
    def nothing_refers_to_what_is_gone(self) -> None:
        assert self.referred() <= {LATEST, *self.published}
        digests = {version.deployment.code_digest for version in self.published.values()}
        assert self.run(self.registry.code_digests_in_use()) == digests | {self.code.digest}

    def teardown(self) -> None:
        self.database.close()
        self.loop.close()
        shutil.rmtree(self.folder)


Machine.TestCase.settings = settings(
    max_examples=4, stateful_step_count=25, deadline=None, derandomize=True, database=None
)


class TestVersions(Machine.TestCase):
    pass
