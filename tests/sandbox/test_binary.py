"""Reading the binary format, against Wasmtime's own reading of the same bytes."""

import pytest
import wasmtime
from hypothesis import given
from hypothesis import strategies as st
from wasmtime import component

from tests.sandbox import wat
from wasmfaas.sandbox import binary

MODULE = b"\0asm\x01\0\0\0"
COMPONENT = b"\0asm\x0d\0\x01\0"


def number(value: int) -> bytes:
    """LEB128."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def section(identifier: int, contents: bytes) -> bytes:
    return bytes([identifier]) + number(len(contents)) + contents


def exports(wasm: bytes) -> list[tuple[str, str]]:
    module = wasmtime.Module(wasmtime.Engine(), wasm)
    return [(export.name, type(export.type).__name__) for export in module.exports]


@pytest.mark.parametrize("text", [wat.ok("1"), wat.prints(b"1"), wat.reactor(wat.ZERO, rest="""
    (global (export "state") (mut i32) (i32.const 0)) (table (export "table") 4 8 funcref)
    (elem (i32.const 0) $alloc) (start $started) (func $started)""")],
    ids=["reactor", "command", "more"])  # fmt: skip
def test_a_skeleton_has_the_types_without_the_code(text: str) -> None:
    wasm = bytes(wasmtime.wat2wasm(text))
    outline = binary.outline(wasm)
    assert exports(outline.skeleton) == exports(wasm)
    assert outline.modules == [wasm]
    assert not outline.is_component


def test_a_skeleton_traps_where_there_was_code() -> None:
    skeleton = binary.outline(bytes(wasmtime.wat2wasm(wat.reactor(wat.ZERO)))).skeleton
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    module = wasmtime.Module(engine, skeleton)
    handle = wasmtime.Instance(store, module, []).exports(store)["wasmfaas_handle"]
    assert isinstance(handle, wasmtime.Func)
    with pytest.raises(wasmtime.Trap) as trapped:
        handle(store, 0, 0)
    assert trapped.value.trap_code is wasmtime.TrapCode.UNREACHABLE


def test_a_components_modules_are_found_and_cut() -> None:
    wasm = bytes(wasmtime.wat2wasm(wat.component(0, b"x" * 5000)))
    outline = binary.outline(wasm)
    assert outline.is_component
    assert len(outline.skeleton) < 1000
    (module,) = outline.modules
    assert ("handle", "FuncType") in exports(module)
    engine = wasmtime.Engine()
    assert list(component.Component(engine, outline.skeleton).type.exports(engine)) == ["handle"]


def test_memories_and_tables_are_counted() -> None:
    wasm = wasmtime.wat2wasm(
        """(module (memory 2) (memory 3 70) (table 5 funcref) (table 300 1000 externref)
        (table 7 (ref null func)) (table 9 (ref func) (ref.func $f)) (table 11 funcref)
        (func $f) (elem declare func $f))"""
    )
    found = binary.needs(bytes(wasm))
    assert found.memories == [2 * 65536, 3 * 65536]
    # What follows a table with an initial value is not looked at.
    assert found.tables == [5, 300, 7, 9]


def test_exports_are_told_with_their_types() -> None:
    wasm = wasmtime.wat2wasm(
        """(module
          (import "a" "f" (func (param i64))) (import "a" "t" (table 1 2 funcref))
          (import "a" "m" (memory 1)) (import "a" "g" (global (mut f64)))
          (import "a" "h" (func (result f32)))
          (type $big (func (param i32 v128) (result externref funcref)))
          (func (export "big") (type $big) unreachable) (func (export "none"))
          (export "f" (func 0)) (export "h" (func 1)) (export "t" (table 0))
          (export "m" (memory 0)) (export "g" (global 0)))"""
    )
    assert binary.exports(bytes(wasm)) == {
        "big": "(i32, v128) -> (externref, funcref)",
        "none": "() -> ()",
        "f": "(i64) -> ()",
        "h": "() -> f32",
        "t": "table",
        "m": "memory",
        "g": "global",
    }


@pytest.mark.parametrize(
    ("wasm", "clause"),
    [
        (b"", "does not begin with"),
        (b"PK\x03\x04", "does not begin with"),
        (b"\0asm\x02\0\0\0", "its version, 02 00 00 00, is not known"),
        (b"\0asm", "its version, missing, is not known"),
        (MODULE + b"\x01", "ends in the middle"),
        (MODULE + b"\x01\x05ab", "ends in the middle"),
        (MODULE + b"\x01" + b"\xff" * 12, "longer than 64 bits"),
        (COMPONENT + section(1, b"junk"), "does not begin with"),
        (MODULE + section(10, number(2**40)), "more than 250000 functions"),
        (MODULE + section(0, b"") * 100_001, "more than 100000 sections"),
    ],
)
def test_what_is_no_module_is_said_to_be_none(wasm: bytes, clause: str) -> None:
    with pytest.raises(binary.Malformed, match=clause):
        binary.outline(wasm)


def test_components_nest_so_deep_and_no_deeper() -> None:
    nested = COMPONENT
    for _ in range(binary.NESTING_MAX):
        nested = COMPONENT + section(4, nested)
    assert binary.outline(nested).is_component
    with pytest.raises(binary.Malformed, match="nested more than 16 deep"):
        binary.outline(COMPONENT + section(4, nested))


def reading(wasm: bytes) -> str:
    """How reading all of *wasm* ends."""
    try:
        for module in binary.outline(wasm).modules:
            binary.needs(module)
            binary.exports(module)
    except binary.Malformed as error:
        return str(error)
    return "read"


@given(
    text=st.sampled_from([wat.ok("1"), wat.component(0, b"1")]),
    at=st.integers(0),
    value=st.integers(0, 255),
    keep=st.none() | st.integers(0),
)
def test_damaged_modules_are_read_or_refused(
    text: str, at: int, value: int, keep: int | None
) -> None:
    wasm = bytearray(wasmtime.wat2wasm(text))
    wasm[at % len(wasm)] = value
    assert reading(bytes(wasm if keep is None else wasm[: keep % len(wasm)]))
