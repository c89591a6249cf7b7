"""What is drawn and written of what benchmarks print."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from bench.failures import BenchFailure
from bench.plot import panels, read
from bench.svg import Bar, Panel, chart, number
from bench.targets import TARGETS, Target

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"


def document(benchmark: str, figures: dict[str, float | None]) -> dict[str, Any]:
    return {
        "benchmark": benchmark,
        "machine": {
            "cores": 2,
            "cpu_model": "A | B",
            "kernel": "Linux",
            "load_average": [0.1, 0.2, 0.3],
            "python": "CPython",
            "wasmtime": "1",
            "wasmfaas": "2",
        },
        "method": ["In some way."],
        "measured": {},
        "tables": [
            {"title": "t", "columns": ["x"], "rows": [{"title": "a|b", "values": [None]}]},
        ],
        "why": {key: "no peer" for key, value in figures.items() if value is None},
        "figures": figures,
    }


def plot(folder: Path, *documents: dict[str, Any]) -> subprocess.CompletedProcess[bytes]:
    """Run the command on *documents*, in *folder*."""
    names = []
    for index, found in enumerate(documents):
        (folder / f"{index}.json").write_text(json.dumps(found))
        names.append(f"{folder}/{index}.json")
    command = [sys.executable, "-m", "bench", "plot", *names]
    flags = [f"--svg={folder}/chart.svg", f"--page={folder}/page.md"]
    return subprocess.run([*command, *flags], cwd=ROOT, capture_output=True, check=False)


def test_a_chart_and_a_page_are_made_of_what_benchmarks_print(tmp_path: Path) -> None:
    http = document(
        "http",
        {"python_16_rps": 5000.0, "uvicorn_16_rps": 20000.0, "python_rps_vs_wasmtime_serve": None},
    )
    density = document("density", {"python_private_mb": 6.0, "c_private_mb": 0.1})

    ran = plot(tmp_path, http, density)

    assert ran.returncode == 0, ran.stderr.decode()
    root = ElementTree.parse(tmp_path / "chart.svg").getroot()
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert "5,000" in texts
    assert "wasmfaas, Python" in texts
    page = (tmp_path / "page.md").read_text()
    assert "(chart.svg)" in page
    assert "| ≤ 3 | 6 | **missed** |" in page
    assert "not measured: no peer" in page
    assert "A \\| B" in page
    assert "a\\|b" in page


def test_bars_are_as_long_as_their_values() -> None:
    panel = Panel("<T>", "ms", [Bar("a & b", 10.0, True), Bar("c", 5.0, False)])

    root = ElementTree.fromstring(chart([panel], "d"))

    page, first, second = root.findall(f"{SVG}rect")
    assert page.get("class") == "page"
    assert float(first.get("width", "")) == pytest.approx(2 * float(second.get("width", "")))
    assert (first.get("class"), second.get("class")) == ("ours", "other")


def test_what_no_benchmark_printed_is_refused(tmp_path: Path) -> None:
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "torn.json").write_text('{"benchmark": ')

    for name, reason in (("list", "is not what"), ("torn", "cannot be read"), ("no", "cannot be")):
        with pytest.raises(BenchFailure, match=reason):
            read([tmp_path / f"{name}.json"])
    with pytest.raises(BenchFailure, match="nothing to draw"):
        panels({})


def test_a_refused_file_is_told_without_a_traceback(tmp_path: Path) -> None:
    ran = plot(tmp_path, {"benchmark": "http"})

    assert ran.returncode == 1
    assert ran.stderr.startswith(b"error: ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [(1234.5, "1,230"), (0.012345, "0.0123"), (45.67, "45.7"), (100.0, "100"), (370066, "370,066")],
)
def test_numbers_have_three_digits_that_count(value: float, shown: str) -> None:
    assert number(value) == shown


def test_bounds_hold_to_their_side() -> None:
    at_most, at_least = Target("b", "k", "w", most=3), Target("b", "k", "w", least=20)

    assert at_most.is_reached(3)
    assert not at_most.is_reached(3.1)
    assert at_least.is_reached(20)
    assert not at_least.is_reached(19.9)
    assert all((target.most is None) != (target.least is None) for target in TARGETS)
