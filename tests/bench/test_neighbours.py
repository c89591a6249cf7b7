"""That good functions are called in every condition, and what the others did is counted."""

from pathlib import Path

from bench import misbehaving
from tests.bench.quick import document


def test_good_functions_are_timed_beside_bad_ones(cache_dir: Path, tmp_path: Path) -> None:
    figures = document("neighbours", cache_dir, tmp_path)["figures"]

    for language in ("python", "c"):
        for condition in ("alone", "computing", "misbehaving"):
            assert figures[f"{language}_{condition}_p99_ms"] > 0
        assert figures[f"{language}_p99_vs_alone"] > 0
    assert figures["bad_calls"] > 0
    assert figures["wrong_answers"] == 0


def test_bad_deeds_come_equally_often_and_as_the_seed_says() -> None:
    count = len(misbehaving.DEEDS)
    first, second, other = (misbehaving.bad(seed) for seed in (1, 1, 2))
    deeds = [next(first) for _ in range(2 * count)]

    assert deeds == [next(second) for _ in deeds]
    assert deeds != [next(other) for _ in deeds]
    assert set(deeds[:count]) == set(deeds[count:]) == set(misbehaving.DEEDS)
