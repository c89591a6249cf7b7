"""That CPU time is found for every process that a request passes through, and read right."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.accounting import used
from bench.failures import BenchFailure, NotMeasured
from bench.processes import children_of
from bench.profile import milliseconds
from tests.bench.quick import document


def test_every_process_is_accounted_for(cache_dir: Path, tmp_path: Path) -> None:
    figures = document("profile", cache_dir, tmp_path)["figures"]

    for connections in (1, 16):
        for name in ("python", "c"):
            for part in ("load", "loop", "calls"):
                assert figures[f"{name}_{connections}_{part}_cpu_us"] > 0
            both = [figures[f"{name}_{connections}_{part}_cpu_us"] for part in ("loop", "threads")]
            assert figures[f"{name}_{connections}_server_cpu_us"] == pytest.approx(sum(both), 0.5)
            worker = figures[f"{name}_{connections}_worker_cpu_us"]
            assert 0 < figures[f"{name}_guest_cpu_us"] < 10 * worker
            assert figures[f"{name}_{connections}_server_cpu_vs_uvicorn"] > 0
        assert figures[f"uvicorn_{connections}_p50_us"] > 0


#: Burns 50 ms in a thread that then stays. A process of its own: in this one, threads of others may
#: end meanwhile, and what they used would be missing.
BURNER = """
import threading, time
def burn():
    end_ns = time.thread_time_ns() + 50_000_000
    while time.thread_time_ns() < end_ns:
        pass
    burnt.set()
    threading.Event().wait()
burnt = threading.Event()
threading.Thread(target=burn, daemon=True).start()
burnt.wait()
for _ in range(10):
    time.sleep(0.001)
print(time.process_time_ns(), flush=True)
input()
"""


@pytest.fixture(scope="module")
def burner() -> Iterator[tuple[int, int]]:
    """The process that has burnt, and its CPU time by its own count."""
    with subprocess.Popen(
        [sys.executable, "-c", BURNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())


def test_cpu_time_is_what_was_burnt(burner: tuple[int, int]) -> None:
    pid, cpu_ns = burner
    assert cpu_ns <= used([pid]).cpu_ns < cpu_ns + 50_000_000


def test_other_threads_are_told_from_the_main_one(burner: tuple[int, int]) -> None:
    pid, _ = burner
    main, others = used([pid], main=True).cpu_ns, used([pid], main=False).cpu_ns
    assert others >= 40_000_000
    assert main + others <= used([pid]).cpu_ns < main + others + 50_000_000


def test_switches_are_counted(burner: tuple[int, int]) -> None:
    pid, _ = burner
    assert used([pid]).switches >= 10


def test_a_process_that_has_gone_is_not_measured() -> None:
    pid = os.posix_spawn("/bin/true", ["true"], {})
    os.waitpid(pid, 0)

    with pytest.raises(NotMeasured, match="schedstat"):
        used([pid])


def test_children_are_found_by_their_command_line() -> None:
    pid = os.posix_spawn("/bin/sleep", ["sleep", "60.25"], {})
    try:
        assert children_of(os.getpid(), b"60.25") == {pid}
        assert children_of(os.getpid(), b"60.26") == set()
        assert children_of(pid, b"60.25") == set()
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)


def test_milliseconds_are_read_from_the_head() -> None:
    head = b"HTTP/1.1 200 OK\r\nX-Wasmfaas-Cpu-Ms: 0.31\r\nx: y"
    assert milliseconds(head, b"x-wasmfaas-cpu-ms:") == 0.31
    with pytest.raises(BenchFailure, match="no header"):
        milliseconds(b"HTTP/1.1 200 OK", b"x-wasmfaas-cpu-ms:")
