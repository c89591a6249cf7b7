"""The ways into a guest: component, reactor, command. `guest-sdks/README.md` is the text that they
implement."""

import ctypes
import os
from collections.abc import Callable

import msgpack
import wasmtime
from wasmtime import component

from wasmfaas import abi
from wasmfaas.models import PackageKind, SandboxSpec
from wasmfaas.sandbox.calls import CoreCall, KeptGlobal, TextCall
from wasmfaas.sandbox.engine import Engine
from wasmfaas.sandbox.envelope import (
    check_json,
    invalid,
    open_envelope,
    reported_error,
    text_as_json,
)
from wasmfaas.sandbox.exposure import GLOBAL_PREFIX
from wasmfaas.sandbox.hostcalls import HostCalls
from wasmfaas.sandbox.immortals import immortalize_memory
from wasmfaas.sandbox.imports import CoreImports
from wasmfaas.sandbox.instance import (
    SNAPSHOT_UNUSABLE,
    Guest,
    GuestFailure,
    Sandbox,
    too_large,
)
from wasmfaas.sandbox.memory import LinearMemory
from wasmfaas.sandbox.output import Kept
from wasmfaas.sandbox.stream import Stream


class Linkers:
    """The host's imports, defined once. Lives as long as the engine."""

    def __init__(self, engine: Engine, stream: Stream, calls: HostCalls) -> None:
        self.core = CoreImports(engine, calls)
        self.component = component.Linker(engine)
        self.component.add_wasip2()
        with self.component.root() as root:
            root.add_func(abi.IMPORT_EMIT, stream.emit)
            root.add_func(abi.IMPORT_CALL, calls.call_text)

    def guest(self, kind: PackageKind) -> Guest:
        """A new way in for one sandbox."""
        match kind:
            case PackageKind.PYTHON:
                return PythonGuest(self.component)
            case PackageKind.COMPONENT:
                return ComponentGuest(self.component)
            case PackageKind.REACTOR:
                return ReactorGuest(self.core)
            case PackageKind.COMMAND:
                return CommandGuest(self.core.linker)


class ComponentGuest:
    """A component that exports one of our worlds."""

    def __init__(self, linker: component.Linker) -> None:
        self._linker = linker
        self._handle: TextCall | None = None

    def start(self, sandbox: Sandbox) -> None:
        init = self._instantiate(sandbox)
        if init is not None:
            _answer(*init(sandbox.spec.handler.encode()))

    def restore(self, sandbox: Sandbox) -> bool:
        """What a component holds beside its memory can't be put back."""
        return False

    def _instantiate(self, sandbox: Sandbox) -> TextCall | None:
        """The start-up, where the component has one."""
        store, compiled = sandbox.store, sandbox.compiled
        assert isinstance(compiled, component.Component)
        store.set_wasi(sandbox.wasi())
        instance = self._linker.instantiate(store, compiled)
        handle = instance.get_func(store, abi.EXPORT_HANDLE)
        init = instance.get_func(store, abi.EXPORT_INIT)
        assert handle is not None, "it was inspected"
        self._handle = TextCall(store, handle, 2)
        return None if init is None else TextCall(store, init, 1)

    def call(self, sandbox: Sandbox, event: bytes, context: bytes) -> bytes:
        assert self._handle is not None, "call follows start"
        try:
            event.decode()
        except UnicodeDecodeError as error:
            raise GuestFailure(
                "Runtime.UnmarshalError", f"Unable to unmarshal input: {error}", discard=False
            ) from None
        stream = sandbox.host.stream
        stream.open(sandbox.spec.response_bytes_max)
        try:
            answer = _answer(*self._handle(event, context))
        finally:
            parts = stream.close()
        if stream.exceeded:
            raise too_large(stream.bytes_max)
        if stream.begun and not answer:
            return parts  # those that were not sent on
        if sandbox.spec.kind is not PackageKind.PYTHON:  # which encodes it itself
            check_json(answer)
        return answer


