"""The one engine configuration, shared by compiler and workers: artefacts of the one must load in
the other. A change here changes `abi.ENGINE_CONFIGURATION`."""

import wasmtime
from wasmtime import _bindings

from wasmfaas.sandbox.memory import MemoryCreator

STACK_BYTES_MAX = 1024 * 1024
#: At 8 bytes an element, tables together hold 128 MB at most, the least MemorySize.
TABLE_ELEMENTS_MAX = 1_000_000
TABLES_MAX = 16
MEMORIES_MAX = 100
INSTANCES_MAX = 100


class Engine(wasmtime.Engine):
    """A Wasmtime engine and the creator of its memories. Lives as long as the process, which must
    end by `os._exit`: Wasmtime's threads may still call what the interpreter has taken down."""

    def __init__(self) -> None:
        self.memories = MemoryCreator()
        config = wasmtime.Config()
        config.consume_fuel = True
        config.epoch_interruption = True
        config.max_wasm_stack = STACK_BYTES_MAX
        # Shared memories would outlive a reset, and threads would outlive an invocation.
        config.wasm_threads = False
        config.shared_memory = False
        # Not in WebAssembly 2.0; and Wasmtime's C API aborts the process when it is asked for the
        # type of an export that mentions a reference to anything but functions and host values.
        config.wasm_gc = False
        config.wasm_function_references = False
        config.wasm_exceptions = False
        # Both would make memory limits meaningless to the accounts of `memory`.
        config.wasm_memory64 = False
        config.wasm_custom_page_sizes = False
        # The same answer, and the same fuel, on every machine.
        config.wasm_relaxed_simd_deterministic = True
        # Wasmtime aborts if it finds copy-on-write images beside a host memory creator.
        config.memory_init_cow = False
        _bindings.wasmtime_config_host_memory_creator_set(config.ptr(), self.memories.pointer)
        super().__init__(config)


def new_engine() -> Engine:
    """The engine of this process; both the compiler and a worker make exactly one."""
    return Engine()
