"""Sections 3, 7 and 8 of the ABI text, as guests on a real server find them."""

import re
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import REGION, Server
from tests.guest_sdks.toolchain import SAMPLES, build_reactor, zig
from wasmfaas.models import Isolation

TEXT = (Path(__file__).parents[2] / "guest-sdks" / "README.md").read_text()
ENOENT = 44


def rows(section: str) -> list[list[str]]:
    """The cells of the tables in a section of the text."""
    [body] = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    lines = re.findall(r"^\|(.*)\|$", body, re.MULTILINE)
    return [[cell.strip() for cell in line.split("|")] for line in lines]


def deploy(server: Server, name: str, module: Path, **settings: Any) -> str:
    files: dict[str, str | bytes] = {"bootstrap.wasm": module.read_bytes(), "note.txt": "packaged"}
    defaults = {"Runtime": "provided.al2023", "Handler": "bootstrap"}
    return server.deploy(name, files, **(defaults | settings))


def test_the_context_is_what_the_text_says(
    server: Server, function_name: str, tmp_path: Path
) -> None:
    deploy(server, function_name, build_reactor(SAMPLES / "echo.c", tmp_path / "echo.wasm"))
    before = time.time() * 1000
    echo, response = server.invoke(function_name, {"a": [1, None, "ä"]})
    context, request_id = echo["context"], response["ResponseMetadata"]["RequestId"]
    types = {
        "string": str,
        "object or null": dict | None,
        "null": None,
        "string or null": str | None,
    }
    promised = {name.strip("`"): types[kind] for name, kind, _ in rows("3. Context")[2:]}
    assert echo["event"] == {"a": [1, None, "ä"]}
    assert promised.keys() <= context.keys()
    for name, kind in promised.items():
        assert context[name] is None if kind is None else isinstance(context[name], kind), name
    assert before <= int(context["deadlineMs"]) <= time.time() * 1000 + 30_000
    assert context["requestId"] == request_id
    assert context["functionName"] == function_name
    assert context["functionVersion"] == "$LATEST"
    assert context["invokedFunctionArn"].endswith(f":function:{function_name}")
    assert context["memoryLimitInMB"] == "128"
    assert context["logGroupName"] == f"/aws/lambda/{function_name}"


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    module = tmp_path_factory.mktemp("surroundings") / "surroundings.wasm"
    return build_reactor(Path(__file__).with_name("surroundings.c"), module)


def test_the_environment_is_the_functions_and_what_the_text_lists(
    server: Server, function_name: str, surroundings: Path
) -> None:
    own = {"COLOUR": "blue", "EMPTY": "", "TEXT": 'ä "=" \\'}
    deploy(server, function_name, surroundings, Environment={"Variables": own})
    answer, _ = server.invoke(function_name)
    found = dict(variable.split("=", 1) for variable in answer["environment"])
    listed = {
        name for row in rows("7. What a guest finds")[2:] for name in re.findall(r"`(\w+)`", row[0])
    }
    assert listed - {"WASMFAAS_CONTEXT"} <= found.keys()
    assert {name: found[name] for name in own} == own
    strangers = found.keys() - own.keys() - listed
    assert all(name.startswith(("AWS_", "LAMBDA_", "WASMFAAS_")) for name in strangers), strangers
    assert found["_HANDLER"] == "bootstrap"
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == REGION
    assert found["AWS_EXECUTION_ENV"] == "AWS_Lambda_provided.al2023"
    assert found["AWS_LAMBDA_FUNCTION_NAME"] == function_name
    assert found["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert found["LAMBDA_TASK_ROOT"] == "/var/task"
    assert found["TZ"] == ":UTC"


@pytest.mark.parametrize("isolation", list(Isolation))
def test_files_and_randomness_belong_to_one_invocation(
    server: Server, function_name: str, surroundings: Path, isolation: Isolation
) -> None:
    variables = {"WASMFAAS_ISOLATION": isolation.value}
    deploy(server, function_name, surroundings, Environment={"Variables": variables})
    answers = [server.invoke(function_name)[0] for _ in range(3)]
    for answer in answers:
        assert answer["note"] == "packaged"
        assert answer["writing_package"] != 0
        assert answer["before_in_tmp"] == ENOENT
        assert (answer["writing_tmp"], answer["after_in_tmp"]) == (0, 0)
        assert answer["stdin"] == 0
    assert len({answer["random"] for answer in answers}) == 3


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/var/task/../../etc/passwd", "/tmp/../etc/passwd", "/proc/self/environ"],
)
def test_no_other_file_is_there(server: Server, surroundings_function: str, path: str) -> None:
    answer, _ = server.invoke(surroundings_function, {"path": path})
    assert answer["reading"] != 0


@pytest.fixture(scope="module")
def surroundings_function(server: Server, surroundings: Path) -> str:
    return deploy(server, "surroundings", surroundings)


def test_a_command_gets_the_context_and_the_handler(
    server: Server, function_name: str, tmp_path: Path
) -> None:
    source, module = tmp_path / "main.c", tmp_path / "main.wasm"
    source.write_text(
        "#include <stdio.h>\n#include <stdlib.h>\n"
        'int main(int count, char **arguments) { printf("[%d, \\"%s\\", %s]", count, arguments[0],'
        ' getenv("WASMFAAS_CONTEXT")); }'
    )
    zig("cc", "--target=wasm32-wasi", "-O2", "-s", "-o", str(module), str(source))
    deploy(server, function_name, module)
    (count, handler, context), response = server.invoke(function_name)
    assert (count, handler) == (1, "bootstrap")
    assert context["requestId"] == response["ResponseMetadata"]["RequestId"]
