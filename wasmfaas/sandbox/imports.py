"""What core modules import, WASI preview 1 and our calls, and the state that it keeps for them.

Open descriptors are the host's, so what a guest does to them is not undone by putting its memory
back. A module that can open none (`exposure`) has just the first few; a small module of ours beside
it looks at those, and tells whether they are still what they were.
"""

from collections.abc import Callable

import wasmtime

from wasmfaas.sandbox.calls import CoreCall
from wasmfaas.sandbox.engine import Engine
from wasmfaas.sandbox.hostcalls import HostCalls
from wasmfaas.sandbox.memory import MemoryAccount

#: Standard streams, /var/task, /tmp, /opt, and what follows, which does not exist.
_DESCRIPTORS = 8
_PROBE_FUEL = 100_000
_PROBE_BYTES = 65536
_PROBE = f"""(module
  (import "wasi_snapshot_preview1" "fd_fdstat_get" (func $stat (param i32 i32) (result i32)))
  (memory (export "memory") 1)
  (func $mix (param $sum i64) (param $more i64) (result i64)
    (i64.add (i64.mul (local.get $sum) (i64.const 6364136223846793005))
             (i64.add (local.get $more) (i64.const 1442695040888963407))))
  (func (export "probe") (result i64) (local $fd i32) (local $sum i64)
    (loop $next
      (i64.store (i32.const 0) (i64.const 0))
      (i64.store (i32.const 8) (i64.const 0))
      (i64.store (i32.const 16) (i64.const 0))
      (local.set $sum (call $mix (local.get $sum)
        (i64.extend_i32_u (call $stat (local.get $fd) (i32.const 0)))))
      (local.set $sum (call $mix (local.get $sum) (i64.load (i32.const 0))))
      (local.set $sum (call $mix (local.get $sum) (i64.load (i32.const 8))))
      (local.set $sum (call $mix (local.get $sum) (i64.load (i32.const 16))))
      (local.set $fd (i32.add (local.get $fd) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $fd) (i32.const {_DESCRIPTORS}))))
    (local.get $sum)))"""


class CoreImports:
    """The linker of core modules, and the probe beside them. Lives as long as the engine."""

    def __init__(self, engine: Engine, calls: HostCalls) -> None:
        self.linker = wasmtime.Linker(engine)
        self.linker.define_wasi()
        calls.define_core(self.linker)
        self._engine = engine
        self._module: wasmtime.Module | None = None

    def prewarm(self) -> None:
        """Compile the probe before it is asked for."""
        if self._module is None:
            self._module = wasmtime.Module(self._engine, _PROBE)

    def probe(self, store: wasmtime.Store) -> Callable[[], int]:
        """A function that sums up the state of the descriptors of *store*.

        It raises Wasmtime's errors, and leaves the store's fuel at an amount of its own.
        """
        self.prewarm()
        assert self._module is not None
        memories = self._engine.memories
        before, memories.account = memories.account, MemoryAccount(_PROBE_BYTES)
        try:
            instance = self.linker.instantiate(store, self._module)
        finally:
            memories.account = before
        function = instance.exports(store)["probe"]
        assert isinstance(function, wasmtime.Func)

        call = CoreCall(store, function, 0)

        def probed() -> int:
            store.set_fuel(_PROBE_FUEL)
            return call.i64()

        return probed
