"""Reactors that keep something for their next invocation, each in its own way.

`STATEFUL` maps a name to a module as WebAssembly text. It answers `0` while nothing carries over,
whatever the event, and answers another number, or traps, once something does.
"""

from tests.sandbox.wat import CREATE, EXCLUSIVE, EXISTS, TMP_DIR, opens, reactor, says

_COUNT_A_BYTE = "(i32.store8 (i32.const {0}) (i32.add (i32.load8_u (i32.const {0})) (i32.const 1)))"
_COUNT_A_GLOBAL = "(global.set $g (i32.add (global.get $g) (i32.const 1)))"
#: Every envelope begins with the same bytes: a copy of them elsewhere is of an earlier one.
_SCAN = """
  (loop $next
    (if (i64.eq (i64.load (local.get $at)) (i64.load (local.get $ptr)))
      (then (if (i32.ne (local.get $at) (local.get $ptr)) (then (local.set $i (i32.const 1))))))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (br_if $next (i32.le_u (local.get $at) (i32.sub (i32.mul (memory.size) (i32.const 65536))
                                                    (i32.const 8)))))
  (memory.copy (i32.const 131072) (local.get $ptr) (local.get $len))"""

STATEFUL: dict[str, str] = {
    "memory": reactor(says("(i32.load8_u (i32.const 512))" + _COUNT_A_BYTE.format(512))),
    "last-byte-of-memory": reactor(
        says("(i32.load8_u (i32.const 196607))" + _COUNT_A_BYTE.format(196607))
    ),
    "an-earlier-event": reactor(_SCAN + says("(local.get $i)")),
    "size-of-memory": reactor(
        says("(i32.sub (memory.size) (i32.const 3)) (drop (memory.grow (i32.const 1)))")
    ),
    "hidden-global": reactor(
        says("(global.get $g)" + _COUNT_A_GLOBAL), rest="(global $g (mut i32) (i32.const 0))"
    ),
    "exported-global": reactor(
        says("(global.get $g)" + _COUNT_A_GLOBAL),
        rest='(global $g (export "g") (mut i32) (i32.const 0))',
    ),
    "global-reference": reactor(
        says("(i32.eqz (ref.is_null (global.get $g))) (global.set $g (ref.func $handle))"),
        rest="(global $g (mut funcref) (ref.null func)) (elem declare func $handle)",
    ),
    "entry-of-a-table": reactor(
        says(
            "(i32.eqz (ref.is_null (table.get $t (i32.const 0))))"
            "(table.set $t (i32.const 0) (ref.func $handle))"
        ),
        rest="(table $t 1 funcref) (elem declare func $handle)",
    ),
    "size-of-a-table": reactor(
        says("(table.size $t) (drop (table.grow $t (ref.null func) (i32.const 1)))"),
        rest="(table $t 0 funcref)",
    ),
    "dropped-data": reactor(
        "(memory.init $d (i32.const 512) (i32.const 0) (i32.const 1)) (data.drop $d)"
        + says("(i32.const 0)"),
        rest='(data $d "x")',
    ),
    "dropped-elements": reactor(
        "(table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e)"
        + says("(i32.const 0)"),
        rest="(table $t 1 funcref) (elem $e func $handle)",
    ),
    "second-memory": reactor(
        says(
            "(i32.load8_u $m (i32.const 0))"
            "(i32.store8 $m (i32.const 0) (i32.add (i32.load8_u $m (i32.const 0)) (i32.const 1)))"
        ),
        rest="(memory $m 1)",
    ),
    "second-memory-that-begins-empty": reactor(
        says("(memory.size $m) (drop (memory.grow $m (i32.const 1)))"),
        rest="(memory $m 0)",
    ),
    "file-in-tmp": opens(
        TMP_DIR, b"left", CREATE | EXCLUSIVE,
        more=says(f"(i32.eq (local.get $i) (i32.const {EXISTS}))"),
    ),
    "open-descriptor": opens(
        TMP_DIR, b"open", CREATE,
        more=says("(i32.sub (i32.load (i32.const 2048)) (i32.const 6))"),
    ),
}  # fmt: skip
