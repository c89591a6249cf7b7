"""What a guest asks the server for: section 12 of `guest-sdks/README.md`.

A host function of ours never raises into Wasmtime: whatever is wrong with a call is its answer.
"""

import ctypes
import json
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgpack
import wasmtime
from wasmtime import component

from wasmfaas import abi
from wasmfaas.sandbox.stream import Inbox

_OK: Final = 0
_ERROR: Final = 1
_MSGPACK: Final = "msgpack"
_JSON: Final = "json"
_UNSIGNED: Final = 0xFFFFFFFF


class HostCalls:
    """Sends the calls of whatever runs in this worker to the server, and waits for the answers.
    Lives as long as the worker.

    *ended* says whether what runs has to end, so that nothing is waited for any more. Nothing is
    sent while it is closed, and nothing of one invocation is left when it is closed.
    """

    def __init__(
        self,
        inbox: Inbox,
        send: Callable[[Mapping[str, Any]], None],
        ended: Callable[[], bool],
    ) -> None:
        self._inbox = inbox
        self._send = send
        self._ended = ended
        self._open = False
        self._number = 0
        #: What a core module may take.
        self._held = b""

    def open(self) -> None:
        """An invocation begins."""
        self._open = True

    def close(self) -> None:
        """It has ended."""
        self._open = False
        self._held = b""

    def define_core(self, linker: wasmtime.Linker) -> None:
        """Offer `call` and `take` to core modules."""
        define_core(linker, self._call, self._take)

    def call_text(self, _: object, operation: str, request: str) -> component.Variant:
        """What components import."""
        ok, answer = self._ask(operation, request.encode("utf-8", "replace"), _JSON)
        return component.Variant("ok" if ok else "err", answer.decode("utf-8", "replace"))

    def _call(
        self, caller: wasmtime.Caller, name: int, name_size: int, request: int, request_size: int
    ) -> int:
        self._held = b""
        name_size, request_size = name_size & _UNSIGNED, request_size & _UNSIGNED
        refusal = _too_long(name_size, request_size)
        operation = None if refusal else _read(caller, name & _UNSIGNED, name_size)
        body = None if refusal else _read(caller, request & _UNSIGNED, request_size)
        if refusal is not None:
            ok, self._held = False, _refused(_MSGPACK, refusal)
        elif operation is None or body is None:
            ok, self._held = False, _refused(_MSGPACK, "the request is outside of memory")
        else:
            ok, self._held = self._ask(operation.decode("utf-8", "replace"), body, _MSGPACK)
        return (_OK if ok else _ERROR) << 32 | len(self._held)

    def _take(self, caller: wasmtime.Caller, address: int, size: int) -> int:
        held, address = self._held, address & _UNSIGNED
        found = _memory(caller)
        if not held or found is None or size & _UNSIGNED < len(held):
            return 0
        base, memory_size = found
        if address + len(held) > memory_size:
            return 0
        ctypes.memmove(base + address, held, len(held))
        self._held = b""
        return len(held)

    def _ask(self, operation: str, request: bytes, form: str) -> tuple[bool, bytes]:
        """Whether that is an answer, and the answer or the error."""
        refusal = _too_long(len(operation.encode("utf-8", "replace")), len(request))
        if refusal is None and not self._open:
            refusal = "calls can be made while an event is handled, and not before"
        if refusal is not None:
            return False, _refused(form, refusal)
        self._number += 1
        call = {"op": "call", "number": self._number, "name": operation, "form": form}
        self._send({**call, "request": request})
        while True:
            answer, self._inbox.called = self._inbox.called, None
            # One for an invocation that did not live to see it may still come.
            if answer is not None and answer["number"] == self._number:
                return bool(answer["ok"]), answer["answer"]
            if self._ended():
                return False, _refused(form, "the invocation has ended")
            self._inbox.wait()


def define_core(
    linker: wasmtime.Linker, call: Callable[..., int], take: Callable[..., int]
) -> None:
    """Let *linker* have what core modules may import of ours. Both get the caller first."""
    i32, i64 = wasmtime.ValType.i32(), wasmtime.ValType.i64()
    for name, kind, function in (
        (abi.IMPORT_CALL, wasmtime.FuncType([i32] * 4, [i64]), call),
        (abi.IMPORT_TAKE, wasmtime.FuncType([i32] * 2, [i32]), take),
    ):
        linker.define_func(abi.CALLS_MODULE, name, kind, function, access_caller=True)


def _too_long(name_size: int, request_size: int) -> str | None:
    for size, most, what in (
        (name_size, abi.CALL_OPERATION_BYTES_MAX, "the name of the operation"),
        (request_size, abi.CALL_REQUEST_BYTES_MAX, "the request"),
    ):
        if size > most:
            return f"{what} has {size} bytes, but at most {most} are allowed"
    return None


def _memory(caller: wasmtime.Caller) -> tuple[int, int] | None:
    """Where the memory that the guest exports is, and its size, as they are now."""
    memory = caller.get(abi.EXPORT_MEMORY)
    if not isinstance(memory, wasmtime.Memory):
        return None
    size = memory.data_len(caller)
    return (ctypes.addressof(memory.data_ptr(caller).contents), size) if size else None


def _read(caller: wasmtime.Caller, address: int, size: int) -> bytes | None:
    """These bytes; None where they are not all in memory."""
    found = _memory(caller)
    if found is None or address + size > found[1]:
        return None
    return ctypes.string_at(found[0] + address, size)


def _refused(form: str, message: str) -> bytes:
    error = {"errorType": "InvalidRequest", "errorMessage": f"{message}."}
    if form == _JSON:
        return json.dumps(error).encode()
    packed: bytes = msgpack.packb(error)
    return packed
