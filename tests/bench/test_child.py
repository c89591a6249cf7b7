"""Children that answer, that fail, and that are gone when their block ends."""

from pathlib import Path

import pytest

from bench import child
from bench.failures import BenchFailure


def test_a_child_answers_line_by_line_and_ends_with_its_block(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("def lambda_handler(event, context): return event")
    message = {"path": str(tmp_path), "job": "any", "count": 2}

    with child.started("bench.workload_native") as process:
        assert len(process.exchange(message)["wait_ns"]) == 2
        assert len(process.exchange(message)["wait_ns"]) == 2
        pid = process.pid

    assert not Path(f"/proc/{pid}").exists()


def test_what_a_child_cannot_do_is_a_failure_with_its_reason() -> None:
    with (
        child.started("bench.workload_native") as process,
        pytest.raises(BenchFailure, match=r"workload_native failed: ModuleNotFoundError"),
    ):
        process.exchange({"path": "/nowhere"})


def test_a_child_that_ends_is_a_failure() -> None:
    with (
        child.started("bench.failures") as process,
        pytest.raises(BenchFailure, match="ended before it answered"),
    ):
        process.exchange({})
