"""Every kind of module that can be deployed, and every reason for which one cannot."""

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox import wat
from wasmfaas.models import Inspection, PackageKind
from wasmfaas.sandbox.engine import new_engine
from wasmfaas.sandbox.inspection import Inspector, Refused

HANDLE = '(func (export "wasmfaas_handle") (param i32 i32) (result i64) (i64.const 0))'
ALLOC = '(func (export "wasmfaas_alloc") (param i32) (result i32) (i32.const 0))'
MEMORY = '(memory (export "memory") 1)'
START = '(func (export "_start"))'
RESULT = "(result (result string (error string)))"


@pytest.fixture(scope="module")
def inspector() -> Inspector:
    return Inspector(new_engine())


def inspect(inspector: Inspector, text: str) -> Inspection:
    return inspector.inspect(bytes(wasmtime.wat2wasm(text)))


def refusal(inspector: Inspector, text: str | bytes) -> str:
    with pytest.raises(Refused) as refused:
        inspector.inspect(text if isinstance(text, bytes) else bytes(wasmtime.wat2wasm(text)))
    return str(refused.value)


def outcome(inspector: Inspector, wasm: bytes) -> str:
    try:
        return repr(inspector.inspect(wasm))
    except Refused as refused:
        return str(refused)


def component_exporting(name: str, type_: str, core: str) -> str:
    """A component with one export; *core* is the core type behind it."""
    return f"""(component
      (core module $m
        (memory (export "memory") 1)
        (func (export "realloc") (param i32 i32 i32 i32) (result i32) unreachable)
        (func (export "f") {core} unreachable))
      (core instance $i (instantiate $m))
      (alias core export $i "f" (core func $f))
      (alias core export $i "memory" (core memory $memory))
      (alias core export $i "realloc" (core func $realloc))
      (func (export "{name}") {type_}
        (canon lift (core func $f) (memory $memory) (realloc $realloc))))"""


def test_reactors(inspector: Inspector) -> None:
    plain = inspect(inspector, wat.ok("1"))
    assert plain == Inspection(
        kind=PackageKind.REACTOR, memory_minimum_bytes=3 * 65536, has_init=False
    )
    with_init = wat.reactor(wat.ZERO, rest='(func (export "_initialize"))')
    assert inspect(inspector, with_init).has_init


def test_components_may_answer_in_parts(inspector: Inspector) -> None:
    def importing(type_: str) -> str:
        imports = f'(import "emit" (func (param "data" {type_}) (result bool)))'
        return wat.component(0, b"1").replace("(component", f"(component {imports}", 1)

    assert inspect(inspector, importing("string")).kind is PackageKind.COMPONENT
    assert "emit: func(u32) -> bool, but it must be func(string)" in refusal(
        inspector, importing("u32")
    )


def test_commands(inspector: Inspector) -> None:
    found = inspect(inspector, wat.prints(b"1"))
    assert found.kind is PackageKind.COMMAND
    assert not found.has_init


def test_components(inspector: Inspector) -> None:
    found = inspect(inspector, wat.component(0, b"1"))
    assert found == Inspection(
        kind=PackageKind.COMPONENT, memory_minimum_bytes=3 * 65536, has_init=False
    )


def test_a_module_with_both_entry_points_is_a_reactor(inspector: Inspector) -> None:
    found = inspect(inspector, f"(module {MEMORY} {ALLOC} {HANDLE} {START})")
    assert found.kind is PackageKind.REACTOR


def test_all_memories_count(inspector: Inspector) -> None:
    found = inspect(inspector, f"(module {START} (memory 10) (memory 20))")
    assert found.memory_minimum_bytes == 30 * 65536


