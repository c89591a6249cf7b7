"""Calls from guests to the host: what arrives, what comes back, and what a hostile guest can do."""

import json
from typing import Any

import pytest

from tests.sandbox.calling import ask
from tests.sandbox.conftest import Pool, answer
from wasmfaas import abi
from wasmfaas.invoke.job import Call
from wasmfaas.models import Isolation

HANDLER = "import wasmfaas\n\ndef lambda_handler(event, context):\n"
ECHO = (True, b'{"value": "v", "version": 3, "expiresAtMs": null}')


def wat(body: str, *, globals_: str = "") -> str:
    """A reactor that answers the map that *body*, which may call, leaves at $at with $size bytes.

    There is `op` (16 bytes) at 16, an empty msgpack map at 64, and room from 1024 on.
    """
    return f"""(module
      (import "wasmfaas" "call" (func $call (param i32 i32 i32 i32) (result i64)))
      (import "wasmfaas" "take" (func $take (param i32 i32) (result i32)))
      (memory (export "memory") 2)
      {globals_}
      (data (i32.const 16) "kv.get")
      (data (i32.const 64) "\\80")
      (data (i32.const 512) "\\81\\a2ok\\c6")
      (data (i32.const 768) "\\81\\a5error")
      (func (export "wasmfaas_alloc") (param i32) (result i32) (i32.const 65536))
      (func $answer (param $size i32) (result i64)
        (i32.store8 (i32.const 517) (i32.shr_u (local.get $size) (i32.const 24)))
        (i32.store8 (i32.const 518) (i32.shr_u (local.get $size) (i32.const 16)))
        (i32.store8 (i32.const 519) (i32.shr_u (local.get $size) (i32.const 8)))
        (i32.store8 (i32.const 520) (local.get $size))
        (i64.or (i64.shl (i64.const 512) (i64.const 32))
                (i64.extend_i32_u (i32.add (local.get $size) (i32.const 9)))))
      (func (export "wasmfaas_handle") (param i32 i32) (result i64)
        (local $called i64) (local $taken i32)
        {body}))"""


#: Calls, takes the answer, and answers it: the test has it answer JSON.
ROUND = """
  (local.set $called (call $call (i32.const 16) (i32.const 6) (i32.const 64) (i32.const 1)))
  (call $answer (call $take (i32.const 521) (i32.wrap_i64 (local.get $called))))"""


def test_a_reactor_asks_and_takes(pool: Pool) -> None:
    target = pool.target(pool.compiled(wat(ROUND)))
    for _ in range(3):
        reply, calls = ask(pool, target, lambda call: (True, b'{"a": 1}'))
        assert answer(reply) == {"a": 1}
        assert calls == [Call("kv.get", "msgpack", b"\x80")]


def test_a_reactor_that_asks_is_put_back(pool: Pool) -> None:
    artefact = pool.compiled(wat(ROUND))
    assert artefact.inspection.restorable


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ("(i32.const 16) (i32.const 6) (i32.const -1) (i32.const 1)", "outside of memory"),
        ("(i32.const 16) (i32.const 6) (i32.const 131071) (i32.const 2)", "outside of memory"),
        ("(i32.const -2147483648) (i32.const 6) (i32.const 64) (i32.const 1)", "outside of memory"),
        ("(i32.const 131072) (i32.const 1) (i32.const 64) (i32.const 1)", "outside of memory"),
        ("(i32.const 16) (i32.const -1) (i32.const 64) (i32.const 1)", "4294967295 bytes"),
        ("(i32.const 16) (i32.const 65) (i32.const 64) (i32.const 1)", "at most 64"),
        ("(i32.const 16) (i32.const 6) (i32.const 64) (i32.const -1)", "at most 6291456"),
    ],
)
def test_what_is_not_in_memory_is_an_error(pool: Pool, numbers: str, expected: str) -> None:
    """The error has the form of an answer's, so that the module can pass it on."""
    body = f"""
      (local.set $called (call $call {numbers}))
      (if (i64.ne (i64.shr_u (local.get $called) (i64.const 32)) (i64.const 1)) (then unreachable))
      (local.set $taken (call $take (i32.const 775) (i32.wrap_i64 (local.get $called))))
      (i64.or (i64.shl (i64.const 768) (i64.const 32))
              (i64.extend_i32_u (i32.add (local.get $taken) (i32.const 7))))"""
    reply, calls = ask(pool, pool.target(pool.compiled(wat(body))), lambda call: ECHO)
    assert (reply.error_type, calls) == ("InvalidRequest", [])
    assert expected in reply.payload.decode()


