"""Names that hosts and guests agree on. `guest-sdks/README.md` is the normative text."""

#: Version of the guest ABI, as in `guest-sdks/README.md`.
ABI_VERSION = 1

#: The WIT package and world that components implement.
WORLD = "wasmfaas:function/function@1.0.0"
EXPORT_HANDLE = "handle"
EXPORT_INIT = "init"

#: What the Python runtime imports beside WASI, and nothing else may.
IMPORT_EMIT = "emit"

#: What guests ask the server with: of the world of a component, and in a module for core modules.
IMPORT_CALL = "call"
IMPORT_TAKE = "take"
CALLS_MODULE = "wasmfaas"
#: What one call may be, and what it may be answered with.
CALL_OPERATION_BYTES_MAX = 64
CALL_REQUEST_BYTES_MAX = 6_291_456
CALL_ANSWER_BYTES_MAX = 6_291_456

#: Exports of the reactor ABI.
EXPORT_MEMORY = "memory"
EXPORT_REACTOR_ALLOC = "wasmfaas_alloc"
EXPORT_REACTOR_HANDLE = "wasmfaas_handle"
#: Run once before anything else, where a reactor has it (WASI's convention).
EXPORT_REACTOR_INITIALIZE = "_initialize"
#: Where a reactor has it, its state is never put back: what it started with must not repeat.
EXPORT_REACTOR_FRESH = "wasmfaas_fresh"

#: Export of a WASI command.
EXPORT_COMMAND_START = "_start"

#: Import namespaces that are offered to core modules, and prefixes offered to components.
CORE_IMPORT_MODULES = ("wasi_snapshot_preview1", CALLS_MODULE)
COMPONENT_IMPORT_PREFIXES = ("wasi:cli/", "wasi:clocks/", "wasi:filesystem/", "wasi:io/",
                             "wasi:random/", "wasi:sockets/")  # fmt: skip

#: Where a guest finds its package and its layers (both read-only), and its scratch space.
TASK_PATH = "/var/task"
LAYERS_PATH = "/opt"
TMP_PATH = "/tmp"

#: The guest Python that runs every `python3.x` function.
PYTHON_RUNTIMES = tuple(f"python3.{minor}" for minor in range(9, 16))
PROVIDED_RUNTIMES = ("provided.al2023", "provided.al2", "provided")

#: Changes whenever the engine's configuration does, so that no artefact outlives it.
ENGINE_CONFIGURATION = "fuel,epoch,no-cow,no-threads,no-gc,stack-1m;v3"