def test_code_is_neither_compiled_nor_run(inspector: Inspector) -> None:
    """A start function that never ends, over data that does not fit."""
    never_ends = "(func $f (loop (br 0))) (start $f)"
    does_not_fit = '(data (i32.const 70000) "x")'
    found = inspect(inspector, f"(module {START} {MEMORY} {does_not_fit} {never_ends})")
    assert found.kind is PackageKind.COMMAND


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '(module (import "env" "now" (func)) (import "env" "log" (func)) '
            f'(import "wasi_snapshot_preview1" "sched_yield" (func (result i32))) {START})',
            "The module imports what is not offered: env.now, env.log. Functions can be imported "
            "from: wasi_snapshot_preview1, wasmfaas.",
        ),
        (
            f'(module (import "wasi_snapshot_preview1" "fd_fly" (func)) {START})',
            "The module imports what is not offered: wasi_snapshot_preview1.fd_fly. Functions can "
            "be imported from: wasi_snapshot_preview1, wasmfaas.",
        ),
        (
            f'(module (import "wasi_unstable" "fd_close" (func (param i32) (result i32))) {START})',
            "The module imports what is not offered: wasi_unstable.fd_close. Functions can be "
            "imported from: wasi_snapshot_preview1, wasmfaas.",
        ),
        (
            f'(module (import "env" "memory" (memory 1)) {START})',
            "The module imports what is not offered: env.memory. Functions can be imported from: "
            "wasi_snapshot_preview1, wasmfaas.",
        ),
        (
            f'(module (import "wasi_snapshot_preview1" "fd_close" (func)) {START})',
            "The module cannot be linked: incompatible import type for "
            "`wasi_snapshot_preview1::fd_close`: types incompatible: expected type `(func)`, found "
            "type `(func (param i32) (result i32))`.",
        ),
        (
            '(module (func (export "main")) (func (export "handle")))',
            "The module exports main, handle, but no entry point. Looked for: wasmfaas_handle "
            "(reactor) or _start (WASI command) in a core module, handle in a component.",
        ),
        (
            "(module)",
            "The module exports nothing, but no entry point. Looked for: wasmfaas_handle "
            "(reactor) or _start (WASI command) in a core module, handle in a component.",
        ),
        (
            f"(module {MEMORY} {HANDLE})",
            "The module does not export wasmfaas_alloc: (i32) -> i32, which its kind needs.",
        ),
        (
            f"(module {ALLOC} {HANDLE})",
            "The module exports wasmfaas_handle, but not its memory: a reactor must export a "
            "memory named 'memory'.",
        ),
        (
            f'(module {MEMORY} {ALLOC} (func (export "wasmfaas_handle") (param i32) '
            "(result i64 i32) unreachable))",
            "The module exports wasmfaas_handle: (i32) -> (i64, i32), but it must be "
            "(i32, i32) -> i64.",
        ),
        (
            f'(module {MEMORY} {ALLOC} {HANDLE} (func (export "_initialize") (param i32)))',
            "The module exports _initialize: (i32) -> (), but it must be () -> ().",
        ),
        (
            '(module (func (export "_start") (param v128 f32 funcref externref)))',
            "The module exports _start: (v128, f32, funcref, externref) -> (), but it must be "
            "() -> ().",
        ),
        (
            '(module (global (export "_start") i32 (i32.const 0)))',
            "The module exports _start: global, but it must be () -> ().",
        ),
        (
            f"(module {START} (table 1000001 funcref))",
            "The module has 1000001 elements in one table, but at most 1000000 are allowed.",
        ),
        (
            f"(component {'(core module (memory 0))' * 101})",
            "The module has 101 memories, but at most 100 are allowed.",
        ),
    ],
)  # fmt: skip
def test_modules_that_do_not_fit(inspector: Inspector, text: str, sentence: str) -> None:
    assert refusal(inspector, text) == sentence


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            '(component (import "wasi:http/types@0.2.0" (instance)) (import "mine" (func)))',
            "The component imports what is not offered: wasi:http/types@0.2.0, mine. Offered are: "
            "wasi:cli/*, wasi:clocks/*, wasi:filesystem/*, wasi:io/*, wasi:random/*, "
            "wasi:sockets/*, call, emit.",
        ),
        (
            '(component (import "wasi:cli/environment@0.2.0" (instance (export "fly" (func)))))',
            "The component cannot be linked: component imports instance "
            "`wasi:cli/environment@0.2.0`, but a matching implementation was not found in the "
            "linker: instance export `fly` has the wrong type: function implementation is missing.",
        ),
        (
            '(component (import "call" (func (param "op" string) (result string))))',
            "The component imports call: func(string) -> string, but it must be func(string, "
            "string) -> result<string, string>.",
        ),
        (
            '(component (core module (export "handle")))',
            "The module exports handle: no function, but it must be func(string, string) -> "
            "result<string, string>.",
        ),
        (
            "(component)",
            "The component exports nothing, but no entry point. Looked for: wasmfaas_handle "
            "(reactor) or _start (WASI command) in a core module, handle in a component.",
        ),
        (
            component_exporting("handle", '(param "event" string) (result string)',
                                "(param i32 i32) (result i32)"),
            "The module exports handle: func(string) -> string, but it must be func(string, "
            "string) -> result<string, string>.",
        ),
        (
            component_exporting("handle", '(param "event" (list u8)) (param "c" string) ' + RESULT,
                                "(param i32 i32 i32 i32) (result i32)"),
            "The module exports handle: func(list<u8>, string) -> result<string, string>, but it "
            "must be func(string, string) -> result<string, string>.",
        ),
    ],
)  # fmt: skip
def test_components_that_do_not_fit(inspector: Inspector, text: str, sentence: str) -> None:
    assert refusal(inspector, text) == sentence