@pytest.mark.parametrize(
    "take",
    [
        "(i32.const 131071) (i32.const 100)",
        "(i32.const -1) (i32.const -1)",
        "(i32.const 1024) (i32.const 7)",
        "(i32.const 131072) (i32.const 8)",
    ],
)
def test_a_take_that_does_not_fit_copies_nothing_and_forgets_nothing(pool: Pool, take: str) -> None:
    body = f"""
      (local.set $called (call $call (i32.const 16) (i32.const 6) (i32.const 64) (i32.const 1)))
      (if (call $take {take}) (then unreachable))
      (local.set $taken (call $take (i32.const 521) (i32.const 8)))
      (if (call $take (i32.const 521) (i32.const 8)) (then unreachable))
      (call $answer (local.get $taken))"""
    reply, _ = ask(pool, pool.target(pool.compiled(wat(body))), lambda call: (True, b'{"a": 1}'))
    assert answer(reply) == {"a": 1}


def test_an_answer_is_not_there_for_the_next_invocation(pool: Pool) -> None:
    """Not even where the module's own state lives on."""
    body = """
      (if (i32.eqz (global.get $called_before)) (then
        (global.set $called_before (i32.const 1))
        (drop (call $call (i32.const 16) (i32.const 6) (i32.const 64) (i32.const 1)))
        (i32.store8 (i32.const 521) (i32.const 0x31))
        (return (call $answer (i32.const 1)))))
      (if (call $take (i32.const 1024) (i32.const 4096)) (then unreachable))
      (i32.store8 (i32.const 521) (i32.const 0x32))
      (call $answer (i32.const 1))"""
    module = wat(body, globals_="(global $called_before (mut i32) (i32.const 0))")
    target = pool.target(pool.compiled(module), isolation=Isolation.REUSE)
    assert answer(ask(pool, target, lambda call: ECHO)[0]) == 1
    assert answer(ask(pool, target, lambda call: ECHO)[0]) == 2


def test_there_are_no_calls_in_a_start_up(pool: Pool) -> None:
    module = wat(ROUND).replace(
        '(func (export "wasmfaas_handle")',
        '(func (export "_initialize") (if (i64.ne (i64.const 1) (i64.shr_u (call $call'
        " (i32.const 16) (i32.const 6) (i32.const 64) (i32.const 1)) (i64.const 32)))"
        ' (then unreachable)))\n(func (export "wasmfaas_handle")',
    )
    reply, calls = ask(pool, pool.target(pool.compiled(module)), lambda call: (True, b"{}"))
    assert (answer(reply), len(calls)) == ({}, 1)


def test_a_call_ends_with_the_invocation(pool: Pool) -> None:
    """The guest that waits is not killed, and what comes too late is nobody's."""
    late: list[Any] = []
    target = pool.target(pool.compiled(wat(ROUND)), timeout_ms=300)
    reply, _ = ask(pool, target, lambda call: late.append(call))
    assert reply.error_type == "Sandbox.Timedout"
    reply, _ = ask(pool, target, lambda call: (True, b'"later"'))
    assert answer(reply) == "later"


def test_a_call_in_a_loop_ends_with_the_invocation(pool: Pool) -> None:
    body = """(loop $again
        (drop (call $call (i32.const 16) (i32.const 6) (i32.const 64) (i32.const 1)))
        (br $again)) unreachable"""
    target = pool.target(pool.compiled(wat(body)), timeout_ms=500)
    reply, calls = ask(pool, target, lambda call: ECHO)
    assert reply.error_type == "Sandbox.Timedout"
    assert len(calls) > 1


def test_waiting_costs_no_fuel(pool: Pool) -> None:
    target = pool.target(pool.compiled(wat(ROUND)))
    fuels = set()
    for _ in range(3):
        fuels.add(ask(pool, target, lambda call: (True, b"{}"))[0].fuel)
    assert len(fuels) == 1


def test_a_python_function_asks(pool: Pool) -> None:
    source = HANDLER + (
        "    entry = wasmfaas.kv.entry('k\\u00e4')\n"
        "    return [entry.value.decode(), entry.version, entry.expires_at_ms]\n"
    )
    target = pool.function(source)
    for _ in range(3):
        reply, [call] = ask(pool, target, lambda call: ECHO)
        assert answer(reply) == ["v", 3, None]
        assert (call.operation, call.form) == ("kv.get", "json")
        assert json.loads(call.request) == {"key": "kä"}


