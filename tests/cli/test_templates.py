"""What `wasmfaas init` writes does what its README says."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.conftest import Server
from tests.guest_sdks import node, rust

TEMPLATES = ["python", "c", "wasi-command", "javascript", "typescript", "assemblyscript", "rust"]


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_template_answers_as_its_readme_shows(
    cli: Cli,
    tmp_path: Path,
    cache_dir: Path,
    function_name: str,
    template: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / function_name
    assert cli("init", template, folder).status == 0
    if (folder / "package.json").exists():
        packages = template if template == "assemblyscript" else node.TEMPLATE
        installed = node.project(cache_dir, packages)
        (folder / "node_modules").symlink_to(installed / "node_modules")
    if template == "wasi-command":
        subprocess.run(["make", f"PYTHON={sys.executable}"], cwd=folder, check=True)
    if template == "rust":
        for name, value in rust.environment(cache_dir).items():
            monkeypatch.setenv(name, value)
    deployed = cli("deploy", ".", folder=folder)
    assert deployed.status == 0, deployed.err
    shown = re.search(
        r"\$ wasmfaas invoke (\S+) '(.*)'\n(.*)\n", (folder / "README.md").read_text()
    )
    assert shown is not None
    name, event, answer = shown.groups()
    assert name == function_name
    assert json.loads(cli("invoke", name, event).out) == json.loads(answer)


def test_the_http_template_routes_and_tells_what_is_wrong(
    cli: Cli, server: Server, tmp_path: Path, function_name: str
) -> None:
    cli("init", "python-http", tmp_path / function_name)
    url = cli("deploy", tmp_path / function_name, "--json").json["url"]
    assert "It works" in server.http.get(url).text
    greeting = server.http.get(f"{url}hello", params={"name": "Ada"})
    assert greeting.json() == {"greeting": "Hello, Ada!"}
    assert server.http.post(f"{url}echo", json=[1, 2]).json() == {"you_sent": [1, 2]}
    assert server.http.post(f"{url}echo", content=b"\xff").status_code == 400
    assert server.http.get(f"{url}nowhere").status_code == 404
