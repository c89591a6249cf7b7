import io
import json
import zipfile
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.conftest import Server

EXAMPLES = Path(__file__).parents[2] / "examples"


def returns(expression: str) -> str:
    return f"def lambda_handler(event, context):\n    return {expression}\n"


def test_a_file_is_deployed_and_answers_at_the_url_that_is_printed(
    cli: Cli, server: Server, tmp_path: Path, function_name: str
) -> None:
    path = tmp_path / f"{function_name}.py"
    path.write_text(returns("'it works'"))
    ran = cli("deploy", path)
    assert ran.status == 0, ran.err
    url = f"{server.url}/f/{function_name}/"
    assert f"created {function_name}" in ran.out
    assert f"curl {url}\n" in ran.out
    assert server.http.get(url).text == "it works"


def test_a_folder_is_deployed_as_its_settings_say(cli: Cli, project: Path) -> None:
    (project / "wasmfaas.toml").write_text(
        'memory_mb = 256\ntimeout_s = 7\nisolation = "fresh"\ndescription = "Says hello"\n'
        'fuel_max = 1000000000\n[environment]\nAA = "1"\n[tags]\nteam = "blue"\n'
    )
    deployed = cli("deploy", project, "--json").json
    assert deployed["action"] == "created"
    assert (deployed["memory_mb"], deployed["timeout_s"]) == (256, 7)
    described = cli("describe", project.name, "--json").json
    assert described["isolation"] == "fresh"
    assert described["fuel_max"] == 10**9
    assert described["tags"] == {"team": "blue"}
    assert described["configuration"]["Description"] == "Says hello"
    assert described["configuration"]["Environment"]["Variables"]["AA"] == "1"


def test_permissions_are_what_the_folder_says_until_it_says_otherwise(
    cli: Cli, project: Path
) -> None:
    settings = project / "wasmfaas.toml"
    settings.write_text('[permissions]\nfetch = ["https://a.com"]\nsecrets = ["KEY"]\n')
    assert cli("deploy", project, "--json").json["action"] == "created"
    assert cli("deploy", project, "--json").json["action"] == "unchanged"
    shown = cli("describe", project.name).out
    assert "fetch: https://a.com" in shown
    assert "secrets: KEY" in shown
    settings.write_text("")
    assert cli("deploy", project, "--json").json["action"] == "unchanged"
    settings.write_text("[permissions]\n")
    assert cli("deploy", project, "--json").json["action"] == "updated"
    permissions = cli("describe", project.name, "--json").json["permissions"]
    assert permissions == {"invoke": [], "fetch": [], "kv": [], "secrets": []}


def test_flags_win_over_the_folders_settings(cli: Cli, project: Path, function_name: str) -> None:
    (project / "wasmfaas.toml").write_text('name = "other"\nmemory_mb = 256\ntimeout_s = 7\n')
    deployed = cli("deploy", project, "--name", function_name, "--memory", 512, "--json").json
    assert deployed["name"] == function_name
    assert (deployed["memory_mb"], deployed["timeout_s"]) == (512, 7)


def test_only_what_changed_is_deployed_again(cli: Cli, project: Path) -> None:
    first = cli("deploy", project, "--json").json
    again = cli("deploy", project, "--json").json
    assert (first["action"], again["action"]) == ("created", "unchanged")
    configured = cli("deploy", project, "--timeout", 9, "--env", "AA=1", "--json").json
    assert (configured["action"], configured["timeout_s"]) == ("updated", 9)
    assert configured["code_sha256"] == first["code_sha256"]
    (project / "app.py").write_text(returns("2"))
    coded = cli("deploy", project, "--json").json
    assert (coded["action"], coded["timeout_s"]) == ("updated", 9)
    assert coded["code_sha256"] != first["code_sha256"]
    assert cli("invoke", project.name).out == "2\n"
    assert coded["url"] == first["url"]


def test_variables_and_tags_are_added_to_those_that_are_there(cli: Cli, project: Path) -> None:
    cli("deploy", project, "--env", "AA=1", "--tag", "team=blue")
    cli("deploy", project, "--env", "BB=2", "--tag", "stage=test")
    described = cli("describe", project.name, "--json").json
    variables = described["configuration"]["Environment"]["Variables"]
    assert {"AA": "1", "BB": "2"}.items() <= variables.items()
    assert described["tags"] == {"team": "blue", "stage": "test"}
    (project / "wasmfaas.toml").write_text('[tags]\nteam = "red"\n')
    cli("deploy", project)
    assert cli("describe", project.name, "--json").json["tags"] == {"team": "red"}


def test_a_url_is_made_unless_it_is_not_wanted(cli: Cli, project: Path) -> None:
    ran = cli("deploy", project, "--no-url")
    assert f"wasmfaas invoke {project.name}" in ran.out
    assert cli("describe", project.name, "--json").json["url"] is None
    assert cli("deploy", project, "--json").json["url"] is not None


def test_a_zip_and_a_module_are_deployed(cli: Cli, tmp_path: Path, function_name: str) -> None:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("main.py", returns("'zipped'"))
    (tmp_path / "package.zip").write_bytes(package.getvalue())
    cli("deploy", tmp_path / "package.zip", "--name", function_name)
    assert json.loads(cli("invoke", function_name).out) == "zipped"
    # The same name becomes a module, and Python again.
    module = EXAMPLES / "hello-wasi" / "bootstrap.wasm"
    ran = cli("deploy", module, "--name", function_name)
    assert ran.status == 0, ran.err
    assert "the event has 2 bytes" in cli("invoke", function_name).out
    cli("deploy", tmp_path / "package.zip", "--name", function_name)
    assert json.loads(cli("invoke", function_name).out) == "zipped"


def test_what_the_server_refuses_is_told_in_its_words_and_leaves_nothing(
    cli: Cli, tmp_path: Path, function_name: str
) -> None:
    path = tmp_path / "broken.wasm"
    path.write_bytes(b"\0asm but no module")
    ran = cli("deploy", path, "--name", function_name, "--json")
    assert ran.status == 1
    assert ran.json["error"]["code"] == "InvalidParameterValueException"
    assert cli("describe", function_name).status == 1


@pytest.mark.parametrize(
    ("flags", "part"),
    [
        (["--memory", "1"], "memorySize"),
        (["--timeout", "0"], "timeout"),
        (["--name", "a b"], "a b"),
    ],
)
def test_what_lambda_would_refuse_is_refused(
    cli: Cli, project: Path, flags: list[str], part: str
) -> None:
    ran = cli("deploy", project, *flags)
    assert (ran.status, ran.out) == (1, "")
    assert part in ran.err


def test_a_refused_update_leaves_what_is_served(cli: Cli, project: Path) -> None:
    cli("deploy", project)
    assert cli("deploy", project, "--memory", 1).status == 1
    assert cli("invoke", project.name, "[1]").out == "[1]\n"
