"""That it counts what sandboxes add, and what a kernel says of a process is read right."""

import mmap
import os
from pathlib import Path

import pytest

from bench.failures import NotMeasured
from bench.memory import private
from tests.bench.quick import document


def test_sandboxes_of_both_languages_are_weighed(cache_dir: Path, tmp_path: Path) -> None:
    figures = document("density", cache_dir, tmp_path)["figures"]

    for language in ("python", "c"):
        assert figures[f"{language}_worker_mb"] > 0
        assert figures[f"{language}_private_mb"] < figures[f"{language}_worker_mb"]
    assert figures["python_private_mb"] > 0


def test_what_is_written_to_is_dirty() -> None:
    size = 32 * 1024 * 1024
    before = private([os.getpid()])
    with mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as memory:
        memory.write(b"\1" * size)
        after = private([os.getpid()])

    assert after.dirty - before.dirty >= size * 0.9
    assert after.total == after.dirty + after.clean


def test_a_process_that_has_gone_is_not_measured() -> None:
    process = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(process, 0)

    with pytest.raises(NotMeasured, match="smaps_rollup"):
        private([process])


def test_a_file_in_memory_counts_whether_it_is_mapped_or_not() -> None:
    size = 8 * 1024 * 1024
    before = private([os.getpid()])
    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, b"\1" * size)
        open_only = private([os.getpid()])
        with mmap.mmap(descriptor, size) as memory:
            assert sum(memory[::4096])
            mapped = private([os.getpid()])
    finally:
        os.close(descriptor)

    assert open_only.unmapped - before.unmapped == size
    assert mapped.unmapped == before.unmapped
    assert mapped.total - before.total >= size * 0.9
