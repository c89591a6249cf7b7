"""A sandbox's memory image, and the way back to it.

The image's bytes live in a memfd that is mapped, copy-on-write, over the guest's memory. What a
call writes turns file pages into anonymous ones; the kernel lists those (PAGEMAP_SCAN, Linux 6.7),
and just they are copied back.
"""

import ctypes
import mmap
import os
from collections.abc import Callable, Sequence

from wasmfaas.sandbox.faults import LoneFaults
from wasmfaas.sandbox.memory import MAP_FAILED, LinearMemory, libc

_PAGEMAP_SCAN = 0xC0606610
_PAGE_IS_FILE = 1 << 2
_PAGE_IS_PRESENT = 1 << 3
_PAGE_IS_SWAPPED = 1 << 4
_REGIONS_MAX = 4096
_REGION_BYTES = 24
#: Of one vectored read (UIO_MAXIOV).
_VECTORS_MAX = 1024
_HOLE_BYTES = 64 * 1024
#: Of `st_blocks`, whatever the file system's own are.
_BLOCK_BYTES = 512


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
        self._lone_faults = LoneFaults()
        self._regions = ctypes.create_string_buffer(_REGIONS_MAX * _REGION_BYTES)
        self._address = ctypes.addressof(self._regions)
        # Swapped-out pages of a private file mapping were written to just the same.
        self._request = _ScanRequest(
            size=ctypes.sizeof(_ScanRequest),
            vec=self._address,
            vec_len=_REGIONS_MAX,
            category_inverted=_PAGE_IS_FILE,
            category_mask=_PAGE_IS_FILE,
            category_anyof_mask=_PAGE_IS_PRESENT | _PAGE_IS_SWAPPED,
            return_mask=_PAGE_IS_FILE,
        )

    def is_supported(self) -> bool:
        """Whether this kernel has PAGEMAP_SCAN."""
        try:
            probe = mmap.mmap(-1, mmap.PAGESIZE)
            address = ctypes.addressof(ctypes.c_char.from_buffer(probe))
            self.written(address, mmap.PAGESIZE)
        except OSError:
            return False
        return True

    def prepare(self, start: int, size: int) -> None:
        """Make the mapping of a file at [start, start + size) quick to search."""
        self._lone_faults.apply(start, size)

    def written(self, start: int, size: int) -> bytes:
        """Address ranges in [start, start + size) that are not pages of a file any more, as the
        kernel lists them: triples of 64 bits, first address, end, category.

        Raises OSError where the kernel can't tell.
        """
        request = self._request
        request.start, request.end = start, start + size
        found = b""
        while request.start < request.end:
            count = libc.ioctl(self._descriptor, _PAGEMAP_SCAN, ctypes.byref(request))
            if count < 0:
                raise OSError(ctypes.get_errno(), "PAGEMAP_SCAN")
            found += ctypes.string_at(self._address, count * _REGION_BYTES)
            if count < _REGIONS_MAX:
                break
            request.start = request.walk_end
        return found


