"""That it counts what sandboxes add, and what a kernel says of a process is read right."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.failures import NotMeasured
from bench.memory import private
from tests.bench.quick import ROOT, document

MIB = 1024 * 1024


def test_sandboxes_of_both_languages_are_weighed(cache_dir: Path, tmp_path: Path) -> None:
    figures = document("density", cache_dir, tmp_path)["figures"]

    for language in ("python", "c"):
        assert figures[f"{language}_worker_mb"] > 0
        assert figures[f"{language}_private_mb"] < figures[f"{language}_worker_mb"]
    assert figures["python_private_mb"] > 0


def told(program: str) -> list[list[int]]:
    """What a process of its own tells of itself: in this one, what other tests have left may come
    and go meanwhile."""
    ran = subprocess.run(
        [sys.executable, "-c", PREAMBLE + program], cwd=ROOT, capture_output=True, check=True
    )
    found: list[list[int]] = json.loads(ran.stdout)
    return found


PREAMBLE = """
import json, mmap, os
from bench.memory import private
def told(*moments):
    print(json.dumps([[each.total, each.dirty, each.clean, each.unmapped] for each in moments]))
def now():
    return private([os.getpid()])
now()
"""
DIRTY = """
before = now()
memory = mmap.mmap(-1, 32 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
memory.write(b"\\1" * (32 << 20))
told(before, now())
"""
IN_MEMORY = """
before = now()
descriptor = os.memfd_create("test")
for _ in range(128):
    os.write(descriptor, b"\\1" * 65536)
open_only = now()
memory = mmap.mmap(descriptor, 8 << 20)
assert sum(memory[::4096])
told(before, open_only, now())
"""


def test_what_is_written_to_is_dirty() -> None:
    (_, before, _, _), (total, dirty, clean, _) = told(DIRTY)
    assert dirty - before >= 32 * MIB * 0.9
    assert total == dirty + clean


def test_a_process_that_has_gone_is_not_measured() -> None:
    process = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(process, 0)

    with pytest.raises(NotMeasured, match="smaps_rollup"):
        private([process])


def test_a_file_in_memory_counts_whether_it_is_mapped_or_not() -> None:
    before, open_only, mapped = told(IN_MEMORY)
    assert open_only[3] - before[3] == 8 * MIB
    assert mapped[3] == before[3]
    assert mapped[0] - before[0] >= 8 * MIB * 0.9
