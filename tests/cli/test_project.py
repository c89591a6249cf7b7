from pathlib import Path

import pytest

from wasmfaas.cli import project
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.project import FunctionSettings

WHOLE = """\
name = "hello"
handler = "app.main"
runtime = "python3.12"
memory_mb = 256
timeout_s = 30
isolation = "fresh"
description = "Says hello"
fuel_max = 1_000_000
tmp_mb = 1024
layers = ["arn:a:1", "arn:b:2"]

[environment]
GREETING = "Hello"

[tags]
team = "blue"

[permissions]
fetch = ["https://API.example.com:443/", {origin = "http://db.internal", private = true}]
kv = ["self", "shared:read"]

[package]
exclude = ["*.md"]
"""


def test_everything_that_can_be_said_is_read() -> None:
    assert project.parse(WHOLE, "wasmfaas.toml") == FunctionSettings(
        name="hello",
        handler="app.main",
        runtime="python3.12",
        memory_mb=256,
        timeout_s=30,
        isolation="fresh",
        description="Says hello",
        fuel_max=1_000_000,
        tmp_mb=1024,
        layers=("arn:a:1", "arn:b:2"),
        environment={"GREETING": "Hello"},
        tags={"team": "blue"},
        permissions={
            "invoke": [],
            "fetch": [
                "https://api.example.com",
                {"origin": "http://db.internal", "private": True},
            ],
            "kv": ["self", "shared:read"],
            "secrets": [],
        },
        schedules=(),
        webhooks=(),
        exclude=("*.md",),
    )


def test_what_is_not_said_is_not_chosen(tmp_path: Path) -> None:
    assert project.load(tmp_path) == FunctionSettings()
    # Which schedules and webhooks there are, a file says.
    assert project.parse("", "wasmfaas.toml") == FunctionSettings(schedules=(), webhooks=())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\nmemory = 256\n", "line 2: unknown key 'memory'; did you mean 'memory_mb'?"),
        ("name = 'a'\n[enviroment]\nA = 'b'\n", "line 2: unknown key 'enviroment'; did you mean"),
        ("[package]\nexcluded = []\n", "line 2: unknown key 'package.excluded'; did you mean"),
        ("xyzzy = 1\n", "line 1: unknown key 'xyzzy'; known are name, handler, "),
        ("memory_mb = '256'\n", "line 1: memory_mb is '256', but must be a whole number"),
        ("layers = 'a'\n", "line 1: layers is 'a', but must be a list"),
        ("layers = [1]\n", "line 1: layers holds 1, but must hold strings"),
        ("memory_mb = true\n", "line 1: memory_mb is True, but must be a whole number"),
        ("name = 'a'\ntimeout_s = 2.5\n", "line 2: timeout_s is 2.5, but must be a whole number"),
        ("tags = 'x'\n", "line 1: tags is 'x', but must be a table"),
        ("[environment]\nPORT = 80\n", 'line 2: environment.PORT is 80, but must be a string; '
         'write "80"'),
        ("[environment]\nON = true\n", 'environment.ON is True, but must be a string; '
         'write "true"'),
        ("[tags]\nname = 'x'\n[environment]\nname = 1\n", "line 4: environment.name is 1, but"),
        ("environment.PORT = 80\n", "line 1: environment.PORT is 80, but must be a string"),
        ("[package]\nexclude = '*.md'\n", "line 2: package.exclude is '*.md', but must be a list"),
        ("[package]\nexclude = ['/']\n", "line 2: package.exclude holds '/', but must hold"),
        ("[permissions]\nfly = []\n", "line 2: There are no permissions 'fly'; there are: invoke"),
        ("[permissions]\ninvoke = 'a'\n", "line 2: permissions.invoke must be a list"),
        ("[permissions]\nkv = []\nfetch = ['ftp://a']\n", "line 3: permissions.fetch has 'ftp:"),
        ("permissions = []\n", "line 1: permissions is [], but must be a table"),
        ("isolation = 'none'\n", "line 1: isolation is 'none', but must be one of pristine, fre"),
        ("name = \n", "is not TOML: Invalid value (at line 1, column 8)"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line(text: str, message: str) -> None:
    with pytest.raises(Failure) as failure:
        project.parse(text, "wasmfaas.toml")
    assert message in failure.value.message
    assert failure.value.message.startswith("wasmfaas.toml")


def test_a_file_that_cannot_be_read_is_an_error_not_an_absent_one(tmp_path: Path) -> None:
    (tmp_path / "wasmfaas.toml").write_bytes(b"name = '\xff'\n")
    with pytest.raises(Failure, match="is not UTF-8 text"):
        project.load(tmp_path)
    (tmp_path / "wasmfaas.toml").unlink()
    (tmp_path / "wasmfaas.toml").mkdir()
    with pytest.raises(Failure, match=r"cannot read .*wasmfaas\.toml: Is a directory"):
        project.load(tmp_path)


def test_choices_override_what_is_declared() -> None:
    declared = project.parse(WHOLE, "wasmfaas.toml")
    chosen = declared.overridden(memory_mb=512, handler=None)
    assert (chosen.memory_mb, chosen.handler, chosen.timeout_s) == (512, "app.main", 30)


def test_pairs_split_at_the_first_equals_sign() -> None:
    assert project.pairs(["A=1", "B=", "C=x=y"], "--env") == {"A": "1", "B": "", "C": "x=y"}
    for text in ("A", "=1", ""):
        with pytest.raises(ValueError, match=r"--env .* is not of the form KEY=VALUE"):
            project.pairs([text], "--env")


@pytest.mark.parametrize(
    ("path", "name"),
    [("hello.py", "hello"), ("my app.v2.zip", "my-app-v2"), ("x" * 80 + ".py", "x" * 64)],
)
def test_a_name_is_made_of_the_last_part_of_a_path(tmp_path: Path, path: str, name: str) -> None:
    assert project.name_of(tmp_path / path) == name


def test_a_name_is_made_of_a_folder_from_inside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "hello.world"
    folder.mkdir()
    monkeypatch.chdir(folder)
    assert project.name_of(Path(".")) == "hello-world"


def test_a_path_that_no_name_can_be_made_of_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="give one with --name"):
        project.name_of(tmp_path / "日本.py")
