"""Versions and aliases against a running server: what is served, and by whom an event was run."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROLE, Server, start_server, zip_of

QUICK = {"Delay": 0.1, "MaxAttempts": 600}
#: Enough that none of them going to a version with a share of 0.3 is a chance of one in 10^9.
INVOCATIONS = 60
SOURCE = """
import os

NUMBER = {number}
STARTED_AS = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]

def lambda_handler(event, context):
    print("number", NUMBER)
    return dict(
        number=NUMBER,
        versions=[STARTED_AS, os.environ["AWS_LAMBDA_FUNCTION_VERSION"], context.function_version],
        arn=context.invoked_function_arn,
        stream=context.log_stream_name,
    )
"""


def package(number: int) -> bytes:
    return zip_of({"app.py": SOURCE.format(number=number)})


def wait(client: Any, waiter: str, name: str) -> None:
    client.get_waiter(waiter).wait(FunctionName=name, WaiterConfig=QUICK)


def invoke(client: Any, name: str) -> dict[str, Any]:
    """The answer of a function, which says by which version it was given."""
    response = client.invoke(FunctionName=name, LogType="Tail")
    answer: dict[str, Any] = json.loads(response["Payload"].read())
    version = response["ExecutedVersion"]
    assert answer["versions"] == [version] * 3
    assert answer["arn"].endswith(f":function:{name}")
    assert f"/[{version}]" in answer["stream"]
    return answer


@pytest.fixture
def client(server: Server) -> Any:
    return server.lambda_client()


@pytest.fixture
def name(client: Any, function_name: str) -> str:
    """A function whose version 1 is not its `$LATEST`, which is version 2."""
    client.create_function(
        FunctionName=function_name, Runtime="python3.14", Role=ROLE, Handler="app.lambda_handler",
        Code={"ZipFile": package(1)}, Publish=True,
    )  # fmt: skip
    wait(client, "published_version_active", f"{function_name}:1")
    client.update_function_code(FunctionName=function_name, ZipFile=package(2))
    wait(client, "function_updated_v2", function_name)
    assert client.publish_version(FunctionName=function_name)["Version"] == "2"
    return function_name


def test_each_version_runs_its_own_code(server: Server, client: Any, name: str) -> None:
    client.update_function_code(FunctionName=name, ZipFile=package(3))
    wait(client, "function_updated_v2", name)
    client.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    for qualifier, number in (("", 3), (":$LATEST", 3), (":1", 1), (":2", 2), (":prod", 1)):
        assert invoke(client, name + qualifier)["number"] == number
    client.update_alias(FunctionName=name, Name="prod", FunctionVersion="2")
    assert invoke(client, f"{name}:prod")["number"] == 2
    logs = server.http.get(f"/_wasmfaas/v1/functions/{name}/logs").text
    for version in ("$LATEST", "1", "2"):
        assert f" Version: {version}\\n" in logs


def test_both_versions_of_an_alias_are_run(client: Any, name: str) -> None:
    """How often each is, `tests/integration/test_weights.py` measures."""
    client.create_alias(
        FunctionName=name, Name="split", FunctionVersion="1",
        RoutingConfig={"AdditionalVersionWeights": {"2": 0.3}},
    )  # fmt: skip
    numbers = {invoke(client, f"{name}:split")["number"] for _ in range(INVOCATIONS)}
    assert numbers == {1, 2}
    client.update_alias(FunctionName=name, Name="split", RoutingConfig={})
    assert {invoke(client, f"{name}:split")["number"] for _ in range(20)} == {1}


def test_the_url_of_an_alias_answers_whom_the_policy_of_the_alias_lets_in(
    server: Server, client: Any, name: str
) -> None:
    client.create_alias(FunctionName=name, Name="prod", FunctionVersion="1")
    client.create_function_url_config(FunctionName=name, Qualifier="prod", AuthType="NONE")
    for granted, status in ((None, 403), (name, 403), (f"{name}:prod", 200)):
        if granted is not None:
            client.add_permission(
                FunctionName=granted, StatementId="all", Principal="*",
                Action="lambda:InvokeFunctionUrl", FunctionUrlAuthType="NONE",
            )  # fmt: skip
        answer = server.http.get(f"/f/{name}:prod/")
        assert answer.status_code == status, answer.text
    assert answer.json()["number"] == 1
    assert answer.json()["arn"].endswith(f":function:{name}:prod")
    client.update_alias(FunctionName=name, Name="prod", FunctionVersion="2")
    assert server.http.get(f"/f/{name}:prod/").json()["number"] == 2
    client.delete_alias(FunctionName=name, Name="prod")
    assert server.http.get(f"/f/{name}:prod/").status_code == 403


def test_a_version_is_served_after_a_restart(tmp_path: Path, cache_dir: Path) -> None:
    server = start_server(tmp_path / "data", cache_dir, workers_max=1)
    client = server.lambda_client()
    client.create_function(
        FunctionName="f", Runtime="python3.14", Role=ROLE, Handler="app.lambda_handler",
        Code={"ZipFile": package(1)},
    )  # fmt: skip
    wait(client, "function_active_v2", "f")
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion="1")
    client.update_function_code(FunctionName="f", ZipFile=package(2))
    wait(client, "function_updated_v2", "f")
    listed = client.list_versions_by_function(FunctionName="f")["Versions"]
    assert server.stop() == 0
    server = start_server(tmp_path / "data", cache_dir, workers_max=1)
    client = server.lambda_client()
    assert client.list_versions_by_function(FunctionName="f")["Versions"] == listed
    assert invoke(client, "f:prod")["number"] == 1
    assert invoke(client, "f")["number"] == 2
    assert server.stop() == 0
