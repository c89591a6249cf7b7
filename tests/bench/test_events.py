"""That the queue is timed beside SQLite, and a quiet function beside a noisy one."""

from pathlib import Path

from tests.bench.quick import document


def test_what_durability_costs(cache_dir: Path, tmp_path: Path) -> None:
    found = document("events", cache_dir, tmp_path)
    figures = found["figures"]
    for name in ("sqlite_commits", "sqlite_grouped", "enqueue_alone", "enqueue_together", "drain"):
        assert figures[f"{name}_per_s"] > 0
    for name in ("idle", "behind"):
        assert 0 < figures[f"{name}_p50_ms"] <= figures[f"{name}_p99_ms"]
    for name in (
        "enqueue_vs_sqlite", "enqueue_grouping", "sqlite_grouping", "neighbour_p99_vs_idle"
    ):  # fmt: skip
        assert figures[name] > 0
    assert found["why"] == {}
