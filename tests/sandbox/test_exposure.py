"""Core modules whose state can be made visible, and those whose can't."""

import pytest
import wasmtime

from tests.sandbox.conftest import Pool, answer
from tests.sandbox.stateful import STATEFUL
from tests.sandbox.wat import ZERO, reactor, says
from wasmfaas.models import Isolation
from wasmfaas.sandbox.exposure import GLOBAL_PREFIX, expose


def exports(wat: str) -> list[str] | None:
    exposed = expose(bytes(wasmtime.wat2wasm(wat)))
    if exposed is None:
        return None
    return [export.name for export in wasmtime.Module(wasmtime.Engine(), exposed).exports]


def test_hidden_mutable_globals_are_exported() -> None:
    wat = """(module
      (global i32 (i32.const -1)) (global (mut i64) (i64.const -1)) (global (mut f32) (f32.const 1))
      (global (mut f64) (f64.const 2)) (global $e (export "e") (mut i32) (i32.const 3))
      (func (export "f") (global.set $e (i32.const 4))))"""
    assert exports(wat) == ["e", "f", *(f"{GLOBAL_PREFIX}{number}" for number in (1, 2, 3, 4))]


@pytest.mark.parametrize(
    "fields",
    [
        "(table 1 funcref) (func (table.set (i32.const 0) (ref.null func)))",
        "(table 1 funcref) (func (drop (table.grow (ref.null func) (i32.const 1))))",
        "(table 1 funcref) (func (table.fill (i32.const 0) (ref.null func) (i32.const 1)))",
        "(table 1 funcref) (func (table.copy (i32.const 0) (i32.const 0) (i32.const 1)))",
        "(table 1 funcref) (elem $e func)"
        "(func (table.init $e (i32.const 0) (i32.const 0) (i32.const 0)))",
        "(elem $e func) (func (elem.drop $e))",
        '(memory 1) (data $d "x") (func (data.drop $d))',
        '(import "wasi_snapshot_preview1" "path_open" (func))',
        "(global (mut funcref) (ref.null func))",
        "(global (mut externref) (ref.null extern))",
        '(global (mut v128) (v128.const i64x2 0 0))',
        "(global (mut i32) (i32.add (i32.const 1) (i32.const 2)))",
        '(import "a" "b" (global i32))',
        f'(func (export "{GLOBAL_PREFIX}0"))',
        '(func (export "wasmfaas_fresh"))',
    ],
)  # fmt: skip
def test_other_state_is_not_restorable(fields: str) -> None:
    assert exports(f"(module {fields})") is None


@pytest.mark.parametrize(
    "body",
    [
        "(block (loop (br_if 0 (i32.const 0)) (br 1)))",
        "(block (block (br_table 0 1 0 (i32.const 0))))",
        "(drop (select (result i32) (i32.const 1) (i32.const 2) (i32.const 38)))",
        "(drop (f32.const 38)) (drop (f64.const 38)) (drop (i64.const 9223372036854775807))",
        "(memory.fill (i32.const 38) (i32.const 0) (i32.const 9))",
        "(memory.copy (i32.const 0) (i32.const 38) (i32.const 9))",
        "(drop (memory.grow (i32.const 0)))",
        "(memory.init $d (i32.const 0) (i32.const 0) (i32.const 1))",
        "(drop (table.get (i32.const 0))) (drop (table.size))",
        "(call_indirect (i32.const 0)) (call $f) (drop (ref.func $f)) (drop (ref.null extern))",
        "(return_call $f)",
        "(drop (i32.load8_u offset=300 align=1 (i32.const 0)))",
        "(drop (v128.const i32x4 38 38 38 38))",
        "(v128.store (i32.const 0) (v128.load (i32.const 0)))",
        "(drop (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 "
        "(v128.const i64x2 0 0) (v128.const i64x2 0 0)))",
        "(drop (i8x16.extract_lane_s 9 (v128.const i64x2 9 9)))",
        "(drop (v128.load8_lane offset=38 9 (i32.const 0) (v128.const i64x2 9 9)))",
        "(drop (i32.trunc_sat_f64_s (f64.const 38)))",
        "(local i32 i64 f32 v128) (local.set 0 (i32.const 38))",
    ],
)
def test_every_encoding_is_walked_over(body: str) -> None:
    """What follows the instructions is seen at its own place, neither early nor late."""
    fields = f'(memory 1) (table 1 funcref) (data $d "x") (elem declare func $f) (func $f {body})'
    last = "(func (table.set (i32.const 0) (ref.null func)))"
    assert exports(f"(module {fields} (func (nop)))") == []
    assert exports(f"(module {fields} {last})") is None
    walked = fields.replace(f"{body})", f"{body} {last.removeprefix('(func ')}")
    assert exports(f"(module {walked})") is None


