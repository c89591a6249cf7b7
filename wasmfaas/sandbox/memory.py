"""Linear memories that we allocate ourselves, through Wasmtime's host memory creator.

Owning the pages is what lets us bound all memories of a sandbox together, tell a refused growth
from any other failure, report the peak, and put the bytes back to an image (`snapshot`).
"""

import ctypes
import mmap
from typing import Any

from wasmtime import _bindings

READ_WRITE = mmap.PROT_READ | mmap.PROT_WRITE
PAGE_BYTES = mmap.PAGESIZE
#: Compiled code elides bounds checks that this much address space makes needless.
_RESERVED_BYTES_MIN = 1 << 32
_MAP_FIXED = 0x10
_MAP_NORESERVE = 0x4000
MAP_FAILED = ctypes.c_void_p(-1).value
_NO_FINALIZER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)

libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [
    ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long,
]  # fmt: skip
libc.ioctl.argtypes = [ctypes.c_int, ctypes.c_ulong, ctypes.c_void_p]
libc.preadv.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_long]
libc.preadv.restype = ctypes.c_ssize_t
libc.mprotect.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
libc.memcmp.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t]
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


class MemoryAccount:
    """What the memories of one sandbox hold together. Lives as long as the sandbox."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_max = bytes_max
        #: What the next memory is to hold from the start, where that is more than it asks for.
        self.bytes_first = 0
        self.memories: list[LinearMemory] = []
        #: Whether a memory, or its growth, was refused since the flag was last cleared.
        self.refused = False

    @property
    def bytes_used(self) -> int:
        return sum(memory.size for memory in self.memories)

    def admit(self, bytes_more: int) -> bool:
        """Whether *bytes_more* may be added; remembers a refusal."""
        if self.bytes_used + bytes_more > self.bytes_max:
            self.refused = True
            return False
        return True


class LinearMemory:
    """One guest memory: `base` is its address, `size` its length in bytes."""

    def __init__(self, account: MemoryAccount, size: int, reserved: int, guard: int) -> None:
        """Raises MemoryError where the address space is exhausted."""
        self.account = account
        self.size = size
        self.reserved = max(reserved, _RESERVED_BYTES_MIN)
        self._mapped = self.reserved + guard
        flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
        base = libc.mmap(None, self._mapped, 0, flags, -1, 0)
        if base == MAP_FAILED:
            raise MemoryError(f"cannot reserve {self._mapped} bytes of address space")
        self.base: int = base
        libc.mprotect(self.base, size, READ_WRITE)
        #: Whether Wasmtime has given it back.
        self.freed = False
        # What Wasmtime calls for as long as the memory exists.
        self.callbacks = (
            _bindings.wasmtime_memory_get_callback_t(self._get),
            _bindings.wasmtime_memory_grow_callback_t(self._grow),
            _NO_FINALIZER(self._free),
        )

    def map_file(self, descriptor: int, size: int) -> None:
        """Let the first *size* bytes be those of a file, of which what is written becomes private.

        Raises MemoryError.
        """
        size = -(-size // PAGE_BYTES) * PAGE_BYTES
        flags = mmap.MAP_PRIVATE | _MAP_FIXED
        if size > self.size or (
            libc.mmap(self.base, size, READ_WRITE, flags, descriptor, 0) != self.base
        ):
            raise MemoryError(f"cannot map {size} bytes over a memory of {self.size}")

    def write(self, address: int, data: bytes) -> None:
        """Store *data*, which has to be within bounds."""
        ctypes.memmove(self.base + address, data, len(data))

    def read(self, address: int, size: int) -> bytes:
        """The *size* bytes at *address*, which have to be within bounds."""
        return ctypes.string_at(self.base + address, size)

    def shrink(self, size: int) -> None:
        """Give back what is beyond *size*: out of bounds again, and zero when it is grown into.

        The instance goes by a length of its own, which it reads anew when it is told to grow by
        nothing. Raises MemoryError.
        """
        start, length = self.base + size, self.size - size
        if libc.madvise(start, length, mmap.MADV_DONTNEED) or libc.mprotect(start, length, 0):
            raise MemoryError(f"cannot shrink a memory to {size} bytes")
        self.size = size

    def _get(self, _env: int, size: Any, capacity: Any) -> int:
        size[0], capacity[0] = self.size, self.reserved
        return self.base

    def _grow(self, _env: int, new_size: int) -> int:
        if not self.account.admit(new_size - self.size):
            return _refusal("memory limit of the function reached")
        if libc.mprotect(self.base, new_size, READ_WRITE):
            self.account.refused = True
            return _refusal("the machine is out of memory")
        self.size = new_size
        return 0

    def _free(self, _env: int) -> None:
        libc.munmap(self.base, self._mapped)
        self.freed = True


class MemoryCreator:
    """Hands Wasmtime its memories. Lives as long as its engine; `account` is set by whoever
    instantiates, for the duration of that call (a worker has one thread)."""

    def __init__(self) -> None:
        self.account: MemoryAccount | None = None
        #: Kept for as long as Wasmtime may call them back, whoever else has forgotten them.
        self._alive: list[LinearMemory] = []
        self._new_memory = _bindings.wasmtime_new_memory_callback_t(self._create)
        self.pointer = ctypes.pointer(
            _bindings.wasmtime_memory_creator(None, self._new_memory, ctypes.cast(0, _NO_FINALIZER))
        )

    def _create(
        self,
        _env: int,
        _type: Any,
        minimum: int,
        _maximum: int,
        reserved: int,
        guard: int,
        out: Any,
    ) -> int:
        account = self.account
        size = max(minimum, account.bytes_first) if account is not None else minimum
        if account is None or not account.admit(size):
            return _refusal("memory limit of the function reached at instantiation")
        try:
            memory = LinearMemory(account, size, reserved, guard)
        except MemoryError as error:
            return _refusal(str(error))
        account.memories.append(memory)
        self._alive = [other for other in self._alive if not other.freed]
        self._alive.append(memory)
        out[0].env = None
        out[0].get_memory, out[0].grow_memory, out[0].finalizer = memory.callbacks
        return 0


def _refusal(reason: str) -> int:
    """A `wasmtime_error_t` that Wasmtime will own, as an address."""
    error = _bindings.wasmtime_error_new(ctypes.create_string_buffer(reason.encode()))
    return ctypes.cast(error, ctypes.c_void_p).value or 0
