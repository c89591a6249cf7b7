"""Guests that do what a guest should not, as WebAssembly text, and how each must end.

`HOSTILE` maps a name to a module and to the `Expectation` of an invocation, whatever its event.
"""

from dataclasses import dataclass
from typing import Any

import msgpack

from tests.sandbox.wat import (
    CREATE,
    OWN,
    PACKAGE_DIR,
    TMP_DIR,
    ZERO,
    answers,
    command,
    component,
    ok,
    opens,
    packed,
    points_to,
    prints,
    reactor,
    repeat,
    writes,
)
from wasmfaas.models import PackageKind

EXIT, INVALID, MARSHAL = "Runtime.ExitError", "Runtime.InvalidEnvelope", "Runtime.MarshalError"
MEMORY, STACK, TIMEOUT = "Runtime.OutOfMemory", "Runtime.StackOverflow", "Sandbox.Timedout"
FUEL, TOO_LARGE = "Runtime.OutOfFuel", "Function.ResponseSizeTooLarge"


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """How an invocation with 128 MB and a timeout of one second ends."""

    #: None for an answer.
    error_type: str | None = None
    #: The answer, parsed. Means nothing where there is an error.
    answer: Any = 0
    #: What the error's message must tell.
    message: str = ""
    kind: PackageKind = PackageKind.REACTOR
    fuel_max: int = 10**13


def _broken(message: str = "") -> Expectation:
    return Expectation(error_type=INVALID, message=message)


_GROW_UNTIL_REFUSED = """
  (loop $more
    (br_if $more (i32.ne (i32.const -1) (memory.grow (i32.const 64)))))"""
_GROW_TABLE_UNTIL_REFUSED = """
  (loop $more
    (br_if $more (i32.ne (i32.const -1) (table.grow $t (ref.null func) (i32.const 100000)))))"""
_TABLES = "".join(f"(table $t{n} 0 funcref)" for n in range(16))
_GROW_TABLES = "".join(
    f"(br_if $refused (i32.eqz (i32.add (i32.const 1)"
    f"  (table.grow $t{n} (ref.null func) (i32.const 999_999)))))"
    for n in range(16)
)
_SLEEP = """
  (i32.store (i32.const 2064) (i32.const 1)) ;; the monotonic clock
  (i64.store (i32.const 2072) (i64.const 60000000000))
  (drop (call $poll_oneoff (i32.const 2048) (i32.const 3072) (i32.const 1) (i32.const 4000)))"""


_RUNNING = {
    "infinite-loop": (
        reactor("(loop $again (br $again)) unreachable"), Expectation(error_type=TIMEOUT)
    ),
    "infinite-loop-with-little-fuel": (
        reactor("(loop $again (br $again)) unreachable"),
        Expectation(error_type=FUEL, fuel_max=1_000_000, message="1000000"),
    ),
    "infinite-loop-in-alloc": (
        reactor(ZERO, alloc="(loop $again (br $again)) unreachable"),
        Expectation(error_type=TIMEOUT),
    ),
    "infinite-loop-of-tiny-writes": (
        reactor(repeat(writes(1)) + "unreachable"), Expectation(error_type=TIMEOUT)
    ),
    "blocks-in-poll-oneoff": (reactor(_SLEEP + ZERO), Expectation(error_type=TIMEOUT)),
    "deep-recursion": (
        reactor("(call $handle (local.get $ptr) (local.get $len))"), Expectation(error_type=STACK)
    ),
    "unreachable": (reactor("unreachable"), Expectation(error_type=EXIT, message="unreachable")),
    "division-by-zero-after-a-loop": (
        reactor(repeat("", 5_000_000) + "(i64.div_u (i64.const 1) (i64.const 0))"),
        Expectation(error_type=EXIT, message="divide by zero"),
    ),
    "start-function-traps": (
        reactor(ZERO, rest="(func $start unreachable) (start $start)"),
        Expectation(error_type=EXIT),
    ),
    "initialize-traps": (
        reactor(ZERO, rest='(func (export "_initialize") unreachable)'),
        Expectation(error_type=EXIT),
    ),
    "exits-with-0": (
        reactor(f"(call $proc_exit (i32.const 0)) {ZERO}"), Expectation(error_type=EXIT)
    ),
    "exits-with-3": (
        reactor(f"(call $proc_exit (i32.const 3)) {ZERO}"),
        Expectation(error_type=EXIT, message="3"),
    ),
    "floods-its-log": (reactor(repeat(writes(65536), 160) + ZERO), Expectation()),
    "writes-to-its-package": (opens(PACKAGE_DIR, b"new", CREATE), Expectation()),
    "reads-past-the-preopened-folder": (opens(TMP_DIR, b"../../etc/passwd", 0), Expectation()),
    "reads-an-absolute-path": (opens(TMP_DIR, b"/etc/passwd", 0), Expectation()),
}  # fmt: skip