class PythonGuest(ComponentGuest):
    """The Python runtime. Its memory is not in the component but in a file of its own."""

    #: Given instead of a handler, has the runtime open what it keeps open, and import nothing; or
    #: after a handler, ends its start-up.
    _NO_HANDLER = b""

    def __init__(self, linker: component.Linker) -> None:
        super().__init__(linker)
        #: Whether another sandbox becomes like this one by taking its memory over.
        self.can_be_adopted = False

    def start(self, sandbox: Sandbox) -> None:
        spec = sandbox.spec
        assert spec.memory_path is not None, "the runtime comes with its memory"
        if spec.snapshot_path is not None:
            sandbox.account.bytes_first = _snapshot_bytes(spec)
        init = self._instantiate(sandbox)
        assert init is not None, "the runtime has a start-up"
        (memory,) = sandbox.account.memories
        with open(spec.memory_path, "rb") as image:
            memory.map_file(image.fileno(), os.path.getsize(spec.memory_path))
        if spec.snapshot_path is not None:
            _answer(*init(self._NO_HANDLER))
            sandbox.adopt(memory, spec.snapshot_path)
            self.can_be_adopted = True
        else:
            _, objects, types, *more = _answer(*init(spec.handler.encode())).split(b" ")
            immortalize_memory(memory, int(objects), int(types))
            _answer(*init(self._NO_HANDLER))
            self.can_be_adopted = not more

    def restore(self, sandbox: Sandbox) -> bool:
        """The runtime is ours, so this is known: a call that returns leaves globals and tables as
        they were, and what libc opens at first use was open before the image."""
        return True


def _snapshot_bytes(spec: SandboxSpec) -> int:
    """Raises GuestFailure where there is no snapshot, or not one of this function's."""
    assert spec.snapshot_path is not None
    try:
        size = os.path.getsize(spec.snapshot_path)
    except OSError as error:
        raise GuestFailure(SNAPSHOT_UNUSABLE, str(error)) from error
    if size > spec.memory_bytes_max:
        raise GuestFailure(SNAPSHOT_UNUSABLE, f"it has {size} bytes")
    return size


def _answer(ok: bool, text: bytes) -> bytes:
    """*text*, of the ok arm. Raises GuestFailure with the error arm's payload."""
    if ok:
        return text
    raise GuestFailure.reported(reported_error(text.decode("utf-8", "replace")))


