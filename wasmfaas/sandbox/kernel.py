"""System calls that the standard library does not wrap."""

import ctypes
import os


class Unavailable(Exception):
    """This kernel does not do it; the message says what it answered."""


def call(name: str, *arguments: int) -> int:
    """What libc's function *name* returns. Raises Unavailable for a negative answer."""
    try:
        function = getattr(ctypes.CDLL(None, use_errno=True), name)
    except AttributeError:
        raise Unavailable(f"{name}: not in this libc") from None
    function.restype = ctypes.c_long if name == "syscall" else ctypes.c_int
    outcome: int = function(*(ctypes.c_long(argument) for argument in arguments))
    if outcome < 0:
        raise Unavailable(f"{name}: {os.strerror(ctypes.get_errno())}")
    return outcome


def system_call(number: int, *arguments: int | bytes | None) -> int:
    """The kernel's answer; bytes are handed over as their address, None as null.

    Raises Unavailable for an error.
    """
    buffers = [
        ctypes.create_string_buffer(argument, len(argument))
        if isinstance(argument, bytes)
        else argument
        for argument in arguments
    ]
    words = [ctypes.addressof(b) if isinstance(b, ctypes.Array) else b or 0 for b in buffers]
    return call("syscall", number, *words)