_MEMORY = {
    "memory-bomb": (
        reactor(_GROW_UNTIL_REFUSED + "unreachable"),
        Expectation(error_type=MEMORY, message="128 MB"),
    ),
    "memory-bomb-that-copes": (reactor(_GROW_UNTIL_REFUSED + ZERO), Expectation()),
    "table-bomb": (
        reactor(_GROW_TABLE_UNTIL_REFUSED + "unreachable", rest="(table $t 0 funcref)"),
        Expectation(error_type=EXIT),
    ),
    "tables-bomb": (
        reactor(f"(block $refused {_GROW_TABLES} (return {ZERO})) unreachable", rest=_TABLES),
        # As many tables as may be, each as large as it may be: the worker can hold them.
        Expectation(),
    ),
    "stores-past-its-memory": (
        reactor(f"(i32.store (i32.const -4) (i32.const 1)) {ZERO}"),
        Expectation(error_type=EXIT, message="out of bounds"),
    ),
    "stores-into-grown-memory": (
        reactor(
            "(local.set $at (i32.mul (i32.const 65536) (memory.grow (i32.const 1))))"
            f"(memory.copy (local.get $at) (i32.const 0) (i32.const 65536)) {ZERO}"
        ),
        Expectation(),
    ),
    "alloc-in-grown-memory": (
        reactor(ZERO, alloc="(i32.mul (i32.const 65536) (memory.grow (i32.const 1)))"),
        Expectation(),
    ),
    "alloc-returns-0": (reactor(ZERO, alloc="(i32.const 0)"), Expectation(error_type=MEMORY)),
    "alloc-returns-garbage": (reactor(ZERO, alloc="(i32.const -16)"), _broken("wasmfaas_alloc")),
    "alloc-returns-the-last-byte": (
        reactor(ZERO, alloc="(i32.const 196607)"), _broken("wasmfaas_alloc")
    ),
    "alloc-returns-the-end": (
        reactor(ZERO, alloc="(i32.const 196608)"), _broken("wasmfaas_alloc")
    ),
    "alloc-traps": (reactor(ZERO, alloc="unreachable"), Expectation(error_type=EXIT)),
}  # fmt: skip

_POINTERS = {
    "answer-is-nothing": (points_to(0, 0), _broken()),
    "answer-outside-of-memory": (points_to(0xFFFFFF00, 16), _broken("outside")),
    "answer-past-the-end": (points_to(196600, 9), _broken("outside")),
    "answer-longer-than-memory": (points_to(0, 196609), _broken("outside")),
    "answer-of-negative-length": (points_to(16, 0xFFFFFFFF), _broken("outside")),
    "answer-of-negative-everything": (points_to(0xFFFFFFFF, 0xFFFFFFFF), _broken("outside")),
    "answer-of-4-gib-in-all": (points_to(0x80000000, 0x80000000), _broken("outside")),
}

_ENVELOPES = {
    "envelope-of-no-msgpack": (answers(b"\xc1"), _broken("msgpack")),
    "envelope-cut-off": (answers(msgpack.packb({"ok": b"null"})[:-1]), _broken("msgpack")),
    "envelope-with-more-after-it": (answers(msgpack.packb({"ok": b"0"}) + b"\xc0"), _broken()),
    "envelope-of-4-billion-entries": (answers(b"\xdf\xff\xff\xff\xff"), _broken()),
    "envelope-of-4-gib-of-text": (answers(b"\x81\xa2ok\xc6\xff\xff\xff\xff"), _broken()),
    "envelope-nested-deeply": (answers(b"\x91" * 60_000), _broken()),
    "envelope-is-an-array": (packed([b"0"]), _broken("map")),
    "envelope-is-empty": (packed({}), _broken("ok")),
    "envelope-of-other-keys": (packed({"OK": b"0", "err": 1}), _broken("ok")),
    "envelope-of-numbers-as-keys": (packed({1: b"0"}), _broken()),
    "envelope-of-unhashable-keys": (answers(b"\x81\x90\xc0"), _broken()),
    "envelope-of-broken-utf8": (answers(b"\x81\xa2ok\xa2\xff\xfe"), _broken()),
    "envelope-of-an-extension": (answers(b"\x81\xa2ok\xd4\x01\x00"), _broken()),
    "envelope-of-a-timestamp": (answers(b"\x81\xa2ok\xd6\xff\x00\x00\x00\x00"), _broken()),
    "envelope-of-both": (
        packed({"ok": b"0", "error": {"errorType": "E", "errorMessage": ""}}), _broken()
    ),
    "ok-is-a-number": (packed({"ok": 1}), _broken("ok")),
    "ok-is-a-map": (packed({"ok": {"a": 1}}), _broken("ok")),
    "error-is-text": (packed({"error": "no"}), _broken("error")),
    "error-without-a-type": (packed({"error": {"errorMessage": "m"}}), _broken()),
    "error-of-a-number": (
        packed({"error": {"errorType": 1, "errorMessage": "m"}}), _broken()
    ),
    "error-with-a-trace-of-numbers": (
        packed({"error": {"errorType": "E", "errorMessage": "m", "stackTrace": [1]}}),
        _broken(),
    ),
    "error-of-its-own": (
        packed({"error": {"errorType": "Mine", "errorMessage": "is fine"}}),
        Expectation(error_type="Mine", message="is fine"),
    ),
    "unknown-keys-beside-ok": (packed({"x": [1, {}], "ok": "0"}), Expectation()),
}  # fmt: skip

