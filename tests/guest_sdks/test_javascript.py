"""The SDK of JavaScript and TypeScript: its own tests, its types, and the samples in TypeScript."""

import json
from pathlib import Path

import pytest

from tests.conftest import Server
from tests.guest_sdks.node import node, project

SDKS = Path(__file__).parents[2] / "guest-sdks"
SAMPLES = ("hello", "echo", "error", "log")


@pytest.fixture(scope="module")
def installed(cache_dir: Path) -> Path:
    """A project with the SDK and TypeScript; not to be changed."""
    return project("typescript", cache_dir)


@pytest.fixture
def workspace(installed: Path, tmp_path: Path) -> Path:
    """A folder with the SDKs, as they lie beside one another, and what they depend on."""
    for language in ("javascript", "typescript"):
        (tmp_path / language).mkdir()
        for path in (SDKS / language).iterdir():
            if path.name != "node_modules":
                (tmp_path / language / path.name).symlink_to(path)
    (tmp_path / "node_modules").symlink_to(installed / "node_modules")
    return tmp_path


def test_its_own_tests_pass(workspace: Path) -> None:
    tests = sorted(str(path) for path in (workspace / "javascript/test").glob("*.test.js"))
    links = ("--preserve-symlinks", "--preserve-symlinks-main")
    told = node(*links, "--test", *tests, folder=workspace)
    assert "fail 0" in told


def test_the_projects_own_tests_pass(installed: Path, cache_dir: Path) -> None:
    assert "pass 1" in node("--test", "app.test.js", folder=project("javascript", cache_dir))


def test_types_of_samples_and_templates_are_right(workspace: Path, installed: Path) -> None:
    compiler = str(installed / "node_modules/typescript/bin/tsc")
    node(compiler, folder=installed)
    node(compiler, "-p", str(SDKS / "typescript"), folder=workspace)


def test_types_that_are_wrong_are_told(workspace: Path, installed: Path) -> None:
    (workspace / "wrong.ts").write_text(
        'import type { Handler } from "wasmfaas";\n'
        "export const handler: Handler<object, string> = (event, context) => context.nothing;\n"
        "fetch2(setTimeout(handler, document));\n"
    )
    compiler = str(installed / "node_modules/typescript/bin/tsc")
    with pytest.raises(AssertionError) as raised:
        node(
            compiler, "--noEmit", "--strict", "--module", "ESNext", "--moduleResolution", "Bundler",
            "--lib", "ES2023", "--types", "wasmfaas/globals", "wrong.ts", folder=workspace,
        )  # fmt: skip
    for name in ("nothing", "fetch2", "document"):
        assert name in str(raised.value)


def test_typescript_samples_answer(
    server: Server, installed: Path, function_name: str, tmp_path: Path
) -> None:
    """All in one component, as compiling one takes seconds."""
    source = tmp_path / "samples.ts"
    imports = [
        f'import * as {name} from "{SDKS}/typescript/samples/{name}.ts";' for name in SAMPLES
    ]
    source.write_text(
        "\n".join(imports) + f"\nconst samples = {{ {', '.join(SAMPLES)} }};\n"
        "export const handler = (event: { sample: keyof typeof samples; event: any }, context: any)"
        " =>\n  samples[event.sample].handler(event.event, context);\n"
    )
    module = tmp_path / "bootstrap.wasm"
    node("sdk/build.js", str(source), "-o", str(module), folder=installed)
    server.deploy(
        function_name, {"bootstrap.wasm": module.read_bytes()},
        Runtime="provided.al2023", Handler="bootstrap", Timeout=30,
    )  # fmt: skip

    def invoke(sample: str, event: object) -> dict[str, object]:
        answer: dict[str, object] = server.invoke(
            function_name, {"sample": sample, "event": event}
        )[0]
        return answer

    assert invoke("hello", {"name": "Ada"}) == {"greeting": "Hello, Ada!"}
    assert invoke("hello", {})["errorType"] == "BadEvent"
    echoed = invoke("echo", {"a": [1, None]})
    assert echoed["event"] == {"a": [1, None]}
    assert json.loads(json.dumps(echoed["context"]))["functionName"] == function_name
    assert invoke("error", {"value": 9}) == 3
    failed = invoke("error", {"value": -4})
    assert failed["errorMessage"] == "-4 has no square root here"
    assert "typescript/samples/error.ts:15" in str(failed["stackTrace"])
    assert invoke("log", None)["remainingMs"]
