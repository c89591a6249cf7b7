"""A sandbox's memory image, and the way back to it.

The image's bytes live in a memfd that is mapped, copy-on-write, over the guest's memory. What a
call writes turns file pages into anonymous ones; the kernel lists those (PAGEMAP_SCAN, Linux 6.7),
and just they are copied back.
"""

import ctypes
import mmap
import os
from collections.abc import Sequence

from wasmfaas.sandbox.memory import MAP_FAILED, LinearMemory, libc

_PAGEMAP_SCAN = 0xC0606610
_PAGE_IS_FILE = 1 << 2
_PAGE_IS_PRESENT = 1 << 3
_PAGE_IS_SWAPPED = 1 << 4
_REGIONS_MAX = 4096
_HOLE_BYTES = 64 * 1024


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

    def __init__(self, page_map: PageMap, parts: "Sequence[_Part]") -> None:
        self._page_map = page_map
        self._parts = parts

    @classmethod
    def capture(cls, page_map: PageMap, memories: Sequence[LinearMemory]) -> "Image":
        """What *memories* hold now. Raises OSError, MemoryError."""
        parts = []
        for memory in memories:
            if memory.size:
                descriptor = os.memfd_create("image", os.MFD_CLOEXEC)
                try:
                    write_sparsely(descriptor, memory)
                    memory.map_file(descriptor, memory.size)
                    parts.append(_Part(memory, descriptor))
                finally:
                    os.close(descriptor)
        return cls(page_map, parts)

    @classmethod
    def adopt(cls, page_map: PageMap, memory: LinearMemory, path: str) -> "Image":
        """Let *memory* hold what the file at *path* does. Raises OSError, MemoryError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size != memory.size:
                raise MemoryError("the snapshot is not of the size of the memory")
            memory.map_file(descriptor, memory.size)
            return cls(page_map, [_Part(memory, descriptor)])
        finally:
            os.close(descriptor)

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
    """One memory's share of an image: a second view of the file that the memory is mapped to."""

    def __init__(self, memory: LinearMemory, descriptor: int) -> None:
        self.memory = memory
        self.size = memory.size
        address = libc.mmap(None, self.size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == MAP_FAILED:
            raise MemoryError("cannot map the image")
        self.address: int = address

    def close(self) -> None:
        libc.munmap(self.address, self.size)


def write_sparsely(descriptor: int, memory: LinearMemory) -> None:
    """Write what *memory* holds to an empty file, with holes for what is zero."""
    os.ftruncate(descriptor, memory.size)
    view = memoryview((ctypes.c_char * memory.size).from_address(memory.base)).cast("B")
    zeros = bytes(_HOLE_BYTES)
    for start in range(0, memory.size, _HOLE_BYTES):
        chunk = view[start : start + _HOLE_BYTES]
        if chunk != zeros[: len(chunk)]:
            written = 0
            while written < len(chunk):
                written += os.pwrite(descriptor, chunk[written:], start + written)
