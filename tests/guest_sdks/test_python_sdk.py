"""The SDK for Python: its own tests, and that its types are those of the module in the sandbox."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.guest_sdks.toolchain import SDKS
from tests.sandbox.conftest import Pool, answer, pool

__all__ = ["pool"]

SDK = SDKS / "python"
STUBS = SDK / "src" / "wasmfaas-stubs"
MODULES = sorted(path.stem for path in STUBS.glob("*.pyi"))
#: Says of each public name of a module what it is, and what it takes.
DESCRIBE = """
import importlib, inspect

def described(value):
    if inspect.isclass(value):
        return [base.__name__ for base in value.__mro__]
    if not inspect.isfunction(value):
        return "module"
    return [[each.name, each.kind.name, each.default is not each.empty]
            for each in inspect.signature(value).parameters.values()]

def lambda_handler(event, context):
    module = importlib.import_module(event["module"])
    found = {name: described(getattr(module, name)) for name in event["names"]}
    return {"all": sorted(getattr(module, "__all__", [])), "found": found,
            "attributes": [hasattr(context, name) for name in event["context"]]}
"""
USE = """
import wasmfaas
from wasmfaas import LambdaContext, http, kv
from wasmfaas.wsgi import handler_for

def lambda_handler(event: object, context: LambdaContext) -> object:
    page = wasmfaas.fetch("https://example.com/", headers={"a": "b"}, timeout=1.5)
    count = int(kv.get("visits", b"0"))
    kv.set("visits", str(count), if_version=kv.entry("visits").version)
    reveal_type(kv.get("visits"))
    try:
        reveal_type(wasmfaas.secrets.get("TOKEN"))
    except wasmfaas.NotFound:
        wasmfaas.invoke_event("other", {"n": context.get_remaining_time_in_millis()})
    wasmfaas.fetch("https://example.com/", redirect="never")
    return http.response(page.body, page.status)
"""


def test_its_own_tests_pass() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."]
    ran = subprocess.run(command, cwd=SDK, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def declared(module: str) -> dict[str, Any]:
    """What the stub of *module* has of functions and classes, as DESCRIBE says it."""
    tree = ast.parse((STUBS / f"{module}.pyi").read_text())
    found: dict[str, Any] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            found[node.name] = parameters(node.args)
        elif isinstance(node, ast.ClassDef):
            found[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return found


def parameters(arguments: ast.arguments) -> list[list[Any]]:
    without = len(arguments.args) - len(arguments.defaults)
    positional = [
        [each.arg, "POSITIONAL_OR_KEYWORD", number >= without]
        for number, each in enumerate(arguments.args)
    ]
    named = zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return positional + [[each.arg, "KEYWORD_ONLY", bool(default)] for each, default in named]


@pytest.mark.parametrize("module", MODULES)
def test_the_stubs_are_what_is_in_the_sandbox(pool: Pool, module: str) -> None:
    stubs = declared(module)
    # Types of members, which are met but not imported.
    wanted = [name for name in stubs if name not in ("ClientContext", "CognitoIdentity")]
    name = "wasmfaas" if module == "__init__" else f"wasmfaas.{module}"
    context = [
        node.target.id if isinstance(node, ast.AnnAssign) else node.name
        for each in ast.parse((STUBS / "__init__.pyi").read_text()).body
        if isinstance(each, ast.ClassDef) and each.name == "LambdaContext"
        for node in each.body
        if isinstance(node, ast.AnnAssign | ast.FunctionDef)
    ]
    event = {"module": name, "names": wanted, "context": context}
    told = answer(pool.invoke(pool.function(DESCRIBE, timeout_ms=60_000), event))
    for each in wanted:
        if stubs[each] and isinstance(stubs[each][0], list):
            # Of overloads the last one has no default, which the others have.
            same = [[arg, kind] for arg, kind, _ in told["found"][each]]
            assert same == [[arg, kind] for arg, kind, _ in stubs[each]], each
        else:
            assert set(stubs[each]) - {"NamedTuple"} <= set(told["found"][each]), each
    assert set(told["all"]) <= set(stubs) | {"kv", "secrets"}
    assert all(told["attributes"])


def test_type_checkers_know_the_module(tmp_path: Path) -> None:
    # As it is once it is installed: a checker takes `wasmfaas-stubs` for `wasmfaas`.
    shutil.copytree(STUBS, tmp_path / "stubs" / "wasmfaas")
    shutil.copytree(SDK / "samples", tmp_path / "samples")
    (tmp_path / "use.py").write_text(USE)
    ran = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "use.py", "samples"],
        cwd=tmp_path,
        env=os.environ | {"MYPYPATH": str(tmp_path / "stubs")},
        capture_output=True,
        text=True,
    )
    lines = [line.partition(": ")[2] for line in ran.stdout.splitlines()]
    assert lines[:2] == [
        'note: Revealed type is "bytes | None"',
        'note: Revealed type is "str"',
    ], ran.stdout + ran.stderr
    assert len(lines) == 3, ran.stdout
    assert 'error: Argument "redirect" to "fetch" has incompatible type' in lines[2]
