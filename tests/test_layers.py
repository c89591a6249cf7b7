"""The architecture, held: imports point one way, and third parties stay where they belong."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "wasmfaas"
#: Each part may import itself and the parts below it.
LAYERS = {
    "errors": 0, "log_errors": 0, "models": 0, "settings": 0, "conversion": 0, "declaration": 0,
    "exposure": 0, "objections": 0, "abi": 0, "wire": 0, "trees": 0, "policy": 0,
    "permissions": 0, "origins": 0, "patterns": 0,
    "queue_errors": 0, "hooks": 0,
    "schedule_errors": 0, "schedules": 0,
    "sandbox": 1, "store": 1, "outgoing": 1,
    "invoke": 2, "auth": 2,
    "capabilities": 3, "services": 3, "front": 3, "sources": 4,
    "triggers": 5, "api": 5, "edge": 5,
    "wiring": 6,
    "node": 7,
    "app": 8,
    "cli": 9,
    "testing": 10,
}  # fmt: skip
#: What only these parts may import.
CONFINED = {
    "wasmtime": {"sandbox"},
    "sqlalchemy": {"store"},
    "alembic": {"store"},
    "starlette": {"api", "triggers", "edge", "front"},
    "uvicorn": {"app", "edge"},
    "typer": {"cli"},
    "httpx": {"cli", "api", "services", "outgoing", "wiring"},
    "redis": {"sources"},
    "confluent_kafka": {"sources"},
    "msgpack": {"wire", "sandbox", "store", "capabilities"},
}
FUNCTION_LINES_MAX = 70
MODULE_LINES_MAX = 350

MODULES = sorted(
    path
    for path in PACKAGE.rglob("*.py")
    if path.name not in ("__init__.py", "__main__.py")
    and not {"templates", "versions"} & set(path.relative_to(PACKAGE).parts)
)  # fmt: skip
#: Those of the server and its processes: what runs in a sandbox imports what it finds there.
OUTSIDE = [path for path in MODULES if "guest" not in path.relative_to(PACKAGE).parts]


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("path", OUTSIDE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    part = part_of(path)
    for name in imports(ast.parse(path.read_text())):
        top, _, rest = name.partition(".")
        if top == "wasmfaas" and rest:
            other = rest.split(".")[0]
            below = other not in LAYERS or other == part or LAYERS[other] < LAYERS[part]
            assert below or LAYERS[other] == LAYERS[part] == 0, f"{path}: {part} imports {other}"
        assert part in CONFINED.get(top, {part}), f"{path}: {top} does not belong in {part}"


def test_the_server_never_imports_wasmtime() -> None:
    """Its abort would then cost the service, not one invocation."""
    for path in OUTSIDE:
        if part_of(path) in ("sandbox", "cli"):
            continue
        names = set(imports(ast.parse(path.read_text())))
        assert not any(name.startswith("wasmfaas.sandbox") for name in names), path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_every_function_fits_a_screen(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MODULE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            assert node.end_lineno - node.lineno < FUNCTION_LINES_MAX, node.name


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_keeps_state(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.Global)]
