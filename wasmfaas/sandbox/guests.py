"""The ways into a guest: component, reactor, command. `guest-sdks/README.md` is the text that they
implement."""

import json
from typing import Any

import msgpack
import wasmtime
from wasmtime import component

from wasmfaas import abi
from wasmfaas.models import PackageKind
from wasmfaas.sandbox.engine import Engine
from wasmfaas.sandbox.instance import Guest, GuestFailure, Sandbox, too_large
from wasmfaas.sandbox.output import Output


class Linkers:
    """The host's imports, defined once. Lives as long as the engine."""

    def __init__(self, engine: Engine) -> None:
        self.core = wasmtime.Linker(engine)
        self.core.define_wasi()
        self.component = component.Linker(engine)
        self.component.add_wasip2()

    def guest(self, kind: PackageKind) -> Guest:
        """A new way in for one sandbox."""
        match kind:
            case PackageKind.PYTHON | PackageKind.COMPONENT:
                return ComponentGuest(self.component)
            case PackageKind.REACTOR:
                return ReactorGuest(self.core)
            case PackageKind.COMMAND:
                return CommandGuest(self.core)


class ComponentGuest:
    """A component that exports one of our worlds."""

    def __init__(self, linker: component.Linker) -> None:
        self._linker = linker
        self._handle: component.Func | None = None

    def start(self, sandbox: Sandbox) -> None:
        store, compiled = sandbox.store, sandbox.compiled
        assert isinstance(compiled, component.Component)
        store.set_wasi(sandbox.wasi())
        instance = self._linker.instantiate(store, compiled)
        self._handle = instance.get_func(store, abi.EXPORT_HANDLE)
        init = instance.get_func(store, abi.EXPORT_INIT)
        if init is not None:
            _answer(init(store, sandbox.spec.handler))

    def call(self, sandbox: Sandbox, event: bytes, context: str) -> bytes:
        assert self._handle is not None, "call follows start"
        return _answer(self._handle(sandbox.store, event.decode(), context)).encode()


def _answer(result: Any) -> str:
    """The ok arm of *result*. Raises GuestFailure with the error arm's payload."""
    if result.tag == "ok":
        text: str = result.payload
        return text
    try:
        payload = json.loads(result.payload)
    except (ValueError, RecursionError):
        payload = None
    if not isinstance(payload, dict):
        payload = {"errorType": "Unhandled", "errorMessage": result.payload}
    raise GuestFailure.reported(payload)


class ReactorGuest:
    """A core module that exports `wasmfaas_alloc` and `wasmfaas_handle`."""

    def __init__(self, linker: wasmtime.Linker) -> None:
        self._linker = linker

    def start(self, sandbox: Sandbox) -> None:
        store, compiled = sandbox.store, sandbox.compiled
        assert isinstance(compiled, wasmtime.Module)
        store.set_wasi(sandbox.wasi())
        exports = self._linker.instantiate(store, compiled).exports(store)
        memory = exports[abi.EXPORT_MEMORY]
        alloc, handle = exports[abi.EXPORT_REACTOR_ALLOC], exports[abi.EXPORT_REACTOR_HANDLE]
        assert isinstance(memory, wasmtime.Memory)
        assert isinstance(alloc, wasmtime.Func)
        assert isinstance(handle, wasmtime.Func)
        self._memory, self._alloc, self._handle = memory, alloc, handle
        initialize = exports.get(abi.EXPORT_REACTOR_INITIALIZE)
        if isinstance(initialize, wasmtime.Func):
            initialize(store)

    def call(self, sandbox: Sandbox, event: bytes, context: str) -> bytes:
        store = sandbox.store
        envelope: bytes = msgpack.packb({"event": event, "context": context.encode()})
        address = self._alloc(store, len(envelope)) & 0xFFFFFFFF
        if address == 0:
            sandbox.account.refused = True
            raise GuestFailure("Runtime.OutOfMemory", "wasmfaas_alloc returned 0")
        if address + len(envelope) > self._memory.data_len(store):
            raise _invalid(
                f"wasmfaas_alloc({len(envelope)}) returned {address}, which is outside of memory"
            )
        self._memory.write(store, envelope, address)
        packed = self._handle(store, address, len(envelope)) & 0xFFFFFFFFFFFFFFFF
        start, size = packed >> 32, packed & 0xFFFFFFFF
        if start + size > self._memory.data_len(store):
            raise _invalid(f"the answer, {size} bytes at {start}, is outside of memory")
        if size > sandbox.spec.response_bytes_max + 4096:
            raise too_large(sandbox.spec)
        return _open_envelope(bytes(self._memory.read(store, start, start + size)))


def _open_envelope(data: bytes) -> bytes:
    """The answer's JSON text. Raises GuestFailure for an error, or for what is no envelope."""
    try:
        envelope = msgpack.unpackb(data, max_map_len=64, max_array_len=4096, max_ext_len=0)
    except Exception as error:
        raise _invalid(f"the answer is not msgpack: {error}") from None
    if not isinstance(envelope, dict):
        raise _invalid("the answer is not a map")
    if "error" in envelope:
        error = envelope["error"]
        if not isinstance(error, dict):
            raise _invalid("the answer's `error` is not a map")
        raise GuestFailure.reported(error)
    answer = envelope.get("ok")
    if isinstance(answer, str):
        return answer.encode()
    if isinstance(answer, bytes):
        return answer
    raise _invalid("the answer has neither `ok` (JSON text) nor `error` (a map)")


def _invalid(reason: str) -> GuestFailure:
    return GuestFailure("Runtime.InvalidEnvelope", f"The module broke the reactor ABI: {reason}.")


class CommandGuest:
    """A WASI command: every invocation is a run of the program, in an instance of its own."""

    def __init__(self, linker: wasmtime.Linker) -> None:
        self._linker = linker

    def start(self, sandbox: Sandbox) -> None:
        """Nothing: what a command sees is fixed at instantiation, so that waits for the event."""

    def call(self, sandbox: Sandbox, event: bytes, context: str) -> bytes:
        compiled, store = sandbox.compiled, sandbox.store
        assert isinstance(compiled, wasmtime.Module)
        answer = Output(sandbox.spec.response_bytes_max + 1)
        wasi = sandbox.wasi()
        wasi.env = [*sandbox.spec.environment.items(), ("WASMFAAS_CONTEXT", context)]
        wasi.stdout_custom = answer.write
        wasi.stdin_file = sandbox.host.stdin.write(event)
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
            raise too_large(sandbox.spec)
        return _as_json(answer.take())


def _as_json(output: bytes) -> bytes:
    """What a command printed: JSON as it is, nothing as null, any other text as a JSON string."""
    text = output.decode("utf-8", "replace").strip()
    if not text:
        return b"null"
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return json.dumps(output.decode("utf-8", "replace"), ensure_ascii=False).encode()
    return text.encode()
