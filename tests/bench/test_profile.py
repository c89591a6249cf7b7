"""That CPU time is found for every process that a request passes through, and read right."""

import os
import threading
import time
from pathlib import Path

import pytest

from bench.accounting import Used, used
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
            assert figures[f"{name}_{connections}_server_cpu_us"] == pytest.approx(sum(both), 0.1)
            worker = figures[f"{name}_{connections}_worker_cpu_us"]
            assert 0 < figures[f"{name}_guest_cpu_us"] < 10 * worker
            assert figures[f"{name}_{connections}_server_cpu_vs_uvicorn"] > 1
        assert figures[f"uvicorn_{connections}_p50_us"] > 0


def test_cpu_time_is_what_was_burnt() -> None:
    before, cpu_ns = used([os.getpid()]), time.process_time_ns()
    while time.process_time_ns() - cpu_ns < 50_000_000:
        pass
    burnt = used([os.getpid()]) - before

    assert burnt.cpu_ns == pytest.approx(time.process_time_ns() - cpu_ns, abs=15_000_000)


def test_other_threads_are_told_from_the_main_one() -> None:
    def burn() -> None:
        end_ns = time.thread_time_ns() + 50_000_000
        while time.thread_time_ns() < end_ns:
            pass
        burnt.append(used([os.getpid()], main=False) - before)

    burnt: list[Used] = []
    before, main_before = (used([os.getpid()], main=main) for main in (False, True))
    thread = threading.Thread(target=burn)
    thread.start()
    thread.join()

    assert burnt[0].cpu_ns >= 40_000_000
    assert (used([os.getpid()], main=True) - main_before).cpu_ns < 40_000_000


def test_switches_are_counted() -> None:
    before = used([os.getpid()])
    for _ in range(10):
        time.sleep(0.001)

    assert (used([os.getpid()]) - before).switches >= 10


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
