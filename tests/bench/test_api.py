"""That every operation is timed on both servers."""

from pathlib import Path

from bench.api import QUICK
from tests.bench.quick import document


def test_operations_are_timed_with_one_function_and_with_many(
    cache_dir: Path, tmp_path: Path
) -> None:
    found = document("api", cache_dir, tmp_path)
    figures = found["figures"]
    for operation in ("create", "get", "list"):
        for count in (1, QUICK.functions):
            p50, p99 = (figures[f"{operation}_{count}_{unit}_ms"] for unit in ("p50", "p99"))
            assert 0 < p50 <= p99
        assert figures[f"{operation}_p50_many_vs_1"] > 0
    assert found["why"] == {}