def test_a_python_function_gets_errors_as_exceptions(pool: Pool) -> None:
    source = HANDLER + (
        "    try:\n        wasmfaas.fetch('http://a/', body=b'\\xff')\n"
        "    except wasmfaas.Timeout as error:\n"
        "        return [str(error), isinstance(error, TimeoutError)]\n"
    )
    failure = (False, b'{"errorType": "Timeout", "errorMessage": "too slow"}')
    reply, [call] = ask(pool, pool.function(source), lambda call: failure)
    assert answer(reply) == ["too slow", True]
    assert json.loads(call.request)["body"] == {"base64": "/w=="}


def test_a_python_function_cannot_ask_while_it_is_imported(pool: Pool) -> None:
    source = "import wasmfaas\nwasmfaas.secrets.get('A')\ndef lambda_handler(e, c): pass\n"
    reply, calls = ask(pool, pool.function(source), lambda call: ECHO)
    assert (reply.error_type, calls) == ("InvalidRequest", [])
    assert "while an event is handled" in reply.payload.decode()


def test_a_python_function_that_asks_is_put_back(pool: Pool) -> None:
    source = HANDLER + "    wasmfaas.kv.get('a')\n"
    target = pool.function(source)
    for _ in range(2):
        reply, _ = ask(pool, target, lambda call: ECHO)
        assert reply.error_type is None
    assert pool.workers.held(target.spec.key) == 1


def test_large_requests_and_answers_come_through(pool: Pool) -> None:
    source = HANDLER + (
        "    value = wasmfaas.kv.get('x' * 5_000_000)\n    return [len(value), value[-1]]\n"
    )
    large = json.dumps({"value": "y" * 5_000_000, "version": 1, "expiresAtMs": None}).encode()
    reply, [call] = ask(pool, pool.function(source), lambda call: (True, large))
    assert answer(reply) == [5_000_000, ord("y")]
    assert len(call.request) > 5_000_000


def test_what_is_too_large_is_not_sent(pool: Pool) -> None:
    source = HANDLER + "    wasmfaas.kv.set('a', 'x' * 6_291_456)\n"
    reply, calls = ask(pool, pool.function(source), lambda call: ECHO)
    assert (reply.error_type, calls) == ("InvalidRequest", [])
    assert str(abi.CALL_REQUEST_BYTES_MAX) in reply.payload.decode()


COMPONENT = """(component
  (import "call" (func $call (param "op" string) (param "request" string)
    (result (result string (error string)))))
  (core module $libc
    (memory (export "memory") 2)
    (global $next (mut i32) (i32.const 4096))
    (func (export "realloc") (param i32 i32 i32 i32) (result i32)
      (local $at i32)
      (local.set $at (global.get $next))
      (global.set $next (i32.add (global.get $next) (i32.and
        (i32.add (local.get 3) (i32.const 7)) (i32.const -8))))
      (local.get $at)))
  (core instance $libc (instantiate $libc))
  (core func $lowered (canon lower (func $call) (memory (core memory $libc "memory"))
    (realloc (core func $libc "realloc"))))
  (core module $main
    (import "libc" "memory" (memory 2))
    (import "host" "call" (func $call (param i32 i32 i32 i32 i32)))
    (data (i32.const 16) "kv.get{}")
    (func (export "handle") (param i32 i32 i32 i32) (result i32)
      (call $call (i32.const 16) (i32.const 6) (i32.const 22) (i32.const 2) (i32.const 64))
      (i32.const 64)))
  (core instance $main (instantiate $main
    (with "libc" (instance $libc))
    (with "host" (instance (export "call" (func $lowered))))))
  (func (export "handle") (param "event" string) (param "context" string)
    (result (result string (error string)))
    (canon lift (core func $main "handle") (memory (core memory $libc "memory"))
      (realloc (core func $libc "realloc")))))"""


def test_a_component_asks(pool: Pool) -> None:
    target = pool.target(pool.compiled(COMPONENT))
    reply, [call] = ask(pool, target, lambda call: ECHO)
    assert answer(reply)["version"] == 3
    assert call == Call("kv.get", "json", b"{}")
    failure = (False, b'{"errorType": "NotFound", "errorMessage": "no"}')
    reply, _ = ask(pool, target, lambda call: failure)
    assert (reply.error_type, json.loads(reply.payload)["errorMessage"]) == ("NotFound", "no")
