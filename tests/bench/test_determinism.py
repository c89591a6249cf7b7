"""One event burns one amount of fuel and has one answer, on whatever worker, however busy."""

from pathlib import Path

from bench.determinism import QUICK, fuel_of
from tests.bench.quick import document


def test_there_is_one_fuel_value_and_one_answer(cache_dir: Path, tmp_path: Path) -> None:
    found = document("determinism", cache_dir, tmp_path)
    figures = found["figures"]

    assert QUICK.calls >= 300
    assert figures["workers"] == 2
    for language in ("python", "c"):
        assert figures[f"{language}_invocations"] == QUICK.calls
        assert figures[f"{language}_distinct_fuel_values"] == 1, found["tables"]
        assert figures[f"{language}_distinct_answers"] == 1
        assert figures[f"{language}_fuel"] > 1000
    assert figures["distinct_fuel_values"] == figures["distinct_answers"] == 1


def test_fuel_is_read_from_the_head() -> None:
    assert fuel_of(b"HTTP/1.1 200 OK\r\nX-Wasmfaas-Fuel: 123\r\nx: y") == 123
    assert fuel_of(b"HTTP/1.1 200 OK\r\nX-Wasmfaas-Fuel: 123") == 123
    assert fuel_of(b"HTTP/1.1 429 Too Many Requests\r\nx: y") == -1
