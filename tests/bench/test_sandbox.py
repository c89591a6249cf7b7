"""That it measures every way to serve a call, and that what it serves is what it says."""

from pathlib import Path
from typing import Any

import pytest

from tests.bench.quick import document

#: Of memory, that a hello in Python writes to; there were 244 before its memory was arranged.
PAGES_MAX = 110


@pytest.fixture(scope="module")
def found(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a quick run prints."""
    return document("sandbox", cache_dir, tmp_path_factory.mktemp("bench"))


def test_every_mode_is_measured_in_both_languages(found: dict[str, Any]) -> None:
    figures = found["figures"]

    for language in ("python", "c"):
        for key in ("wait_vs_reuse", "cpu_vs_reuse", "cpu_vs_naive"):
            assert figures[f"{language}_{key}"] > 0
        for mode in ("naive", "fresh", "pristine", "reuse"):
            assert found["measured"][f"{language}_{mode}_wait"]["count"] > 0
            assert figures[f"{language}_{mode}_cpu_mean_us"] > 0


def test_isolated_calls_cost_the_same_fuel_every_time(found: dict[str, Any]) -> None:
    (table,) = found["tables"]
    fuel = {row["title"]: row["values"][1:] for row in table["rows"]}

    for language in ("Python", "C"):
        least, most = fuel[f"{language}, pristine"]
        assert 0 < least == most
        assert fuel[f"{language}, fresh"] == [least, most]
        assert isinstance(least, int)


def test_a_call_writes_to_few_pages(found: dict[str, Any]) -> None:
    (table,) = found["tables"]
    pages = {row["title"]: row["values"][0] for row in table["rows"]}
    assert 0 < pages["Python, pristine"] < PAGES_MAX
