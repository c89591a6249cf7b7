"""Layers from the command line, and in wasmfaas.toml."""

from pathlib import Path

from tests.cli.conftest import Cli
from wasmfaas.cli import plan
from wasmfaas.cli.packaging import Package
from wasmfaas.cli.project import FunctionSettings

PYTHON = Package(data=b"", handler="app.lambda_handler", runtime="python3.14", files=1)


def test_a_published_layer_is_used_by_a_deploy(
    cli: Cli, project: Path, function_name: str, tmp_path: Path
) -> None:
    content = tmp_path / "content" / "python"
    content.mkdir(parents=True)
    (content / "library.py").write_text("ANSWER = 42\n")
    published = cli(
        "layer", "publish", function_name, content.parent, "--runtime", "python3.12", "--json"
    )
    arn = published.json["arn"]
    assert arn.endswith(f":layer:{function_name}:1")
    source = "import library\ndef lambda_handler(event, context):\n    return library.ANSWER\n"
    (project / "app.py").write_text(source)
    settings = project / "wasmfaas.toml"
    given = settings.read_text() if settings.exists() else ""
    settings.write_text(f'layers = ["{arn}"]\n{given}')
    name = cli("deploy", project, "--json").json["name"]
    assert cli("invoke", name).out.strip() == "42"
    assert arn in cli("describe", name).out
    listed = cli("layer", "list", function_name, "--json").json["layers"]
    assert [(row["arn"], row["runtimes"]) for row in listed] == [(arn, ["python3.12"])]
    assert cli("layer", "delete", arn, "--yes").status == 0
    assert arn not in cli("layer", "list").out


def test_what_is_no_layer_is_told(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("x")
    for arguments, said in (
        (("publish", "a", tmp_path / "gone"), "does not exist"),
        (("publish", "a", file), "is neither a folder nor a .zip"),
        (("delete", "a", "--yes"), "names no version"),
    ):
        ran = cli("layer", *arguments)
        assert ran.status == 1
        assert said in ran.err


def test_layers_that_are_not_said_stay() -> None:
    deployed = {
        "Runtime": "python3.14", "Handler": "app.lambda_handler",
        "Layers": [{"Arn": "a:1", "CodeSize": 1}],
    }  # fmt: skip
    changes = plan.configuration_changes
    assert changes(FunctionSettings(), PYTHON, deployed) == {}
    assert changes(FunctionSettings(layers=("a:1",)), PYTHON, deployed) == {}
    assert changes(FunctionSettings(layers=()), PYTHON, deployed) == {"Layers": []}
    wanted = FunctionSettings(layers=("b:1", "a:1"))
    assert changes(wanted, PYTHON, deployed) == {"Layers": ["b:1", "a:1"]}
    assert plan.creation(wanted, PYTHON)["Layers"] == ["b:1", "a:1"]
