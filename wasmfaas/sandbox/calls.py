"""Calls into guests, with the arguments' places made once.

wasmtime-py asks for a function's type at every call, which takes longer than a small guest runs.
What is called here is of types that the ABI fixes and that were checked when it was deployed.
"""

import ctypes
from ctypes import POINTER, byref

import wasmtime
from wasmtime import _bindings, _ffi, component

_BYTES = POINTER(ctypes.c_ubyte)


class CoreCall:
    """A function of a core module that takes i32 numbers. Lives as long as its store."""

    def __init__(self, store: wasmtime.Store, function: wasmtime.Func, parameters: int) -> None:
        self._context = store._context()
        self._function = byref(function._func)
        self._arguments = (_bindings.wasmtime_val_t * max(parameters, 1))()
        for argument in self._arguments:
            argument.kind = _ffi.WASMTIME_I32
        self._count = parameters
        self._result = _bindings.wasmtime_val_t()
        self._result_place = byref(self._result)
        self._keep_alive = function

    def i32(self, *numbers: int) -> int:
        """Call a function that returns an i32; the result is unsigned. Raises Wasmtime's errors."""
        return int(self._call(numbers, 1).of.i32) & 0xFFFFFFFF

    def i64(self, *numbers: int) -> int:
        """As `i32`, of a function that returns an i64."""
        return int(self._call(numbers, 1).of.i64) & 0xFFFFFFFFFFFFFFFF

    def nothing(self, *numbers: int) -> None:
        """As `i32`, of a function that returns nothing."""
        self._call(numbers, 0)

    def _call(self, numbers: tuple[int, ...], results: int) -> _bindings.wasmtime_val_t:
        for argument, number in zip(self._arguments, numbers, strict=False):
            argument.of.i32 = number
        trap = POINTER(_bindings.wasm_trap_t)()
        error = _bindings.wasmtime_func_call(
            self._context, self._function, self._arguments, self._count,
            self._result_place, results, byref(trap),
        )  # fmt: skip
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)
        if trap:
            raise wasmtime.Trap._from_ptr(trap)
        return self._result


class KeptGlobal:
    """What a mutable global of a core module, a number, held when this was made. Lives as long as
    its store."""

    def __init__(self, store: wasmtime.Store, item: wasmtime.Global) -> None:
        self._context = store._context()
        self._global = byref(item._global)
        value = _bindings.wasmtime_val_t()
        _bindings.wasmtime_global_get(self._context, self._global, byref(value))
        self._value = byref(value)
        self._keep_alive = item

    def put_back(self) -> None:
        """Let the global hold it again, to the bit. Raises Wasmtime's errors."""
        error = _bindings.wasmtime_global_set(self._context, self._global, self._value)
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)


class TextCall:
    """A function of a component that takes strings and returns `result<string, string>`. Lives as
    long as its store."""

    def __init__(self, store: wasmtime.Store, function: component.Func, parameters: int) -> None:
        self._context = store._context()
        self._function = byref(function._func)
        self._arguments = (_bindings.wasmtime_component_val_t * parameters)()
        for argument in self._arguments:
            argument.kind = _ffi.WASMTIME_COMPONENT_STRING
        self._count = parameters
        self._keep_alive = function

    def __call__(self, *texts: bytes) -> tuple[bool, bytes]:
        """Whether the answer is the ok arm, and its text. Raises Wasmtime's errors.

        *texts* must be UTF-8: Wasmtime ends the process over anything else.
        """
        for argument, text in zip(self._arguments, texts, strict=True):
            argument.of.string.size = len(text)
            # Borrowed for the call: Wasmtime copies it into the guest.
            argument.of.string.data = ctypes.cast(ctypes.c_char_p(text), _BYTES)
        result = _bindings.wasmtime_component_val_t()
        error = _bindings.wasmtime_component_func_call(
            self._function, self._context, self._arguments, self._count, byref(result), 1
        )
        if error:
            raise wasmtime.WasmtimeError._from_ptr(error)
        try:
            arm = result.of.result
            string = arm.val.contents.of.string
            return bool(arm.is_ok), ctypes.string_at(string.data, string.size)
        finally:
            _bindings.wasmtime_component_val_delete(byref(result))
