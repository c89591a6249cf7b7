"""That both servers are called at every number of functions, and callers at every number."""

from pathlib import Path

from bench.scale import QUICK
from tests.bench.quick import document


def test_functions_callers_and_starts_are_measured(cache_dir: Path, tmp_path: Path) -> None:
    found = document("scale", cache_dir, tmp_path)
    figures = found["figures"]

    for count in QUICK.functions:
        for key in ("p50_ms", "p99_ms", "reference_p50_ms", "in_turn_p50_ms", "server_mb"):
            assert figures[f"functions_{count}_{key}"] > 0
        assert figures[f"start_{count}_ms"] > 0
    for count in QUICK.callers:
        assert figures[f"callers_{count}_rps"] > 0
    assert set(found["why"]) == {"p50_10000_vs_1"}
