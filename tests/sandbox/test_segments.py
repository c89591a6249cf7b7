"""Joined data segments: fewer, and the same memory."""

import pytest
import wasmtime
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmfaas.sandbox import binary, leb
from wasmfaas.sandbox.segments import GAP_BYTES_MAX, joined

_DATA = 11


def module(segments: list[tuple[int, bytes]], *, pages: int = 1, fields: str = "") -> bytes:
    """A module with a memory, and in it *segments*: addresses and bytes."""
    text = " ".join(f'(data (i32.const {address}) "{escaped(data)}")' for address, data in segments)
    return bytes(wasmtime.wat2wasm(f'(module (memory (export "m") {pages}) {fields} {text})'))


def escaped(data: bytes) -> str:
    return "".join(f"\\{byte:02x}" for byte in data)


def memory(wasm: bytes, start: int = 0, stop: int | None = None) -> bytes:
    """What the memory of an instance holds."""
    store = wasmtime.Store()
    instance = wasmtime.Instance(store, wasmtime.Module(store.engine, wasm), [])
    found = instance.exports(store)["m"]
    assert isinstance(found, wasmtime.Memory)
    return bytes(found.read(store, start, stop))


def segments_of(wasm: bytes) -> int:
    contents = [bytes(contents) for number, contents in binary.sections(wasm) if number == _DATA]
    return sum(leb.unsigned(content, 0)[0] for content in contents)


def test_neighbours_are_joined() -> None:
    near, far = 10 + GAP_BYTES_MAX, 11 + 2 * GAP_BYTES_MAX + 1
    wasm = module([(8, b"a"), (9, b"b"), (near, b"c"), (far, b"d"), (7, b"e")])
    assert segments_of(wasm) == 5
    assert segments_of(joined(wasm)) == 2
    assert memory(joined(wasm)) == memory(wasm)
    assert memory(joined(wasm))[7:10] == b"eab"


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.integers(0, 2000) | st.integers(63_000, 65_000), st.binary(max_size=9)),
        max_size=9,
    )
)
def test_the_memory_is_the_same_wherever_segments_are(segments: list[tuple[int, bytes]]) -> None:
    wasm = module(segments)
    assert memory(joined(wasm)) == memory(wasm)
    assert segments_of(joined(wasm)) <= len(segments)


def test_addresses_have_32_bits() -> None:
    half = 1 << 31
    wasm = module([(half - 1, b"a"), (half, b"b"), (half + 99_999, b"c")], pages=32_770)
    assert segments_of(joined(wasm)) == 2
    assert memory(joined(wasm), half - 1, half + 1) == b"ab"
    assert memory(joined(wasm), half + 99_999, half + 100_000) == b"c"


def test_a_segment_out_of_bounds_stays_so() -> None:
    for segments in ([(65_530, b"1234"), (65_534, b"567")], [(1, b"a"), (65_537, b"")]):
        with pytest.raises((wasmtime.Trap, wasmtime.WasmtimeError)):
            memory(joined(module(segments)))


def test_where_they_overlap_their_order_counts() -> None:
    wasm = module([(8, b"abc"), (9, b"12"), (12, b"")])
    assert joined(wasm) == wasm


@pytest.mark.parametrize(
    "fields",
    [
        '(data $d "x") (func (memory.init $d (i32.const 0) (i32.const 0) (i32.const 1)))',
        '(data $d "x") (func (data.drop $d))',
        '(data "passive")',
        "(global i32 (i32.const 5)) (data (global.get 0) \"x\")",
        "(data (i32.add (i32.const 5) (i32.const 6)) \"x\")",
        '(memory 1) (data (memory 1) (i32.const 5) "x")',
    ],
)  # fmt: skip
def test_what_cannot_be_joined_is_left_alone(fields: str) -> None:
    wasm = module([(8, b"a"), (9, b"b")], fields=fields)
    assert joined(wasm) == wasm
