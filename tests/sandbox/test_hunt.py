"""A canary that an invocation leaves wherever it can is found by none after it.

WASMFAAS_TEST_HUNTS says how many invocations look for it.
"""

import itertools
import os
from pathlib import Path
from typing import Any

import pytest

from tests.sandbox.conftest import Pool, answer
from tests.sandbox.hunting import PYTHON_SOURCE, Canary, build
from tests.sandbox.wat import OWN, component
from wasmfaas.invoke.reply import Reply
from wasmfaas.invoke.target import Target
from wasmfaas.models import Isolation
from wasmfaas.settings import MIB

#: Answers whether memory holds what the event begins with in another place, then copies the event.
_SCAN = f"""(local $at i32) (local $found i32)
  (loop $next
    (if (i64.eq (i64.load (local.get $at)) (i64.load (local.get 0)))
      (then (if (i32.ne (local.get $at) (local.get 0)) (then (local.set $found (i32.const 1))))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (br_if $next (i32.lt_u (local.get $at) (i32.sub (i32.mul (memory.size) (i32.const 65536))
                                                    (i32.const 8)))))
  (memory.copy (i32.const 131072) (local.get 0) (local.get 1))
  (i32.store8 (i32.const {OWN}) (i32.add (i32.const 48) (local.get $found)))"""
HUNTS = int(os.environ.get("WASMFAAS_TEST_HUNTS", "1000"))
MEMORY_BYTES_MAX = 64 * MIB
ENDS = {
    "answer": None,
    "raise": ("ValueError", "Planted"),
    "trap": ("Runtime.ExitError",),
    "exit": ("Runtime.ExitError",),
    "spin": ("Sandbox.Timedout",),
}


class Hunters:
    """The same guests as functions of one isolation mode, all in one worker."""

    def __init__(self, pool: Pool, modules: dict[str, bytes], isolation: Isolation) -> None:
        limits = {"isolation": isolation, "memory_bytes_max": MEMORY_BYTES_MAX}
        self._pool = pool
        self._targets = self._made(modules, timeout_ms=30_000, **limits)
        #: The same, for those that are to time out.
        self._late = self._made(modules, timeout_ms=300, **limits)
        self.names = list(self._targets)
        # Whoever hunts has the memory that an image has.
        self._memory_bytes = pool.invoke(self._targets["python"], Canary().reach(1)).memory_bytes

    def _made(self, modules: dict[str, bytes], **limits: Any) -> dict[str, Target]:
        python = ("python", "other python")
        targets = {name: self._pool.function(PYTHON_SOURCE, **limits) for name in python}
        for name, module in modules.items():
            targets[name] = self._pool.target(self._pool.compiled(module), **limits)
        return targets

    def plant(self, name: str, canary: Canary, end: str, **more: Any) -> Reply:
        """Have *name* plant the canary, and check that it ended in that way."""
        targets = self._late if end == "spin" else self._targets
        reply = self._pool.invoke(targets[name], canary.plant(end, **more))
        expected = ENDS[end]
        if expected is None or (end == "raise" and name == "command"):
            assert canary.text in answer(reply)
        else:
            assert reply.error_type in expected, reply.payload
        return reply

    def hunt(self, name: str, canary: Canary) -> dict[str, Any]:
        """What *name* finds of the canary, by place."""
        reply = self._pool.invoke(self._targets[name], canary.hunt(self._memory_bytes))
        found: dict[str, Any] = answer(reply)
        assert canary.text.encode() not in reply.log + reply.init_log + reply.payload
        if "python" in name:
            assert found.pop("sees"), "it searches something else than its memory"
            return found
        return {place: count for place, count in found.items() if count}


@pytest.fixture(scope="module")
def modules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The hunter in C: one that is put back to its image, and others that are replaced."""
    folder: Path = tmp_path_factory.mktemp("hunters")
    return {
        "reactor": build(folder / "reactor.wasm"),
        "reactor with files": build(folder / "files.wasm", "-DFILES"),
        "command": build(folder / "command.wasm", "-DFILES", "-DCOMMAND"),
    }


@pytest.mark.parametrize(
    ("isolation", "hunts"), [(Isolation.PRISTINE, HUNTS), (Isolation.FRESH, HUNTS // 20)]
)
def test_no_canary_is_ever_found(
    pool: Pool, modules: dict[str, bytes], isolation: Isolation, hunts: int
) -> None:
    hunters = Hunters(pool, modules, isolation)
    canary = Canary()
    plants = [
        (name, end)
        for name, end in itertools.product(hunters.names, ENDS)
        # That takes time, and the others do not survive anything else either.
        if end != "spin" or name in ("python", "reactor")
    ]
    for planter, end in plants:
        hunters.plant(planter, canary, end)
        # By itself first, then by the others.
        start = hunters.names.index(planter)
        for number in range(-(-hunts // len(plants))):
            name = hunters.names[(start + number) % len(hunters.names)]
            assert hunters.hunt(name, canary) == {}, (planter, end, number, name)


def test_a_canary_in_grown_memory_is_not_found(pool: Pool, modules: dict[str, bytes]) -> None:
    hunters, canary = Hunters(pool, modules, Isolation.PRISTINE), Canary()
    for _ in range(3):
        planted = hunters.plant("python", canary, "answer", grow=24 * MIB)
        assert planted.memory_bytes > 48 * MIB
        for name in hunters.names:
            assert hunters.hunt(name, canary) == {}


def test_under_reuse_the_hunt_finds_its_own_canary_and_nobody_elses(
    pool: Pool, modules: dict[str, bytes]
) -> None:
    hunters, canary = Hunters(pool, modules, Isolation.REUSE), Canary()
    hunters.plant("python", canary, "answer")
    for name in hunters.names[1:]:
        assert hunters.hunt(name, canary) == {}
    assert hunters.hunt("python", canary)["memory"] >= 1000
    for name in ("reactor", "reactor with files"):
        hunters.plant(name, canary, "answer")
        found = hunters.hunt(name, canary)
        assert found["memory"] >= 1000
        assert found["global"] == 1
    assert hunters.hunt("other python", canary) == {}
    assert hunters.hunt("command", canary) == {}


@pytest.mark.parametrize("isolation", list(Isolation))
def test_a_component_finds_an_earlier_event_only_under_reuse(
    pool: Pool, isolation: Isolation
) -> None:
    target = pool.target(pool.compiled(component(0, b"0", before=_SCAN)), isolation=isolation)
    found = [answer(pool.invoke(target, "the same event")) for _ in range(5)]
    assert found == [0] + [int(isolation is Isolation.REUSE)] * 4