class ReactorGuest:
    """A core module that exports `wasmfaas_alloc` and `wasmfaas_handle`."""

    def __init__(self, imports: CoreImports) -> None:
        self._imports = imports
        #: Mutable globals, with what they held after start-up.
        self._globals: list[KeptGlobal] = []
        self._probe: Callable[[], int] | None = None
        self._descriptors = 0
        self._memory_bytes = 0

    def start(self, sandbox: Sandbox) -> None:
        store, compiled = sandbox.store, sandbox.compiled
        assert isinstance(compiled, wasmtime.Module)
        store.set_wasi(sandbox.wasi())
        exports = self._imports.linker.instantiate(store, compiled).exports(store)
        memory = exports[abi.EXPORT_MEMORY]
        alloc, handle = exports[abi.EXPORT_REACTOR_ALLOC], exports[abi.EXPORT_REACTOR_HANDLE]
        assert isinstance(memory, wasmtime.Memory)
        assert isinstance(alloc, wasmtime.Func)
        assert isinstance(handle, wasmtime.Func)
        self._memory = memory
        self._own_memory = _own(memory, store, sandbox)
        self._alloc, self._handle = CoreCall(store, alloc, 1), CoreCall(store, handle, 2)
        initialize = exports.get(abi.EXPORT_REACTOR_INITIALIZE)
        if isinstance(initialize, wasmtime.Func):
            CoreCall(store, initialize, 0).nothing()
        if sandbox.spec.restorable:
            self._globals = [
                KeptGlobal(store, item)
                for name, item in exports.items()
                if name.startswith(GLOBAL_PREFIX) and isinstance(item, wasmtime.Global)
            ]
            self._memory_bytes = memory.data_len(store)
            left = store.get_fuel()
            self._probe = self._imports.probe(store)
            self._descriptors = self._probe()
            store.set_fuel(left)

    def restore(self, sandbox: Sandbox) -> bool:
        """Put the globals and the size of the memory back, where nothing else changed that can't
        be."""
        try:
            if self._probe is None or self._probe() != self._descriptors:
                return False
            self._shrink(sandbox)
            for item in self._globals:
                item.put_back()
        except (wasmtime.WasmtimeError, wasmtime.Trap, MemoryError):
            return False
        return True

    def _shrink(self, sandbox: Sandbox) -> None:
        """With several memories it is not known which is the exported one; `Image.restore` then
        refuses what has grown."""
        memories = sandbox.account.memories
        if len(memories) == 1 and memories[0].size > self._memory_bytes:
            memories[0].shrink(self._memory_bytes)
            self._memory.grow(sandbox.store, 0)
            if self._memory.data_len(sandbox.store) != self._memory_bytes:
                raise MemoryError("the instance did not notice that its memory shrank")

    def call(self, sandbox: Sandbox, event: bytes, context: bytes) -> bytes:
        envelope: bytes = msgpack.packb({"event": event, "context": context})
        address = self._alloc.i32(len(envelope))
        if address == 0:
            sandbox.account.refused = True
            raise GuestFailure("Runtime.OutOfMemory", "wasmfaas_alloc returned 0")
        memory = self._own_memory
        if address + len(envelope) > memory.size:
            raise invalid(
                f"wasmfaas_alloc({len(envelope)}) returned {address}, which is outside of memory"
            )
        memory.write(address, envelope)
        packed = self._handle.i64(address, len(envelope))
        start, size = packed >> 32, packed & 0xFFFFFFFF
        if start + size > memory.size:
            raise invalid(f"the answer, {size} bytes at {start}, is outside of memory")
        if size > sandbox.spec.response_bytes_max + 4096:
            raise too_large(sandbox.spec.response_bytes_max)
        answer = open_envelope(memory.read(start, size))
        check_json(answer)
        return answer


def _own(memory: wasmtime.Memory, store: wasmtime.Store, sandbox: Sandbox) -> LinearMemory:
    """The memory that an instance exports, as we hold it: asking Wasmtime where it is costs a call
    back to us each time."""
    address = ctypes.addressof(memory.data_ptr(store).contents)
    return next(own for own in sandbox.account.memories if own.base == address)


class CommandGuest:
    """A WASI command: every invocation is a run of the program, in an instance of its own."""

    def __init__(self, linker: wasmtime.Linker) -> None:
        self._linker = linker

    def start(self, sandbox: Sandbox) -> None:
        """Nothing: what a command sees is fixed at instantiation, so that waits for the event."""

    def restore(self, sandbox: Sandbox) -> bool:
        """A program runs once."""
        return False

    def call(self, sandbox: Sandbox, event: bytes, context: bytes) -> bytes:
        compiled, store = sandbox.compiled, sandbox.store
        assert isinstance(compiled, wasmtime.Module)
        answer = Kept(sandbox.spec.response_bytes_max + 1)
        wasi = sandbox.wasi()
        wasi.env = [*sandbox.spec.environment.items(), ("WASMFAAS_CONTEXT", context.decode())]
        wasi.stdout_custom = answer.write
        sandbox.host.scratch.lift()
        try:
            wasi.stdin_file = sandbox.host.stdin.write(event)
        except OSError as error:
            text = f"The event could not be stored for the command to read: {error.strerror}."
            raise GuestFailure("Runtime.StorageFull", text) from error
        sandbox.host.scratch.begin(sandbox.spec.tmp_bytes_max)
        store.set_wasi(wasi)
        sandbox.host.engine.memories.account = sandbox.account
        try:
            instance = self._linker.instantiate(store, compiled)
        finally:
            sandbox.host.engine.memories.account = None
        start = instance.exports(store)[abi.EXPORT_COMMAND_START]
        assert isinstance(start, wasmtime.Func)
        try:
            start(store)
        except wasmtime.ExitTrap as error:
            if error.code != 0:
                raise
        if answer.dropped:
            raise too_large(sandbox.spec.response_bytes_max)
        return text_as_json(answer.take())
