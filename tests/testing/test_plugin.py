"""The fixture as a user has it: a project of its own, and pytest run in it."""

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import Server as RunningServer
from wasmfaas.testing import Server, ServerFailed

APP = """
def lambda_handler(event, context):
    print("got", event)
    return {"hello": event["name"]}
"""
TESTS = """
import os

import pytest

from wasmfaas.testing import FunctionFailed


@pytest.fixture(scope="session")
def wasmfaas_settings():
    return {"cache_dir": os.environ["CACHE_DIR"], "region": "eu-west-1"}


@pytest.fixture(scope="module")
def hello(wasmfaas_server):
    arn = wasmfaas_server.deploy("hello", "src", Timeout=5)
    assert arn == "arn:aws:lambda:eu-west-1:000000000000:function:hello"
    wasmfaas_server.deploy("hello", "src")
    return "hello"


def test_answer(wasmfaas_server, hello):
    assert wasmfaas_server.invoke(hello, {"name": "Ada"}) == {"hello": "Ada"}
    configuration = wasmfaas_server.client().get_function_configuration(FunctionName=hello)
    assert configuration["Timeout"] == 5


def test_error(wasmfaas_server, hello):
    with pytest.raises(FunctionFailed, match="hello: KeyError: 'name'") as caught:
        wasmfaas_server.invoke(hello)
    assert caught.value.payload["errorType"] == "KeyError"


def test_failure_shows_the_log(wasmfaas_server, hello):
    assert wasmfaas_server.invoke(hello, {"name": "Eve"}) == {"hello": "Ada"}


def test_environment(wasmfaas_server, monkeypatch):
    import boto3
    for name, value in wasmfaas_server.environment.items():
        monkeypatch.setenv(name, value)
    assert boto3.client("lambda").list_functions()["Functions"]
"""


def test_a_project_uses_the_fixture(tmp_path: Path, cache_dir: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(APP)
    (tmp_path / "test_app.py").write_text(TESTS)
    run = subprocess.run(
        # Where wasmfaas is installed, pytest finds the plugin by itself. Without the summary, which
        # repeats the failure in whole where pytest believes itself to be in CI.
        [sys.executable, "-m", "pytest", "-q", "-r", "N", "--tb=short",
         "-p", "wasmfaas.testing.plugin", "-p", "no:cacheprovider",
         f"--basetemp={tmp_path / 'own'}"],
        cwd=tmp_path, env={**os.environ, "CACHE_DIR": str(cache_dir)},
        capture_output=True, text=True, timeout=500,
    )  # fmt: skip
    assert re.search(r"^1 failed, 3 passed", run.stdout, re.MULTILINE), run.stdout + run.stderr
    failure = run.stdout.split("test_failure_shows_the_log", 1)[1]
    assert "log of hello" in failure
    assert "got {'name': 'Eve'}" in failure
    assert "Ada" not in failure.split("log of hello")[1]
    assert "output of wasmfaas" in failure


def test_a_server_stands_beside_others_and_leaves_nothing(
    server: RunningServer, cache_dir: Path
) -> None:
    with Server(cache_dir=cache_dir, dev_no_auth=True) as own:
        anyone = own.client(aws_access_key_id="test", aws_secret_access_key="test")
        assert anyone.list_functions()["Functions"] == []
        assert own.url != server.url
        folder = own.data_dir.parent
        assert folder.exists()
    assert not folder.exists()


def test_a_server_that_does_not_come_up_says_why(tmp_path: Path, cache_dir: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ServerFailed, match="workers_max is 'many'"):
        Server(tmp_path, cache_dir=cache_dir, workers_max="many")
    assert time.monotonic() - started < 200
