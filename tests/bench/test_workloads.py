"""That every job is done, natively and by guests, with the same answer; else the run fails."""

from pathlib import Path

from bench.workloads import JOBS
from tests.bench.quick import document


def test_every_job_is_compared_with_native_python(cache_dir: Path, tmp_path: Path) -> None:
    found = document("workloads", cache_dir, tmp_path)
    figures = found["figures"]

    fetched = {"jinja2_page", "markdown_page"}
    for job in JOBS:
        for key in ("vs_native", "pristine_vs_reuse"):
            if job in fetched:
                assert found["why"][f"{job}_{key}"] == "a quick run fetches no packages"
            else:
                assert figures[f"{job}_{key}"] > 0
