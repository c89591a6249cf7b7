import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import wasmfaas
from wasmfaas.cli import packaging, project
from wasmfaas.cli.commands.init import TEMPLATES, write
from wasmfaas.cli.failures import Failure
from wasmfaas.settings import Settings

REPOSITORY = Path(__file__).parents[2]


def test_the_list_names_every_template_and_no_other() -> None:
    shown = wasmfaas("init", "--list", "--json").json["templates"]
    folders = [path.name for path in (REPOSITORY / "wasmfaas/cli/templates").iterdir()]
    assert sorted(template["name"] for template in shown) == sorted(folders)
    assert all(name in wasmfaas("init", "--list").out for name in TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_has_settings_and_a_short_readme_with_its_name(
    template: str, tmp_path: Path
) -> None:
    files = write(template, tmp_path / "my-function")
    assert {"wasmfaas.toml", "README.md"} < set(files)
    assert project.load(tmp_path / "my-function").name == "my-function"
    readme = (tmp_path / "my-function" / "README.md").read_text()
    assert readme.startswith("# my-function\n")
    assert readme.count("\n") <= 15
    for file in files:
        assert "@NAME@" not in (tmp_path / "my-function" / file).read_text()


@pytest.mark.parametrize("template", ["python", "python-http"])
def test_python_templates_deploy_as_they_are(template: str, tmp_path: Path) -> None:
    write(template, tmp_path / "hello")
    package = packaging.pack(tmp_path / "hello", project.load(tmp_path / "hello"), Settings())
    assert (package.handler, package.files) == ("app.lambda_handler", 1)


@pytest.mark.parametrize("template", ["c", "wasi-command"])
def test_c_templates_build_without_warnings_and_package_only_the_module(
    template: str, tmp_path: Path
) -> None:
    folder = tmp_path / "hello"
    write(template, folder)
    with pytest.raises(Failure, match="build it first"):
        packaging.pack(folder, project.load(folder), Settings())
    built = subprocess.run(
        ["make", f"PYTHON={sys.executable}"], cwd=folder, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    assert built.stderr == "", "a template compiles without warnings"
    package = packaging.pack(folder, project.load(folder), Settings())
    assert (package.handler, package.runtime, package.files) == ("bootstrap", "provided.al2023", 1)


def test_a_project_gets_the_sdk_of_its_language(tmp_path: Path) -> None:
    for template, (sdk, place) in {
        "c": ("c/include/wasmfaas.h", "wasmfaas.h"),
        "javascript": ("javascript/guest/queue.js", "sdk/guest/queue.js"),
        "typescript": ("javascript/index.d.ts", "sdk/index.d.ts"),
    }.items():
        assert place in write(template, tmp_path / template)
        copied = (tmp_path / template / place).read_bytes()
        assert copied == (REPOSITORY / "guest-sdks" / sdk).read_bytes()


def test_a_new_folder_is_named_after_the_template_unless_one_is_given(tmp_path: Path) -> None:
    ran = wasmfaas("init", "python", folder=tmp_path)
    assert ran.status == 0
    assert "see python/README.md" in ran.out
    assert (tmp_path / "python" / "app.py").exists()
    ran = wasmfaas("init", "python-http", "site/api", "--json", folder=tmp_path)
    assert ran.json == {
        "template": "python-http",
        "folder": "site/api",
        "files": ["README.md", "app.py", "wasmfaas.toml"],
    }


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("mine")
    ran = wasmfaas("init", "python", tmp_path)
    assert ran.status == 1
    assert "is not empty" in ran.err
    assert [path.name for path in tmp_path.iterdir()] == ["app.py"]
    ran = wasmfaas("init", "python", tmp_path / "app.py", "--json")
    assert ran.json["error"]["code"] == "UnwritableFolder"
    assert (tmp_path / "app.py").read_text() == "mine"
