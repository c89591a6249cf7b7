"""Regions that overlap, and calls into calls: what a hostile module may do with the memory that it
shares with the host, and when. The host tells what is wrong, or there is nothing wrong."""

import json

import msgpack
import pytest

from tests.sandbox.calling import ask
from tests.sandbox.conftest import Pool, answer
from tests.sandbox.wat import OWN, ZERO, component, reactor
from wasmfaas.invoke.job import Call
from wasmfaas.invoke.reply import Reply
from wasmfaas.invoke.target import Target
from wasmfaas.models import PackageKind

IMPORTS = """
  (import "wasmfaas" "call" (func $call (param i32 i32 i32 i32) (result i64)))
  (import "wasmfaas" "take" (func $take (param i32 i32) (result i32)))"""
NAME, EMPTY = "(i32.const 2048) (i32.const 6)", "(i32.const 2056) (i32.const 1)"
DATA = r'(data (i32.const 2048) "kv.get") (data (i32.const 2056) "\80")'
#: The map that the host answers with here; it begins as an answer envelope of its own does.
HELD = msgpack.packb({"ok": b"7"})
ANSWERED = f"(i64.const {3000 << 32 | len(HELD)})"
TAKEN = f"(i32.const 3000) (i32.const {len(HELD)})"
ASK = f"(drop (call $call {NAME} {EMPTY}))"


def asking(handle: str, *, alloc: str = "(i32.const 65536)", rest: str = "") -> str:
    """A reactor as `reactor` makes it, that may call."""
    module = reactor(handle, alloc=alloc, rest=DATA + rest)
    return module.replace("(module", "(module" + IMPORTS, 1)


def invoke(pool: Pool, module: str, kind: PackageKind = PackageKind.REACTOR) -> list[Reply]:
    """Two invocations, each after the other, and then that of an innocent function."""
    target = pool.target(pool.compiled(module), kind=kind)
    replies = [ask(pool, target, lambda call: (True, HELD))[0] for _ in range(2)]
    assert answer(pool.invoke(innocent(pool))) == 0
    return replies


def innocent(pool: Pool) -> Target:
    return pool.target(pool.compiled(reactor(ZERO)))


