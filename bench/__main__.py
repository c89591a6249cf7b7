"""`python -m bench NAME`: runs a benchmark and prints what it found out."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bench import plot, progress, python_packages
from bench.catalogue import BENCHMARKS
from bench.failures import BenchFailure, NotMeasured
from bench.options import Options
from bench.report import document, markdown, show
from wasmfaas.declaration import default_cache_dir

_PLOT = "plot"
_EXIT_FAILED = 1
_EXIT_INTERRUPTED = 130


def main() -> int:
    """Run what the command line names; the exit status."""
    apart = {_PLOT: plot.main, python_packages.NAME: python_packages.main}
    if sys.argv[1:2] and sys.argv[1] in apart:
        return _run_apart(apart[sys.argv[1]], sys.argv[2:])
    chosen = _parser().parse_args()
    benchmarks = {benchmark.name: benchmark for benchmark in BENCHMARKS}
    options = Options(
        quick=chosen.quick, cache_dir=chosen.cache_dir.absolute(), functions=chosen.functions
    )
    # The server must not outlive a run, however that ends.
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with progress.shown(json=chosen.json) as steps:
            report = benchmarks[chosen.name].run(options, steps)
    except (BenchFailure, NotMeasured) as failure:
        print(f"error: {failure}", file=sys.stderr)
        return _EXIT_FAILED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED
    if chosen.json:
        print(json.dumps(document(report), indent=2, ensure_ascii=False))
    elif chosen.markdown:
        print(markdown(report))
    else:
        show(report)
    return 0


def _run_apart(main: Callable[[Sequence[str]], int], arguments: Sequence[str]) -> int:
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        return main(arguments)
    except BenchFailure as failure:
        print(f"error: {failure}", file=sys.stderr)
        return _EXIT_FAILED
    except KeyboardInterrupt:
        return _EXIT_INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    rows = "\n".join(f"  {benchmark.name:<14}{benchmark.summary}" for benchmark in BENCHMARKS)
    parser = argparse.ArgumentParser(
        prog="python -m bench",
        description="Measure wasmfaas on this machine.",
        epilog=f"benchmarks:\n{rows}\n\npython -m bench plot FILE.json… draws what they print; "
        "python -m bench python-packages tries packages from PyPI.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [benchmark.name for benchmark in BENCHMARKS]
    parser.add_argument("name", metavar="NAME", choices=names, help="which benchmark")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--quick", action="store_true", help="some seconds, to see that it works; measures badly"
    )
    parser.add_argument(
        "--markdown",
        action="store_true",
        help="print the tables that it has beside times, in Markdown",
    )
    parser.add_argument(
        "--functions", type=int, metavar="N", help="of api: compare N functions with one"
    )
    parser.add_argument(
        "--cache-dir",
        type=Path,
        default=default_cache_dir(),
        metavar="PATH",
        help="holds the Python runtime (default: %(default)s)",
    )
    return parser


def _interrupt(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
