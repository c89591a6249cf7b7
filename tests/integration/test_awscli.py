"""The official `aws` command, a process for each of the everyday things that are done with it."""

import base64
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROLE, Server, zip_of

SOURCE = """
def lambda_handler(event, context):
    print("called with", event)
    return {{"number": {number}, "version": context.function_version}}
"""


class Aws:
    """Runs `aws` against a server."""

    def __init__(self, server: Server, folder: Path) -> None:
        self._folder = folder
        # Nothing of the configuration of whoever runs the tests.
        files = {"AWS_CONFIG_FILE": "none", "AWS_SHARED_CREDENTIALS_FILE": "none"}
        self._variables = {**os.environ, **server.variables, **files}

    def __call__(self, *arguments: object, fails: bool = False) -> Any:
        """What it prints; where it *fails*, what it complains of."""
        ran = subprocess.run(
            [sys.executable, "-m", "awscli", "--output=json", *map(str, arguments)],
            env=self._variables, cwd=self._folder, capture_output=True, text=True,
        )  # fmt: skip
        assert bool(ran.returncode) == fails, ran.stderr
        if fails:
            return ran.stderr.strip()
        return json.loads(ran.stdout) if ran.stdout else None

    def at_once(self, *commands: tuple[object, ...]) -> list[Any]:
        """The same for several commands of `aws lambda` that do not depend on each other."""
        with ThreadPoolExecutor() as threads:
            return list(threads.map(lambda command: self("lambda", *command), commands))

    def package(self, name: str, files: dict[str, str]) -> str:
        """The argument that uploads a package with *files*."""
        (self._folder / name).write_bytes(zip_of(files))
        return f"fileb://{name}"


@pytest.fixture
def aws(server: Server, tmp_path: Path) -> Aws:
    return Aws(server, tmp_path)


def test_a_function_from_creation_to_deletion(aws: Aws, function_name: str, tmp_path: Path) -> None:
    named = ("--function-name", function_name)
    first = aws.package("1.zip", {"app.py": SOURCE.format(number=1)})
    second = aws.package("2.zip", {"app.py": SOURCE.format(number=2)})
    created = aws(
        "lambda", "create-function", *named, "--zip-file", first, "--runtime", "python3.14",
        "--role", ROLE, "--handler", "app.lambda_handler", "--tags", "team=a",
        "--environment", "Variables={STAGE=test}", "--timeout", 20, "--publish",
    )  # fmt: skip
    assert (created["State"], created["Environment"]) == (
        "Pending",
        {"Variables": {"STAGE": "test"}},
    )
    aws("lambda", "wait", "function-active-v2", *named)

    invoked = aws(
        "lambda", "invoke", *named, "--payload", '{"a": "b"}', "--log-type", "Tail", "out.json"
    )
    assert (invoked["StatusCode"], invoked["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads((tmp_path / "out.json").read_text())["number"] == 1
    lines = base64.b64decode(invoked["LogResult"]).decode().splitlines()
    assert lines[0].startswith("START RequestId: ")
    assert "called with {'a': 'b'}" in lines

    aws("lambda", "update-function-code", *named, "--zip-file", second)
    aws("lambda", "wait", "function-updated-v2", *named)
    assert aws("lambda", "publish-version", *named)["Version"] == "2"
    weights = "AdditionalVersionWeights={1=1.0}"
    aws(
        "lambda", "create-alias", *named, "--name", "live", "--function-version", 2,
        "--routing-config", weights,
    )  # fmt: skip
    invoked = aws("lambda", "invoke", *named, "--qualifier", "live", "out.json")
    answered = json.loads((tmp_path / "out.json").read_text())
    assert (invoked["ExecutedVersion"], answered) == ("1", {"number": 1, "version": "1"})
    of_alias = ("--qualifier", "live", "--auth-type", "AWS_IAM")
    url = aws("lambda", "create-function-url-config", *named, *of_alias)
    assert url["FunctionArn"] == f"{created['FunctionArn']}:live"
    pages = ("--page-size", 1, "--query", "Versions[].Version")
    assert aws("lambda", "list-versions-by-function", *named, *pages) == ["$LATEST", "1", "2"]

    aws("lambda", "delete-function", *named)
    gone = aws("lambda", "get-function", *named, fails=True)
    assert gone.endswith(
        "An error occurred (ResourceNotFoundException) when calling the GetFunction operation: "
        f"Function not found: {created['FunctionArn']}"
    )


def test_what_belongs_to_a_function(server: Server, aws: Aws, function_name: str) -> None:
    server.deploy(function_name, {"app.py": SOURCE.format(number=1)})
    named = ("--function-name", function_name)
    arn = f"arn:aws:lambda:us-east-1:000000000000:function:{function_name}"
    permission, url, _, _, mapping = aws.at_once(
        ("add-permission", *named, "--statement-id", "s", "--principal", "events.amazonaws.com",
         "--action", "lambda:InvokeFunction"),
        ("update-function-url-config", *named, "--cors", 'AllowOrigins=["*"],MaxAge=60'),
        ("put-function-concurrency", *named, "--reserved-concurrent-executions", 1),
        ("tag-resource", "--resource", arn, "--tags", "a=b,c=d"),
        ("create-event-source-mapping", *named, "--batch-size", 5,
         "--event-source-arn", "arn:aws:sqs:us-east-1:000000000000:q"),
    )  # fmt: skip
    assert json.loads(permission["Statement"])["Sid"] == "s"
    assert url["Cors"] == {"AllowOrigins": ["*"], "MaxAge": 60}
    assert (mapping["BatchSize"], mapping["FunctionArn"]) == (5, arn)
    tags, concurrency = aws.at_once(
        ("list-tags", "--resource", arn), ("get-function-concurrency", *named)
    )
    assert tags == {"Tags": {"a": "b", "c": "d"}}
    assert concurrency == {"ReservedConcurrentExecutions": 1}


def test_layers_logs_and_identity(server: Server, aws: Aws, function_name: str) -> None:
    content = aws.package("layer.zip", {"python/library.py": ""})
    layer = ("--layer-name", function_name)
    published = aws("lambda", "publish-layer-version", *layer, "--zip-file", content)
    assert published["Version"] == 1
    assert published["LayerVersionArn"].endswith(f":layer:{function_name}:1")
    server.deploy(function_name, {"app.py": SOURCE.format(number=1)})
    server.invoke(function_name)
    prefix = ("--log-group-name-prefix", f"/aws/lambda/{function_name}")
    (group,) = aws("logs", "describe-log-groups", *prefix)["logGroups"]
    assert group["logGroupName"] == f"/aws/lambda/{function_name}"
    assert aws("sts", "get-caller-identity")["Account"] == "000000000000"
    refused = aws("lambda", "get-function", "--function-name", "a/b", fails=True)
    assert (
        "(ValidationException) when calling the GetFunction operation: 1 validation err" in refused
    )