BOTH = "(local.get $ptr) (local.get $len)"
AT_REQUEST = "(i64.shl (i64.extend_i32_u (local.get $ptr)) (i64.const 32))"
WRITTEN = f"(memory.copy (local.get $ptr) (i32.const {OWN}) (i32.const 7))"
REGIONS = {
    # An answer out of the request's buffer is allowed.
    "the-answer-in-the-request": (
        f"{WRITTEN} (i64.or {AT_REQUEST} (i64.const 7))", None, ""
    ),
    "the-request-as-the-answer": (
        f"(i64.or {AT_REQUEST} (i64.extend_i32_u (local.get $len)))", "InvalidEnvelope", "ok"
    ),
    "the-answer-inside-the-head-of-the-request": (
        f"(i64.or (i64.add {AT_REQUEST} (i64.const {1 << 32})) (i64.const 6))",
        "InvalidEnvelope", "map",
    ),
    "the-answer-over-the-end-of-the-request": (
        f"{WRITTEN} (i64.or {AT_REQUEST} (i64.extend_i32_u (i32.add (local.get $len)"
        " (i32.const 64))))",
        "InvalidEnvelope", "",
    ),
    "the-answer-before-and-in-the-request": (
        f"(i64.or (i64.sub {AT_REQUEST} (i64.const {4 << 32})) (i64.const 9))",
        "InvalidEnvelope", "",
    ),
    "the-whole-memory-as-the-answer": ("(i64.const 196608)", "InvalidEnvelope", ""),
    "the-request-moved-over-itself": (
        "(memory.copy (i32.add (local.get $ptr) (i32.const 3)) (local.get $ptr) (local.get $len))"
        f"{WRITTEN} (i64.or {AT_REQUEST} (i64.const 7))", None, ""
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REGIONS)
def test_answers_that_overlap_the_request(pool: Pool, name: str) -> None:
    handle, error_type, message = REGIONS[name]
    for reply in invoke(pool, reactor(handle, own=msgpack.packb({"ok": b"5"}))):
        check(reply, error_type, message, 5)


def check(reply: Reply, error_type: str | None, message: str = "", value: object = 0) -> None:
    if error_type is None:
        assert answer(reply) == value
        return
    payload = json.loads(reply.payload)
    assert reply.error_type == payload["errorType"] == f"Runtime.{error_type}", payload
    assert message in payload["errorMessage"]


@pytest.mark.parametrize(
    ("address", "error_type"),
    [
        # Over the answer, from its first byte or before it: what is read is what was sent.
        (16, "InvalidEnvelope"),
        (1, "InvalidEnvelope"),
        # Over its end: the map is whole, and what it says is not.
        (20, "InvalidEnvelope"),
        # Right behind it.
        (23, None),
    ],
)
def test_requests_that_overlap_the_answer(pool: Pool, address: int, error_type: str | None) -> None:
    for reply in invoke(pool, reactor(ZERO, alloc=f"(i32.const {address})")):
        check(reply, error_type)


def test_a_name_and_a_request_may_overlap_and_an_answer_both(pool: Pool) -> None:
    """The host has read them when it answers: the answer may be put over all there is."""
    head = r'(data (i32.const 3000) "\81\a1a\c0")'
    calls = "(drop (call $call (i32.const 3001) (i32.const 2) (i32.const 3000) (i32.const 4)))"
    module = asking(f"{calls} (drop (call $take {TAKEN})) {ANSWERED}", rest=head)
    target = pool.target(pool.compiled(module))
    for _ in range(2):
        reply, asked = ask(pool, target, lambda call: (True, HELD))
        assert answer(reply) == 7
        assert asked == [Call("\ufffda", "msgpack", b"\x81\xa1a\xc0")]


def test_an_answer_may_be_taken_over_the_request(pool: Pool) -> None:
    size = f"(i32.const {len(HELD)})"
    end = f"(i64.or {AT_REQUEST} (i64.const {len(HELD)}))"
    module = asking(f"{ASK} (drop (call $take (local.get $ptr) {size})) {end}")
    for reply in invoke(pool, module):
        check(reply, None, value=7)


#: Once more, and no further.
ENTERED = "(if (local.get $len) (then (drop (call $handle (i32.const 0) (i32.const 0)))))"
REENTRANT = {
    "alloc-from-handle": (asking(f"(drop (call $alloc (i32.const 8))) {ZERO}"), None, 0),
    "handle-from-handle": (asking(f"{ENTERED} {ZERO}"), None, 0),
    "handle-from-alloc": (
        asking(ZERO, alloc="(drop (call $handle (i32.const 0) (i32.const 0))) (i32.const 65536)"),
        None, 0,
    ),
    "handle-and-alloc-for-ever": (
        asking("(call $handle (call $alloc (i32.const 1)) (i32.const 1))"), "StackOverflow", 0
    ),
    # The second call forgets what the first one left to take.
    "a-call-between-call-and-take": (
        asking(
            f"{ASK} {ENTERED} (if (i32.ne (call $take {TAKEN})"
            f" (select (i32.const 0) (i32.const {len(HELD)}) (local.get $len)))"
            f" (then unreachable)) {ANSWERED}"
        ),
        None, 7,
    ),
    # The envelope is not there yet, but the invocation is.
    "a-call-from-alloc": (
        asking(ANSWERED, alloc=f"{ASK} (drop (call $take {TAKEN})) (i32.const 65536)"), None, 7
    ),
    "a-take-from-alloc-of-nothing": (
        asking(ZERO, alloc=f"(i32.add (call $take {TAKEN}) (i32.const 65536))"), None, 0
    ),
    "a-call-for-an-alloc-that-traps": (asking(ZERO, alloc=f"{ASK} unreachable"), "ExitError", 0),
    "a-call-from-a-start-function": (
        asking(ZERO, rest=f"(func $start {ASK} (if (call $take {TAKEN}) (then unreachable)))"
               " (start $start)"),
        None, 0,
    ),
    "a-function-of-the-host-as-alloc": (
        """(module
          (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))
          (memory (export "memory") 3)
          (export "wasmfaas_alloc" (func $close))
          (data (i32.const 2048) "\\81\\a2ok\\a10")
          (func (export "wasmfaas_handle") (param i32 i32) (result i64)
            (i64.const 8796093022214)))""",
        "ExitError", 0,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REENTRANT)
def test_calls_into_calls(pool: Pool, name: str) -> None:
    module, error_type, value = REENTRANT[name]
    for reply in invoke(pool, module):
        check(reply, error_type, value=value)


def test_a_component_that_enters_itself_ends(pool: Pool) -> None:
    """From where the host puts an event, and from its own handler for ever."""
    entered = "(drop (call $handle (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))"
    module = component(0, b"0").replace(
        '(func (export "handle")', '(func $handle (export "handle")'
    )
    within = module.replace("(global.set $top", f"{entered} (global.set $top", 1)
    for reply in invoke(pool, within, PackageKind.COMPONENT):
        check(reply, None)
    for_ever = module.replace(
        "(result i32)  (i32.const 16)", f"(result i32) {entered} (i32.const 16)"
    )
    assert for_ever != module
    for reply in invoke(pool, for_ever, PackageKind.COMPONENT):
        check(reply, "StackOverflow")


#: Asks from where the host puts an event, and again from where it puts the answer to that.
ASKING_COMPONENT = """(component
  (import "call" (func $call (param "op" string) (param "request" string)
    (result (result string (error string)))))
  (core module $libc
    (type $asks (func (param i32 i32 i32 i32 i32)))
    (memory (export "memory") 2)
    (table (export "table") 1 funcref)
    (data (i32.const 16) "kv.get{}")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (call_indirect (type $asks) (i32.const 16) (i32.const 6) (i32.const 22) (i32.const 2)
        (i32.const 64) (i32.const 0))
      (i32.const 4096)))
  (core instance $libc (instantiate $libc))
  (core func $lowered (canon lower (func $call) (memory (core memory $libc "memory"))
    (realloc (core func $libc "realloc"))))
  (core module $main
    (import "libc" "table" (table 1 funcref))
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32)))
    (elem (i32.const 0) func $call)
    (func (export "handle") (param i32 i32 i32 i32) (result i32) (i32.const 64)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance (export "call" (func $lowered))))))
  (func (export "handle") (param "event" string) (param "context" string)
    (result (result string (error string)))
    (canon lift (core func $main "handle") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc")))))"""


def test_a_component_cannot_ask_from_its_realloc(pool: Pool) -> None:
    for reply in invoke(pool, ASKING_COMPONENT, PackageKind.COMPONENT):
        check(reply, "ExitError", "cannot leave component instance")


def test_what_shows_no_memory_is_told_so(pool: Pool) -> None:
    """A command need not export any: there is nothing to read a request from, or take it to."""
    start = f"""(if (i64.ne (i64.const 1) (i64.shr_u (call $call {NAME} {EMPTY}) (i64.const 32)))
      (then unreachable)) (if (call $take (i32.const 0) (i32.const 999)) (then unreachable))"""
    module = f'(module {IMPORTS} (func (export "_start") {start}))'
    for reply in invoke(pool, module, PackageKind.COMMAND):
        check(reply, None, value=None)