_TEXTS = {
    "text-is-empty": (ok(b""), Expectation(error_type=MARSHAL)),
    "text-is-no-json": (ok(b"{'a': 1}"), Expectation(error_type=MARSHAL)),
    "text-is-two-values": (ok(b"1 2"), Expectation(error_type=MARSHAL)),
    "text-is-broken-utf8": (ok(b'"\xff"'), Expectation(error_type=MARSHAL)),
    "text-is-a-surrogate-in-utf8": (ok(b'"\xed\xa0\x80"'), Expectation(error_type=MARSHAL)),
    "text-is-utf16": (ok('"a"'.encode("utf-16-le")), Expectation(error_type=MARSHAL)),
    "text-begins-with-a-byte-order-mark": (ok(b"\xef\xbb\xbf0"), Expectation(error_type=MARSHAL)),
    "text-is-nan": (ok(b"NaN"), Expectation(error_type=MARSHAL)),
    "text-is-infinity": (ok(b"[-Infinity]"), Expectation(error_type=MARSHAL)),
    "text-nested-deeply": (ok(b"[" * 50_000), Expectation(error_type=MARSHAL)),
    "text-of-escaped-surrogates": (ok(rb'"\ud800"'), Expectation(answer="\ud800")),
    "text-of-7-mb": (
        reactor(
            f"(memory.fill (i32.const {OWN + 11}) (i32.const 32) (i32.const 7000000))"
            f"(i64.const {OWN << 32 | (7_000_009)})",
            pages=120, own=b"\x81\xa2ok\xc6" + (7_000_000).to_bytes(4) + b"0 ",
        ),
        Expectation(error_type=TOO_LARGE),
    ),
}  # fmt: skip


def _command_ends(error_type: str | None = None, answer: object = 0) -> Expectation:
    return Expectation(error_type=error_type, answer=answer, kind=PackageKind.COMMAND)


_COMMANDS = {
    "command-prints-json": (prints(b" 0\n"), _command_ends()),
    "command-prints-nothing": (command(""), _command_ends(answer=None)),
    "command-prints-text": (prints(b"it is {}\n"), _command_ends(answer="it is {}\n")),
    "command-prints-broken-utf8": (prints(b"a\xffb"), _command_ends(answer="a\ufffdb")),
    "command-prints-nan": (prints(b"NaN"), _command_ends(answer="NaN")),
    "command-nests-deeply": (prints(b"[" * 1000), _command_ends(answer="[" * 1000)),
    "command-exits-with-0": (prints(b"0", "(call $proc_exit (i32.const 0))"), _command_ends()),
    "command-exits-with-3": (prints(b"0", "(call $proc_exit (i32.const 3))"), _command_ends(EXIT)),
    "command-traps": (prints(b"0", "unreachable"), _command_ends(EXIT)),
    "command-floods-stdout": (command(repeat(writes(65536), 160)), _command_ends(TOO_LARGE)),
    "command-loops": (command("(loop $again (br $again))"), _command_ends(TIMEOUT)),
}  # fmt: skip


def _component_ends(error_type: str | None = None, message: str = "") -> Expectation:
    return Expectation(error_type=error_type, message=message, kind=PackageKind.COMPONENT)


_COMPONENTS = {
    "component-answers": (component(0, b"0"), _component_ends()),
    "component-answers-no-json": (component(0, b"nope"), _component_ends(MARSHAL)),
    "component-answers-nothing": (component(0, b""), _component_ends(MARSHAL)),
    "component-fails-with-a-payload": (
        component(1, b'{"errorType": "Mine", "errorMessage": "is fine"}'),
        _component_ends("Mine", "is fine"),
    ),
    "component-fails-with-text": (
        component(1, b"out of tea"), _component_ends("Unhandled", "out of tea")
    ),
    "component-fails-with-an-array": (component(1, b"[1]"), _component_ends("Unhandled", "[1]")),
    "component-fails-with-numbers": (
        component(1, b'{"errorType": 1, "errorMessage": []}'), _component_ends("Unhandled")
    ),
    "component-of-broken-utf8": (component(0, b'"\xff"'), _component_ends(EXIT)),
    "component-of-an-unknown-arm": (component(2, b"0"), _component_ends(EXIT)),
    "component-traps": (component(0, b"0", before="unreachable"), _component_ends(EXIT)),
    "component-loops": (
        component(0, b"0", before="(loop $again (br $again))"), _component_ends(TIMEOUT)
    ),
}  # fmt: skip

HOSTILE: dict[str, tuple[str, Expectation]] = {
    **_RUNNING, **_MEMORY, **_POINTERS, **_ENVELOPES, **_TEXTS, **_COMMANDS, **_COMPONENTS
}  # fmt: skip