class Image:
    """The bytes of a sandbox's memories at one moment. Lives as long as the sandbox."""

    def __init__(
        self, page_map: PageMap, parts: "Sequence[_Part]", empty: Sequence[LinearMemory] = ()
    ) -> None:
        self._page_map = page_map
        self._parts = parts
        self._empty = empty

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
                    page_map.prepare(memory.base, memory.size)
                    held = os.fstat(descriptor).st_blocks * _BLOCK_BYTES
                    parts.append(_Part(memory, descriptor, held))
                finally:
                    os.close(descriptor)
        return cls(page_map, parts, [memory for memory in memories if not memory.size])

    @classmethod
    def adopt(cls, page_map: PageMap, memory: LinearMemory, path: str) -> "Image":
        """Let *memory* hold what the file at *path* does. Raises OSError, MemoryError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            if os.fstat(descriptor).st_size != memory.size:
                raise MemoryError("the snapshot is not of the size of the memory")
            memory.map_file(descriptor, memory.size)
            page_map.prepare(memory.base, memory.size)
            # The file is every sandbox's of the deployment.
            return cls(page_map, [_Part(memory, descriptor, 0)])
        finally:
            os.close(descriptor)

    @property
    def private_bytes(self) -> int:
        """What this sandbox alone holds: its image, unless that is a file that others share, and
        the pages that were written up to the last `restore`, with the copy they are put back
        from."""
        return sum(part.private_bytes for part in self._parts)

    @property
    def has_grown(self) -> bool:
        """Whether a memory is larger than it was."""
        for part in self._parts:
            if part.memory.size != part.size:
                return True
        return any(memory.size for memory in self._empty)

    def restore(self, before_writing: Callable[[], None]) -> bool:
        """Put every byte back; False where a memory grew, so that it can't be done.

        *before_writing* is called before a file is written to.
        """
        if self.has_grown:
            return False
        for part in self._parts:
            written = self._page_map.written(part.memory.base, part.size)
            part.restore(written, before_writing)
        return True

    def close(self) -> None:
        for part in self._parts:
            part.close()


class _Part:
    """One memory's share of an image: a second view of the file that the memory is mapped to."""

    def __init__(self, memory: LinearMemory, descriptor: int, held_bytes: int) -> None:
        self.memory = memory
        self.size = memory.size
        self._held_bytes = held_bytes
        self.private_bytes = held_bytes
        address = libc.mmap(None, self.size, mmap.PROT_READ, mmap.MAP_SHARED, descriptor, 0)
        if address == MAP_FAILED:
            raise MemoryError("cannot map the image")
        self._address: int = address
        self._plan: _Plan | None = None

    def restore(self, written: bytes, before_writing: Callable[[], None]) -> None:
        """Put back the pages that the kernel lists.

        A page that was put back once stays listed, so from call to call the list only grows, and
        soon hardly ever: the way to put it back is prepared.
        """
        if not written:
            return
        if self._plan is None or self._plan.written != written:
            if self._plan is not None:
                self._plan.close()
            before_writing()
            self._plan = _Plan(written, self._address - self.memory.base)
            # Read once, and not to be held on to.
            libc.madvise(self._address, self.size, mmap.MADV_DONTNEED)
            self.private_bytes = self._held_bytes + 2 * self._plan.size
        self._plan.run()

    def close(self) -> None:
        if self._plan is not None:
            self._plan.close()
        libc.munmap(self._address, self.size)


class _Vector(ctypes.Structure):
    """`struct iovec`."""

    _fields_ = [("address", ctypes.c_uint64), ("size", ctypes.c_uint64)]


class _Plan:
    """Puts one list of pages back: their image stands in a file, in order, so that a single read
    distributes it."""

    def __init__(self, written: bytes, shift: int) -> None:
        self.written = written
        numbers = memoryview(written).cast("Q").tolist()
        starts, ends = numbers[0::3], numbers[1::3]
        sizes = [end - start for start, end in zip(starts, ends, strict=True)]
        self.size = sum(sizes)
        self._descriptor = os.memfd_create("pages", os.MFD_CLOEXEC)
        for start, size in zip(starts, sizes, strict=True):
            os.write(self._descriptor, ctypes.string_at(start + shift, size))
        self._reads = []
        offset = 0
        for first in range(0, len(starts), _VECTORS_MAX):
            chosen = slice(first, first + _VECTORS_MAX)
            pairs = list(zip(starts[chosen], sizes[chosen], strict=True))
            total = sum(sizes[chosen])
            vectors = (_Vector * len(pairs))(*(_Vector(*pair) for pair in pairs))
            self._reads.append((vectors, len(pairs), offset, total))
            offset += total

    def run(self) -> None:
        """Raises OSError where not every byte was put back."""
        for vectors, count, offset, total in self._reads:
            if libc.preadv(self._descriptor, vectors, count, offset) != total:
                raise OSError(ctypes.get_errno(), "the image could not be put back")

    def close(self) -> None:
        os.close(self._descriptor)


def write_sparsely(descriptor: int, memory: LinearMemory) -> None:
    """Write what *memory* holds to an empty file, with holes for what is zero."""
    os.ftruncate(descriptor, memory.size)
    view = memoryview((ctypes.c_char * memory.size).from_address(memory.base)).cast("B")
    zeros = bytes(_HOLE_BYTES)
    for start in range(0, memory.size, _HOLE_BYTES):
        chunk = view[start : start + _HOLE_BYTES]
        if libc.memcmp(memory.base + start, zeros, len(chunk)):
            written = 0
            while written < len(chunk):
                written += os.pwrite(descriptor, chunk[written:], start + written)
