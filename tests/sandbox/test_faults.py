"""How much of a mapped file becomes present when a little of it is read."""

import ctypes
import mmap
import os
from pathlib import Path

import pytest

from wasmfaas.sandbox.faults import LoneFaults
from wasmfaas.sandbox.memory import LinearMemory, MemoryAccount
from wasmfaas.sandbox.snapshot import Image, PageMap

PAGES = 256
SIZE = PAGES * mmap.PAGESIZE
PRESENT = 1 << 63


def present(address: int) -> list[int]:
    """Which of the pages at *address* are mapped."""
    with open("/proc/self/pagemap", "rb", buffering=0) as file:
        file.seek(address // mmap.PAGESIZE * 8)
        words = memoryview(file.read(PAGES * 8)).cast("Q")
    return [page for page, word in enumerate(words) if word & PRESENT]


def touched(memory: LinearMemory, *pages: int) -> list[int]:
    for page in pages:
        assert ctypes.string_at(memory.base + page * mmap.PAGESIZE, 4) == page.to_bytes(4, "little")
    return present(memory.base)


@pytest.fixture
def image_path(tmp_path: Path) -> Path:
    path = tmp_path / "image"
    content = (page.to_bytes(4, "little").ljust(mmap.PAGESIZE, b"\1") for page in range(PAGES))
    path.write_bytes(b"".join(content))
    return path


@pytest.fixture
def memory(image_path: Path) -> LinearMemory:
    memory = LinearMemory(MemoryAccount(SIZE), SIZE, SIZE, 0)
    descriptor = os.open(image_path, os.O_RDONLY)
    memory.map_file(descriptor, SIZE)
    os.close(descriptor)
    return memory


def test_only_what_is_touched_becomes_present(memory: LinearMemory) -> None:
    faults = LoneFaults()
    if not faults.is_supported:
        pytest.skip("this kernel has no asynchronous write protection")
    faults.apply(memory.base, SIZE)
    assert touched(memory, 100, 7) == [7, 100]
    ctypes.memset(memory.base + 30 * mmap.PAGESIZE, 9, 1)
    assert present(memory.base) == [7, 30, 100]


def test_what_the_kernel_refuses_changes_nothing(memory: LinearMemory) -> None:
    faults = LoneFaults()
    faults.apply(memory.base + 1, SIZE)
    assert 100 in touched(memory, 100)


def test_a_restored_memory_holds_little_beside_what_is_written(
    image_path: Path, memory: LinearMemory
) -> None:
    page_map = PageMap()
    if not page_map.is_supported() or not LoneFaults().is_supported:
        pytest.skip("this kernel is too old")
    before = image_path.read_bytes()
    image = Image.adopt(page_map, memory, str(image_path))
    (part,) = image._parts
    for _ in range(3):
        for page in (3, 90, 200):
            ctypes.memset(memory.base + page * mmap.PAGESIZE + 50, 77, 1000)
        assert image.restore(lambda: None)
        assert present(memory.base) == [3, 90, 200]
        assert present(part._address) == []
    assert ctypes.string_at(memory.base, SIZE) == before
    image.close()
