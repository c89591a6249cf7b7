"""The SDK of JavaScript and TypeScript: its own tests, and its types."""

import json
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from tests.guest_sdks.node import node, project
from wasmfaas.cli.commands.init import write

SDKS = Path(__file__).parents[2] / "guest-sdks"
PROBES = [
    str(Path(__file__).with_name("probes") / f"{name}.ts") for name in ("capabilities", "probe")
]


@pytest.fixture(scope="module")
def installed(cache_dir: Path) -> Path:
    """A project with the SDK and TypeScript; not to be changed."""
    return project(cache_dir)


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


def test_the_projects_own_tests_pass(installed: Path, tmp_path: Path) -> None:
    write("javascript", tmp_path)
    (tmp_path / "node_modules").symlink_to(installed / "node_modules")
    assert "pass 2" in node("--test", "app.test.js", folder=tmp_path)


def test_the_packages_of_both_templates_are_the_same_but_for_the_compiler() -> None:
    """So tests of both can do with those that one of them has installed."""
    package, packages = locked("javascript")
    package_of_typescript, packages_of_typescript = locked("typescript")
    compiler = {"typescript": package_of_typescript["devDependencies"]["typescript"]}
    assert package_of_typescript["devDependencies"] == package["devDependencies"] | compiler
    assert packages_of_typescript.pop("node_modules/typescript")
    assert packages_of_typescript == packages


def locked(template: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The project itself, and the packages that it depends on, in its lock file."""
    text = (resources.files("wasmfaas.cli") / f"templates/{template}/package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    return packages.pop(""), packages


#: By name, sources that cannot be built, and what is said of them.
SOURCES = {
    "exits.js": "export const handler = () => 1;\nfunction inner() { process.exit(3); }\ninner();",
    "other.js": "export const other = 1;",
    "files.js": "import fs from 'node:fs';\nexport const handler = () => fs;",
    "waits.js": "await fetch('http://localhost').catch((error) => console.log(error.message));\n"
    "await new Promise(() => {});\nexport const handler = () => 1;",
}
TOLD = {
    "exits.js": ["top level", "built: process.exit(3) at", "\n    at inner (exits.js:2)\n"],
    "other.js": ["other.js exports no function handler, but other"],
    "files.js": ["files.js imports node:fs", "none of Node's own modules"],
    "waits.js": [
        "fetch is there while an event is handled",
        "awaits at its top level what nothing",
    ],
}


def test_what_cannot_be_built_is_told_in_terms_of_the_source(
    installed: Path, tmp_path: Path
) -> None:
    for name, text in SOURCES.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "all.mjs").write_text(
        f"import {{ build }} from {json.dumps(str(installed / 'sdk/build.js'))};\n"
        f"for (const name of {json.dumps(list(SOURCES))})\n"
        "  await build(name).then(() => console.log(`== ${name}\\n`),"
        " (error) => console.log(`== ${name}\\n${error.message}`));\n"
    )
    printed = node("all.mjs", folder=tmp_path)
    told = dict(part.split("\n", 1) for part in printed.split("== ")[1:])
    assert told.keys() == SOURCES.keys()
    for name, parts in TOLD.items():
        for expected in parts:
            assert expected in told[name]


def test_a_build_ends_in_time(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "loop.js").write_text("for (;;);\nexport const handler = () => 1;")
    with pytest.raises(AssertionError, match=r"loop\.js was not built within 0\.3 s"):
        node(str(installed / "sdk/build.js"), "loop.js", "--timeout", "0.3", folder=tmp_path)


def test_types(workspace: Path, installed: Path) -> None:
    """Those of the SDK hold for samples, probe and template; what is wrong, and only that, is
    told."""
    compiler = str(installed / "node_modules/typescript/bin/tsc")
    node(compiler, folder=installed)
    (workspace / "wrong.ts").write_text(
        'import type { Handler } from "wasmfaas";\n'
        "export const handler: Handler<object, string> = (event, context) => context.nothing;\n"
        "fetch2(setTimeout(handler, document));\n"
    )
    own = json.loads((SDKS / "typescript/tsconfig.json").read_text())
    files = [str(SDKS / "typescript" / path) for path in own["files"]]
    inherited = {"extends": str(SDKS / "typescript/tsconfig.json")}
    (workspace / "tsconfig.json").write_text(
        json.dumps(inherited | {"files": [*files, *PROBES, "wrong.ts"]})
    )
    with pytest.raises(AssertionError) as raised:
        node(compiler, "--pretty", "false", folder=workspace)
    told = [line for line in str(raised.value).splitlines() if "error TS" in line]
    assert len(told) == 3, told
    for line, name in zip(told, ("nothing", "fetch2", "document"), strict=True):
        assert line.startswith("wrong.ts"), told
        assert name in line