RESTORED = ("memory", "last-byte-of-memory", "an-earlier-event", "size-of-memory",
            "hidden-global", "exported-global", "second-memory")  # fmt: skip


@pytest.mark.parametrize("name", STATEFUL)
def test_stateful_modules_are_restored_or_replaced(pool: Pool, name: str) -> None:
    artefact = pool.compiled(STATEFUL[name])
    if name in RESTORED:
        assert artefact.inspection.restorable
    target = pool.target(artefact)
    fuel = set()
    for _ in range(5):
        reply = pool.invoke(target)
        assert answer(reply) == 0
        fuel.add(reply.fuel)
    assert len(fuel) == 1


def test_reuse_restores_nothing(pool: Pool) -> None:
    target = pool.target(pool.compiled(STATEFUL["hidden-global"]), isolation=Isolation.REUSE)
    answers = [answer(pool.invoke(target)) for _ in range(2)]
    assert answers[0] == 0
    assert answers[1] != 0


def test_a_closed_descriptor_costs_the_sandbox(pool: Pool) -> None:
    """Stdout is there in every invocation, though each closes it."""
    module = reactor(
        "(i32.store (i32.const 1024) (i32.const 1032)) (i32.store (i32.const 1028) (i32.const 1))"
        "(i64.store (i32.const 1032) (i64.const 10))"
        "(drop (call $fd_write (i32.const 1) (i32.const 1024) (i32.const 1) (i32.const 1040)))"
        "(drop (call $fd_close (i32.const 1)))" + ZERO
    )
    artefact = pool.compiled(module)
    assert artefact.inspection.restorable
    target = pool.target(artefact)
    for _ in range(3):
        reply = pool.invoke(target)
        assert answer(reply) == 0
        assert reply.log == b"\n"


@pytest.mark.parametrize("isolation", list(Isolation))
def test_no_sandbox_outlives_its_memory(pool: Pool, isolation: Isolation) -> None:
    """Hundreds of sandboxes, made and dropped, in one worker that lives on."""
    grows = reactor(
        "(drop (memory.grow (i32.const 1))) (i32.store (i32.const 196608) (i32.const 7))" + ZERO
    )
    targets = [
        pool.target(pool.compiled(grows), isolation=isolation),
        pool.target(pool.compiled(STATEFUL["size-of-a-table"]), isolation=isolation),
    ]
    (worker,) = pool.workers._workers
    for _ in range(300):
        assert answer(pool.invoke(targets[0])) == 0
        pool.invoke(targets[1])
    assert pool.workers._workers == {worker}


def test_grown_memory_is_zero_again(pool: Pool) -> None:
    """The first byte of the page that every invocation grows into, before it writes to it."""
    module = reactor(
        "(drop (memory.grow (i32.const 1)))"
        "(local.set $i (i32.load (i32.const 196608)))"
        "(i32.store (i32.const 196608) (i32.const 1)) " + says("(local.get $i)")
    )
    target = pool.target(pool.compiled(module))
    replies = [pool.invoke(target) for _ in range(5)]
    assert [answer(reply) for reply in replies] == [0] * 5
    assert len({(reply.fuel, reply.memory_bytes) for reply in replies}) == 1
    assert [reply.init_us is None for reply in replies] == [False, True, True, True, True]
