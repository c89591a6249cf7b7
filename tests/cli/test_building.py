import json
import os
import sys
from pathlib import Path

import pytest

from tests.cli.command import wasmfaas
from tests.cli.conftest import Cli
from tests.cli.test_commands import lines_until, running
from tests.conftest import Server
from wasmfaas.cli import building, packaging, project, toolchains
from wasmfaas.cli.building import BuildSettings
from wasmfaas.cli.failures import Failure
from wasmfaas.settings import Settings

LANGUAGES = ("javascript", "typescript", "assemblyscript", "c", "cpp", "go")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "source.txt").write_text("one\n")
    return tmp_path


def settings(folder: Path, text: str) -> Path:
    (folder / "wasmfaas.toml").write_text(text)
    return folder


def test_a_command_builds_what_it_writes(folder: Path) -> None:
    settings(folder, '[build]\ncommand = "cp source.txt out.wasm"\noutput = "out.wasm"\n')
    ran = wasmfaas("build", folder, "--json")
    assert ran.status == 0, ran.out
    assert ran.json["output"] == str(folder / "out.wasm")
    assert ran.json["size_bytes"] == 4
    assert ran.json["commands"] == ["/bin/sh -c 'cp source.txt out.wasm'"]
    assert "✓ built out.wasm, 4 B in" in wasmfaas("build", folder=folder).out


def test_what_a_failed_build_says_is_shown(folder: Path) -> None:
    settings(folder, "[build]\ncommand = \"echo 'line 3: no such name' >&2; exit 7\"\n")
    ran = wasmfaas("build", folder)
    assert ran.status == 1
    assert "the build failed (exit status 7)" in ran.err
    assert "line 3: no such name" in ran.err


def test_a_build_that_writes_nothing_is_a_failure(folder: Path) -> None:
    settings(folder, '[build]\ncommand = "true"\n')
    ran = wasmfaas("build", folder, "--json")
    assert ran.json["error"]["code"] == "BuildFailed"
    assert "did not write bootstrap.wasm" in ran.json["error"]["message"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[build]\n", "line 1: [build] needs a language, or a command"),
        ('name = "a"\n[build]\nlanguage = "cobol"', "line 3: build.language is 'cobol', but must"),
        ("[build]\ncommand = 4", "line 2: build.command is 4, but must be a string"),
        ('[build]\nlanguag = "c"', "did you mean 'language'?"),
    ],
)
def test_a_wrong_table_is_told_with_its_line(folder: Path, text: str, message: str) -> None:
    with pytest.raises(Failure) as raised:
        project.load(settings(folder, text))
    assert message in raised.value.message


def test_a_folder_without_a_build_is_told_what_it_needs(folder: Path) -> None:
    ran = wasmfaas("build", folder, "--json")
    assert ran.json["error"]["code"] == "NothingToBuild"
    assert "typescript" in ran.json["error"]["message"]
    assert wasmfaas("build", folder / "source.txt").status == 1


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_missing_toolchain_says_what_to_install(
    folder: Path, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    for name in ("main.c", "main.cpp", "package.json"):
        (folder / name).write_text("{}")
    with pytest.raises(Failure, match="pip install") as raised:
        building.build(folder, BuildSettings(language=language))
    assert raised.value.code == "ToolchainNotFound"


def test_a_toolchain_that_is_too_old_is_told(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, told in (("node", "v18.20.1"), ("npm", "9"), ("go", "go version go1.19.8 linux")):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {told}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", os.pathsep.join([str(folder), os.environ["PATH"]]))
    with pytest.raises(Failure, match=r"node here is 18\.20, but at least 20\.19 is needed"):
        toolchains.node()
    with pytest.raises(Failure, match=r"go here is 1\.19, but at least 1\.24 is needed"):
        toolchains.go()


def test_rust_is_asked_for_the_target_that_it_has(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setenv("HOME", str(folder))
    (folder / "Cargo.toml").write_text('[package]\nname = "my-function"\n')
    with pytest.raises(Failure, match=r"cargo cannot be found; install Rust from .*rustup target"):
        building.build(folder, BuildSettings(language="rust"))
    for name in ("cargo", "rustc", "cp"):
        (folder / name).write_text(f"#!/bin/sh\necho {folder}\n")
        (folder / name).chmod(0o755)
    with pytest.raises(Failure, match="install it with: rustup target add wasm32-wasip1"):
        toolchains.rust()
    for target in ("wasm32-wasi", "wasm32-wasip1"):
        library = folder / "lib" / "rustlib" / target / "lib"
        library.mkdir(parents=True)
        (library / "libstd-1.rlib").touch()
        assert toolchains.rust()[1] == target
    with pytest.raises(Failure, match=r"target/wasm32-wasip1/release/my_function\.wasm boot"):
        building.build(folder, BuildSettings(language="rust"))


def test_what_a_toolchain_leaves_behind_is_not_packaged(folder: Path) -> None:
    settings(folder, '[build]\nlanguage = "javascript"\n[package]\nexclude = ["*.txt"]\n')
    (folder / "node_modules" / ".bin").mkdir(parents=True)
    (folder / "node_modules" / ".bin" / "link").symlink_to(folder)
    (folder / "bootstrap.wasm").write_bytes(b"\0asm")
    assert packaging.pack(folder, project.load(folder), Settings()).files == 1


def sourced(project: Path, answer: str) -> Path:
    """A function in *project* that a build copies from the file that is returned."""
    (project / "app.py").unlink()
    (project / "wasmfaas.toml").write_text(
        'handler = "app.lambda_handler"\nruntime = "python3.14"\n[build]\noutput = "app.py"\n'
        'command = "grep -q broken source.txt && exit 1; cp source.txt app.py"\n'
    )
    source = project / "source.txt"
    source.write_text(handler(answer))
    return source


def handler(answer: str) -> str:
    return f"def lambda_handler(event, context):\n    return {answer!r}\n"


def test_deploy_builds_first(cli: Cli, server: Server, project: Path) -> None:
    source = sourced(project, "built")
    ran = cli("deploy", project)
    assert ran.status == 0, ran.err
    assert "Building app.py" in ran.err
    assert server.invoke(project.name)[0] == "built"
    source.write_text("broken")
    assert cli("deploy", project, "--json").json["error"]["code"] == "BuildFailed"


def test_dev_builds_on_every_save_and_not_on_what_the_build_writes(
    server: Server, project: Path
) -> None:
    source = sourced(project, "first")
    with running(server, "dev", project, "--json") as process:
        lines_until(process, '"deployed"')
        assert server.invoke(project.name)[0] == "first"
        source.write_text("broken")
        events = [json.loads(line) for line in lines_until(process, '"failed"')]
        assert not [event for event in events if event["event"] == "deployed"]
        assert events[-1]["error"]["code"] == "BuildFailed"
        source.write_text(handler("second"))
        lines_until(process, '"updated"')
        assert server.invoke(project.name)[0] == "second"
