"""What is called and set without wasmtime-py's own wrappers."""

import wasmtime

from wasmfaas.sandbox.calls import CoreCall, KeptGlobal

#: The globals start as what no calculation gives; `scramble` sets them, `bits` tells what they are.
GLOBALS = """(module
  (global $a (export "a") (mut i32) (i32.const 0x80000000))
  (global $b (export "b") (mut i64) (i64.const -1))
  (global $c (export "c") (mut f32) (f32.const nan:0x200001))
  (global $d (export "d") (mut f64) (f64.const nan:0x4000000000001))
  (func (export "scramble")
    (global.set $a (i32.const 1)) (global.set $b (i64.const 2))
    (global.set $c (f32.const 3)) (global.set $d (f64.const 4)))
  (func (export "bits") (result i64)
    (i64.xor (i64.xor (i64.extend_i32_u (global.get $a)) (global.get $b))
             (i64.xor (i64.extend_i32_u (i32.reinterpret_f32 (global.get $c)))
                      (i64.rotl (i64.reinterpret_f64 (global.get $d)) (i64.const 7))))))"""


def test_a_global_is_put_back_to_the_bit() -> None:
    engine = wasmtime.Engine()
    store = wasmtime.Store(engine)
    exports = wasmtime.Instance(store, wasmtime.Module(engine, GLOBALS), []).exports(store)
    scramble, bits = exports["scramble"], exports["bits"]
    assert isinstance(scramble, wasmtime.Func)
    assert isinstance(bits, wasmtime.Func)
    kept = []
    for name in "abcd":
        item = exports[name]
        assert isinstance(item, wasmtime.Global)
        kept.append(KeptGlobal(store, item))
    read = CoreCall(store, bits, 0)
    before = read.i64()
    for _ in range(2):
        CoreCall(store, scramble, 0).nothing()
        assert read.i64() != before
        for item in kept:
            item.put_back()
        assert read.i64() == before
