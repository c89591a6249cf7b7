"""That the benchmark measures all it says it does. How fast anything is, is no matter of tests."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.cold_start import RATIOS, TITLES, figures_of, why_of
from bench.failures import NotMeasured
from bench.samples import Samples

ROOT = Path(__file__).parents[2]
RUN_S_MAX = 500
FIGURES = {
    "python_deploy_to_first_answer_ms",
    "c_deploy_to_first_answer_ms",
    "python_first_call_new_worker_ms",
    "c_first_call_new_worker_ms",
    "python_warm_p50_ms",
    "python_warm_p99_ms",
    "c_warm_p50_ms",
    "c_warm_p99_ms",
    "baseline_wasmtime_python_p50_ms",
    "baseline_wasmtime_c_p50_ms",
    "baseline_python_subprocess_p50_ms",
    "python_warm_p50_vs_wasmtime",
    "c_warm_p50_vs_wasmtime",
    "python_warm_p50_vs_subprocess",
    "python_deploy_vs_subprocess",
    "deploy_to_first_answer_ms",
    "first_call_c_ms",
    "first_call_python_ms",
    "second_sandbox_ms",
    "second_sandbox_after_restart_ms",
}


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "bench", *arguments]


@pytest.fixture(scope="module")
def document(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a quick run prints; it leaves no files behind."""
    folder = tmp_path_factory.mktemp("bench")
    ran = subprocess.run(
        command("cold-start", "--quick", "--json", f"--cache-dir={cache_dir}"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        timeout=RUN_S_MAX,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr.decode()
    assert ran.stderr == b""
    assert list(folder.iterdir()) == []
    parsed: dict[str, Any] = json.loads(ran.stdout)
    return parsed


def test_every_figure_is_there_and_positive(document: dict[str, Any]) -> None:
    figures = document["figures"]

    assert list(document)[-1] == "figures"
    assert set(figures) >= FIGURES
    assert document["why"] == {}
    assert all(value > 0 for value in figures.values())


def test_ratios_are_those_of_the_times(document: dict[str, Any]) -> None:
    figures = document["figures"]

    for ratio in RATIOS:
        quotient = figures[ratio.numerator] / figures[ratio.denominator]
        assert figures[ratio.key] == pytest.approx(quotient, rel=0.01), ratio.key


def test_percentiles_are_in_order_and_counted(document: dict[str, Any]) -> None:
    measured = document["measured"]

    assert set(measured) == set(TITLES)
    for name, series in measured.items():
        assert 0 < series["p50_ms"] <= series["p99_ms"] <= series["max_ms"], name
        assert series["count"] > 0, name
    assert measured["python_warm"]["count"] == measured["c_warm"]["count"] == 100


def test_first_calls_on_new_workers_wait_for_a_sandbox(document: dict[str, Any]) -> None:
    for language in ("python", "c"):
        series = document["measured"][f"{language}_first_call_new_worker"]
        assert series["cold"] == series["count"]
    for name in ("first_call_python", "first_call_c", "second_sandbox"):
        series = document["measured"][name]
        assert series["cold"] == series["count"] == 1, name


def test_the_machine_is_described(document: dict[str, Any]) -> None:
    machine = document["machine"]

    assert machine["cores"] >= 1
    assert len(machine["load_average"]) == 3
    assert all(machine[key] for key in ("cpu_model", "kernel", "python", "wasmtime", "wasmfaas"))


def test_what_was_not_measured_is_null_with_a_reason() -> None:
    samples = Samples(TITLES)
    for name in TITLES:
        with samples.attempt(name):
            if name == "baseline_wasmtime_c":
                raise NotMeasured("it does not load")
            samples.add(name, 1_000_000)

    figures = figures_of(samples)
    why = why_of(figures, samples)

    assert {key for key, value in figures.items() if value is None} == set(why)
    assert why["baseline_wasmtime_c_p50_ms"] == "it does not load"
    assert why["c_warm_p50_vs_wasmtime"] == "there is no baseline_wasmtime_c_p50_ms"
    assert figures["c_warm_p50_vs_subprocess"] == 1


def test_an_unknown_benchmark_is_refused_with_those_there_are() -> None:
    ran = subprocess.run(command("warm-start"), cwd=ROOT, capture_output=True, check=False)

    assert ran.returncode == 2
    assert b"cold-start" in ran.stderr


def test_a_server_that_does_not_come_up_is_an_error_without_a_traceback(tmp_path: Path) -> None:
    no_folder = tmp_path / "file"
    no_folder.touch()

    ran = subprocess.run(
        command("cold-start", "--quick", f"--cache-dir={no_folder}"),
        cwd=ROOT,
        capture_output=True,
        check=False,
    )

    assert ran.returncode == 1
    assert ran.stderr.startswith(b"error: ")
    assert b"Traceback" not in ran.stderr


def test_a_run_that_is_stopped_takes_its_server_with_it(
    document: dict[str, Any], cache_dir: Path, tmp_path: Path
) -> None:
    run = subprocess.Popen(
        command("cold-start", "--json", f"--cache-dir={cache_dir}"),
        cwd=ROOT,
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
    )
    try:
        server_pid = server_of(tmp_path)
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=200) == 130
    finally:
        run.kill()
        run.wait()

    assert not Path(f"/proc/{server_pid}").exists()
    assert list(tmp_path.iterdir()) == []


def server_of(folder: Path) -> int:
    """The pid of the server that a run has started in *folder*."""
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline:
        for found in folder.glob("*/data/server.json"):
            pid: int = json.loads(found.read_bytes())["pid"]
            return pid
        time.sleep(0.01)
    pytest.fail("the run started no server")