def test_what_does_not_validate(inspector: Inspector) -> None:
    wrong_type = bytes(wasmtime.wat2wasm("(module (func (result i32) i64.const 1))"))
    assert refusal(inspector, wrong_type) == (
        "The module is not valid WebAssembly, or uses what is off here: type mismatch: expected "
        "i32, found i64 (at offset 0x1a)."
    )
    threads = f"(module (memory 1 1 shared) {START})"
    assert "threads must be enabled" in refusal(inspector, threads)
    inside = f"(component (core module {'(func (result i32) i64.const 1)'}))"
    assert "type mismatch" in refusal(inspector, inside)
    assert "does not begin with" in refusal(inspector, b"#!/bin/sh\n")


@pytest.mark.parametrize("type_", ["anyref", "exnref", "(ref func)", "(ref null $own)", "i31ref"])
def test_types_that_abort_wasmtime_are_refused_before(inspector: Inspector, type_: str) -> None:
    text = f'(module (type $own (func)) {START} (func (export "f") (param {type_})))'
    assert "not valid WebAssembly, or uses what is off" in refusal(inspector, text)


def test_other_exports_may_have_any_type(inspector: Inspector) -> None:
    text = f'(module {START} (func (export "f") (param v128 externref)) (global (export "g") v128 '
    found = inspect(inspector, text + "(v128.const i64x2 0 0)))")
    assert found.kind is PackageKind.COMMAND


def test_names_from_a_stranger_are_shown_without_harm(inspector: Inspector) -> None:
    names = "".join(
        f'(import "env" "\\1b[31m{"n" * 5000}{number}" (func))' for number in range(100)
    )
    sentence = refusal(inspector, f"(module {names} {START})")
    assert sentence.isprintable()
    assert "and 80 more" in sentence
    assert len(sentence) < 3000


@settings(max_examples=200, deadline=None)
@given(
    text=st.sampled_from([wat.ok("1"), wat.prints(b"1"), wat.component(0, b"1")]),
    at=st.integers(0),
    value=st.integers(0, 255),
)
def test_a_damaged_module_is_inspected_or_refused(text: str, at: int, value: int) -> None:
    wasm = bytearray(wasmtime.wat2wasm(text))
    wasm[at % len(wasm)] = value
    assert outcome(Inspector(wasmtime.Engine()), bytes(wasm)).isprintable()
