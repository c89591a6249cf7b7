"""A sandbox's memory image, and the way back to it.

The image's bytes live in a memfd that is mapped, copy-on-write, over the guest's memory. What a
call writes turns file pages into anonymous ones; the kernel lists those (PAGEMAP_SCAN, Linux 6.7),
and just they are copied back.
"""

import ctypes
import mmap
import os
from collections.abc import Sequence

from wasmfaas.sandbox.memory import READ_WRITE, LinearMemory, libc

_PAGEMAP_SCAN = 0xC0606610
_PAGE_IS_FILE = 1 << 2
_PAGE_IS_PRESENT = 1 << 3
_PAGE_IS_SWAPPED = 1 << 4
_REGIONS_MAX = 4096
_MAP_FIXED = 0x10


class _Region(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint64) for name in ("start", "end", "categories")]


class _ScanRequest(ctypes.Structure):
    """`struct pm_scan_arg` of linux/fs.h."""

    _fields_ = [
        (name, ctypes.c_uint64)
        for name in (
            "size", "flags", "start", "end", "walk_end", "vec", "vec_len", "max_pages",
            "category_inverted", "category_mask", "category_anyof_mask", "return_mask",
        )
    ]  # fmt: skip


class PageMap:
    """Lists the pages of this process that were written to. Lives as long as the process, and is
    opened before the jail closes /proc."""

    def __init__(self) -> None:
        self._descriptor = os.open("/proc/self/pagemap", os.O_RDONLY | os.O_CLOEXEC)
        self._regions = (_Region * _REGIONS_MAX)()

    def is_supported(self) -> bool:
        """Whether this kernel has PAGEMAP_SCAN."""
        try:
            probe = mmap.mmap(-1, mmap.PAGESIZE)
            address = ctypes.addressof(ctypes.c_char.from_buffer(probe))
            self.written(address, mmap.PAGESIZE)
        except OSError:
            return False
        return True

    def written(self, start: int, size: int) -> list[tuple[int, int]]:
        """Address ranges in [start, start + size) that are not pages of a file any more.

        Raises OSError where the kernel can't tell.
        """
        # Swapped-out pages of a private file mapping were written to just the same.
        request = _ScanRequest(
            size=ctypes.sizeof(_ScanRequest),
            start=start,
            end=start + size,
            vec=ctypes.addressof(self._regions),
            vec_len=_REGIONS_MAX,
            category_inverted=_PAGE_IS_FILE,
            category_mask=_PAGE_IS_FILE,
            category_anyof_mask=_PAGE_IS_PRESENT | _PAGE_IS_SWAPPED,
            return_mask=_PAGE_IS_FILE,
        )
        found: list[tuple[int, int]] = []
        while request.start < request.end:
            count = libc.ioctl(
                self._descriptor, ctypes.c_ulong(_PAGEMAP_SCAN), ctypes.byref(request)
            )
            if count < 0:
                raise OSError(ctypes.get_errno(), "PAGEMAP_SCAN")
            found += [(region.start, region.end) for region in self._regions[:count]]
            if count < _REGIONS_MAX:
                break
            request.start = request.walk_end
        return found


class Image:
    """The bytes of a sandbox's memories at one moment. Lives as long as the sandbox."""

    def __init__(self, page_map: PageMap, memories: Sequence[LinearMemory]) -> None:
        self._page_map = page_map
        self._parts = [_Part(memory) for memory in memories if memory.size]

    def restore(self) -> bool:
        """Put every byte back; False where a memory grew, so that it can't be done."""
        if any(part.memory.size != part.size for part in self._parts):
            return False
        for part in self._parts:
            shift = part.address - part.memory.base
            for start, end in self._page_map.written(part.memory.base, part.size):
                ctypes.memmove(start, start + shift, end - start)
        return True

    def close(self) -> None:
        for part in self._parts:
            part.close()


class _Part:
    """One memory's share of an image."""

    def __init__(self, memory: LinearMemory) -> None:
        self.memory = memory
        self.size = memory.size
        descriptor = os.memfd_create("image", os.MFD_CLOEXEC)
        try:
            _write_all(descriptor, memory.base, memory.size)
            self._map = mmap.mmap(descriptor, self.size, mmap.MAP_SHARED, READ_WRITE)
            flags = mmap.MAP_PRIVATE | _MAP_FIXED
            address = libc.mmap(memory.base, self.size, READ_WRITE, flags, descriptor, 0)
            if address != memory.base:
                raise MemoryError("cannot map the image over the memory")
        finally:
            os.close(descriptor)
        self._view: ctypes.Array[ctypes.c_char] | None = (ctypes.c_char * self.size).from_buffer(
            self._map
        )
        self.address = ctypes.addressof(self._view)

    def close(self) -> None:
        self._view = None
        self._map.close()


def _write_all(descriptor: int, address: int, size: int) -> None:
    view = memoryview((ctypes.c_char * size).from_address(address))
    written = 0
    while written < size:
        written += os.write(descriptor, view[written:])
