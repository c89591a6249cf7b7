"""That a hello of each language is found, and measured from its source to its warm calls."""

from pathlib import Path

import pytest

from bench import guests
from bench.failures import NotMeasured
from bench.guests import Guest
from tests.bench.quick import document
from wasmfaas.cli import building
from wasmfaas.cli.commands.init import TEMPLATES


def test_all_that_can_be_built_is_measured(cache_dir: Path, tmp_path: Path) -> None:
    found = document("languages", cache_dir, tmp_path)

    (table,) = found["tables"]
    assert [row["title"] for row in table["rows"]] == ["Python", "C"]
    assert {row["values"][-1] for row in table["rows"]} == {"reset"}
    for kind in ("first_answer_ms", "p50_ms", "fuel", "lines"):
        assert found["figures"][f"python_{kind}"] > 0
        assert found["figures"][f"c_{kind}"] > 0
    assert found["figures"]["c_module_kb"] > 10
    assert set(found["why"]) == {"python_module_kb", "python_build_s"}


def test_every_language_has_a_hello() -> None:
    found = guests.guests()
    assert [guest.name for guest in found] == ["python", *building.LANGUAGES]
    assert all(1 < guest.lines() <= 25 for guest in found), [(g.name, g.lines()) for g in found]


def test_the_hello_of_every_template_has_a_place() -> None:
    for guest in guests.guests():
        if guest.name in TEMPLATES:
            assert guests.place(guest).suffix == guest.source.suffix


def test_tests_and_comments_are_not_lines(tmp_path: Path) -> None:
    source = tmp_path / "hello.rs"
    source.write_text("// why\n\n  /* what\n * else */\nfn a() {\n}\n#[cfg(test)]\nmod tests {}\n")
    assert Guest("rust", source).lines() == 2


def test_a_language_without_a_template_says_so(tmp_path: Path) -> None:
    with pytest.raises(NotMeasured, match="no template for Cobol"):
        guests.built(Guest("cobol", tmp_path / "hello.cob"), builds=1)
