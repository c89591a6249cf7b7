"""`python -m bench plot`: a chart, and the results page, from what benchmarks print with --json."""

import argparse
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import svg
from bench.failures import BenchFailure
from bench.page import page
from bench.svg import Bar, Panel

_PARTS = ("benchmark", "machine", "method", "measured", "tables", "why", "figures")
#: Benchmark, title, note, bars: the figure, its label, and whether it is ours.
_PANELS = (
    (
        "sandbox",
        "What the caller of a Python function waits for, in a worker",
        "p50, µs; less is better",
        (
            ("python_reuse_wait_p50_us", "reuse: no isolation", False),
            ("python_pristine_wait_p50_us", "pristine", True),
            ("python_fresh_wait_p50_us", "fresh", False),
            ("python_naive_wait_p50_us", "instantiate, call, drop", False),
        ),
    ),
    (
        "sandbox",
        "What a call of a Python function costs, until the next one can be served",
        "CPU, p50, µs; less is better",
        (
            ("python_reuse_cpu_p50_us", "reuse: no isolation", False),
            ("python_pristine_cpu_p50_us", "pristine", True),
            ("python_fresh_cpu_p50_us", "fresh", False),
            ("python_naive_cpu_p50_us", "instantiate, call, drop", False),
        ),
    ),
    (
        "http",
        "Hello over HTTP, 16 connections",
        "requests per second; more is better",
        (
            ("python_16_rps", "wasmfaas, Python", True),
            ("c_16_rps", "wasmfaas, C", True),
            ("wasmtime_serve_16_rps", "wasmtime serve, Python", False),
            ("workerd_16_rps", "workerd, JavaScript, shared", False),
            ("uvicorn_16_rps", "uvicorn, constant bytes", False),
        ),
    ),
    (
        "cold-start",
        "First answers",
        "p50, ms; less is better",
        (
            ("deploy_to_first_answer_ms", "deploy a .py, first answer", True),
            ("first_call_c_ms", "first call, C", True),
            ("first_call_python_ms", "first call, Python", True),
            ("second_sandbox_ms", "first call, many imports", True),
            ("second_sandbox_after_restart_ms", "… after a restart", True),
            ("baseline_python_subprocess_p50_ms", "python -c", False),
        ),
    ),
    (
        "scale",
        "A warm call, by how many functions are deployed",
        "p50, ms; the same is better",
        tuple(
            (f"functions_{count}_p50_ms", f"{count:,}", True) for count in (1, 100, 1000, 10_000)
        ),
    ),
    (
        "density",
        "Memory of an extra idle sandbox",
        "private, MB; less is better",
        (
            ("python_private_mb", "Python", True),
            ("python_imports_private_mb", "Python, many imports", True),
            ("c_private_mb", "C", True),
        ),
    ),
    (
        "workloads",
        "Real jobs, as a multiple of native CPython",
        "pristine; less is better, native is 1",
        (
            ("json_transform_vs_native", "JSON transform, 100 KB", True),
            ("jinja2_page_vs_native", "jinja2 page", True),
            ("markdown_page_vs_native", "Markdown to HTML", True),
            ("log_regex_vs_native", "regex log parsing", True),
            ("sha256_1mb_vs_native", "SHA-256 over 1 MB", True),
            ("nbody_vs_native", "n-body", True),
            ("pidigits_vs_native", "pidigits", True),
        ),
    ),
)


def main(arguments: Sequence[str]) -> int:
    """Write what the command line asks for; the exit status. Raises BenchFailure."""
    chosen = _parser().parse_args(arguments)
    documents = read(chosen.files)
    _write(chosen.svg, svg.chart(panels(documents), "wasmfaas: results of its benchmarks"))
    if chosen.page is not None:
        picture = os.path.relpath(chosen.svg, chosen.page.parent)
        _write(chosen.page, page(documents, picture))
    return 0


def read(paths: Iterable[Path]) -> dict[str, Mapping[str, Any]]:
    """What benchmarks printed, by their names; of two runs of one, the later in the order given.

    Raises BenchFailure for a file that is none of that.
    """
    documents: dict[str, Mapping[str, Any]] = {}
    for path in paths:
        try:
            found = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise BenchFailure(f"{path} cannot be read: {error}") from None
        if not isinstance(found, dict) or any(part not in found for part in _PARTS):
            raise BenchFailure(f"{path} is not what `python -m bench NAME --json` prints.")
        documents[found["benchmark"]] = found
    return documents


def panels(documents: Mapping[str, Mapping[str, Any]]) -> list[Panel]:
    """The charts that *documents* have figures for. Raises BenchFailure where there are none."""
    found = []
    for name, title, note, bars in _PANELS:
        figures = documents[name]["figures"] if name in documents else {}
        drawn = [
            Bar(label, figures[key], is_ours)
            for key, label, is_ours in bars
            if figures.get(key) is not None
        ]
        if drawn:
            found.append(Panel(title, note, drawn))
    if not found:
        raise BenchFailure("There is nothing to draw in these files.")
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench plot",
        description="Draw what benchmarks have printed with --json.",
    )
    parser.add_argument("files", metavar="FILE.json", nargs="+", type=Path)
    parser.add_argument(
        "--svg",
        type=Path,
        default=Path("results.svg"),
        metavar="PATH",
        help="where the chart goes (default: %(default)s)",
    )
    parser.add_argument("--page", type=Path, metavar="PATH", help="also write a page of Markdown")
    return parser


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise BenchFailure(f"{path} cannot be written: {error.strerror}.") from None
