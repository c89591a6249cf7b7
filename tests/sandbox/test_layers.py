"""What a guest finds in /opt."""

import uuid
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.sandbox.conftest import Pool, answer
from tests.sandbox.test_snapshot import adopting
from tests.sandbox.wat import CREATE, opens
from wasmfaas.models import Isolation

OPT_DIR = 5
SITE_PACKAGES = "python/lib/python3.12/site-packages"
IMPORTS = """
import os
import sys
import library
def lambda_handler(event, context):
    try:
        open("/opt/new", "w")
    except OSError as error:
        refused = type(error).__name__
    return {
        "library": library.WHERE,
        "late": __import__("late").WHERE,
        "note": open("/opt/note.txt").read() if os.path.exists("/opt/note.txt") else None,
        "path": [path for path in sys.path if path.startswith(("/var/task", "/opt"))],
        "write": refused,
    }
"""


def layers(pool: Pool, files: Mapping[str, str]) -> str:
    """The path of merged layers that hold *files*."""
    folder = pool.root / "tasks" / uuid.uuid4().hex
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return str(folder)


def test_python_imports_from_layers_and_its_package_comes_first(pool: Pool, tmp_path: Path) -> None:
    layers_path = layers(
        pool,
        {
            "python/library.py": "WHERE = 'opt/python'",
            "python/late.py": "WHERE = 'opt/python'",
            f"{SITE_PACKAGES}/library.py": "WHERE = 'site-packages'",
            "note.txt": "from a layer",
        },
    )
    environment = {"AWS_EXECUTION_ENV": "AWS_Lambda_python3.12"}
    target = pool.function(IMPORTS, layers_path=layers_path, environment=environment)
    expected = {
        "library": "site-packages",
        "late": "opt/python",
        "note": "from a layer",
        "path": ["/var/task", f"/opt/{SITE_PACKAGES}", "/opt/python"],
        "write": "PermissionError",
    }
    for _ in range(2):
        assert answer(pool.invoke(target)) == expected
    adopted = adopting(pool, target, tmp_path)
    assert answer(pool.invoke(adopted)) == expected
    own = {"app.py": IMPORTS, "library.py": "WHERE = 'task'"}
    first = pool.package(own, layers_path=layers_path, environment=environment)
    assert answer(pool.invoke(first))["library"] == "task"


def test_opt_is_an_empty_folder_without_layers(pool: Pool, tmp_path: Path) -> None:
    source = """
import os
def lambda_handler(event, context):
    try:
        os.mkdir("/opt/new")
    except OSError as error:
        return [os.listdir("/opt"), type(error).__name__]
"""
    target = pool.function(source)
    for each in (target, adopting(pool, target, tmp_path)):
        assert answer(pool.invoke(each)) == [[], "PermissionError"]


@pytest.mark.parametrize("isolation", [Isolation.PRISTINE, Isolation.FRESH])
def test_other_guests_read_their_layers_and_cannot_write(pool: Pool, isolation: Isolation) -> None:
    layers_path = layers(pool, {"bin/note": "text"})
    for path, flags, opened in ((b"bin/note", 0, 1), (b"absent", 0, 0), (b"new", CREATE, 0)):
        module = pool.compiled(opens(OPT_DIR, path, flags))
        target = pool.target(module, layers_path=layers_path, isolation=isolation)
        assert [answer(pool.invoke(target)) for _ in range(2)] == [opened, opened], path
