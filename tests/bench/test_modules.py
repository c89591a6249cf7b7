import hashlib
from pathlib import Path

from bench import hello
from bench.modules import NewModules


def test_new_modules_are_new_and_leave_nothing_in_the_cache(tmp_path: Path) -> None:
    artefacts = tmp_path / "artefacts"
    artefacts.mkdir()
    kept = artefacts / f"{hashlib.sha256(hello.C_MODULE.read_bytes()).hexdigest()}-engine.cwasm"
    kept.touch()

    with NewModules(tmp_path) as modules:
        made = [modules.c(), modules.c()]
        for module in made:
            digest = hashlib.sha256(module).hexdigest()
            (artefacts / f"{digest}-engine.cwasm").touch()
            (artefacts / f"{digest}-engine.json").touch()

    assert made[0] != made[1]
    assert all(module.startswith(hello.C_MODULE.read_bytes()) for module in made)
    assert list(artefacts.iterdir()) == [kept]
