"""Every example, deployed by the command line and called over HTTP."""

import hashlib
import hmac
import json
import re
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
README = (ROOT / "README.md").read_text()

#: Deploys the example of that name, once, and returns its URL.
Deploy = Callable[[str], str]


@pytest.fixture(scope="module")
def deploy(server: Server) -> Iterator[Deploy]:
    urls: dict[str, str] = {}

    def deployed(name: str) -> str:
        if name not in urls:
            make(name)
            command = [sys.executable, "-m", "wasmfaas", "deploy", str(EXAMPLES / name)]
            done = subprocess.run(
                [*command, "--json", f"--data-dir={server.data_dir}"], capture_output=True
            )
            assert done.returncode == 0, done.stderr.decode()
            urls[name] = json.loads(done.stdout)["url"]
        return urls[name]

    yield deployed
    for name in urls:
        command = [sys.executable, "-m", "wasmfaas", "delete", name, "--yes"]
        subprocess.run([*command, f"--data-dir={server.data_dir}"], check=True)


def make(name: str) -> None:
    """Make an example ready, as its README says."""
    if (EXAMPLES / name / "Makefile").exists():
        command = ["make", "-s", "-C", str(EXAMPLES / name), f"PYTHON={sys.executable}"]
        subprocess.run(command, check=True)


def signature(body: bytes, secret: str | None = None) -> str:
    if secret is None:
        project = tomllib.loads((EXAMPLES / "webhook" / "wasmfaas.toml").read_text())
        secret = project["environment"]["WEBHOOK_SECRET"]
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def test_every_example_is_here_and_explains_itself() -> None:
    names = {path.parent.name for path in EXAMPLES.glob("*/wasmfaas.toml")}
    listed = set(re.findall(r"^\| \[([\w-]+)\]", (EXAMPLES / "README.md").read_text(), re.M))
    assert names == listed
    assert names == {
        "heartbeat", "hello-c", "hello-python", "hello-wasi", "markdown-site", "webhook"
    }  # fmt: skip
    for name in names:
        assert f"wasmfaas deploy examples/{name}\n" in (EXAMPLES / name / "README.md").read_text()


@pytest.mark.parametrize("name", ["hello-python", "hello-c"])
@pytest.mark.parametrize("who", ["Ada", "Zoë 😀", 'a"b\\c'])
def test_hello_greets_over_http(deploy: Deploy, name: str, who: str) -> None:
    response = httpx.get(deploy(name), params={"name": who}, timeout=120)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.json()["greeting"] == f"Hello, {who}!"


@pytest.mark.parametrize("name", ["hello-python", "hello-c"])
def test_hello_greets_when_invoked_and_logs_it(deploy: Deploy, server: Server, name: str) -> None:
    deploy(name)
    answer, response = server.invoke(name, {"name": "Grace"}, LogType="Tail")
    assert answer["greeting"] == "Hello, Grace!"
    assert "FunctionError" not in response
    assert "greeting Grace" in server.http.get(
        f"/_wasmfaas/v1/functions/{name}/logs", params={"limit": 50}
    ).text  # fmt: skip


def test_hello_python_knows_its_request_id(deploy: Deploy) -> None:
    response = httpx.get(deploy("hello-python"), timeout=120)
    assert response.json() == {
        "greeting": "Hello, world!",
        "requestId": response.headers["x-amzn-requestid"],
    }


def test_hello_c_fails_by_its_own_error(deploy: Deploy, server: Server) -> None:
    url = deploy("hello-c")
    error, response = server.invoke("hello-c", {})
    assert response["FunctionError"] == "Unhandled"
    assert error["errorType"] == "NameMissing"
    assert error["errorMessage"] == 'send a "name" of less than 256 bytes'
    assert httpx.get(url, timeout=120).status_code == 502


def test_hello_wasi_counts_what_it_is_sent(deploy: Deploy, server: Server) -> None:
    url = deploy("hello-wasi")
    event = {"n": [1] * 50_000}
    answer, _ = server.invoke("hello-wasi", event)
    assert answer == f"Hello from hello-wasi: the event has {len(json.dumps(event))} bytes\n"
    text = httpx.get(url, timeout=120).text
    assert re.fullmatch(r"Hello from hello-wasi: the event has \d{3,4} bytes\n", text)


def test_markdown_site_serves_this_projects_readme_as_html(deploy: Deploy) -> None:
    response = httpx.get(deploy("markdown-site"), timeout=120)
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    prose = re.sub(r"^```.*?^```", "", README, flags=re.MULTILINE | re.DOTALL)
    for level in (1, 2, 3):
        headings = re.findall(rf"^#{{{level}}} ", prose, re.MULTILINE)
        assert response.text.count(f"<h{level} id=") == len(headings)
    assert "<title>wasmfaas</title>" in response.text
    assert "{{" not in response.text


def test_markdown_site_serves_the_text_itself(deploy: Deploy) -> None:
    response = httpx.get(deploy("markdown-site") + "raw", timeout=120)
    assert response.headers["content-type"] == "text/markdown; charset=utf-8"
    assert response.text == README


def test_markdown_site_refuses_other_paths_and_methods(deploy: Deploy) -> None:
    url = deploy("markdown-site")
    assert httpx.get(url + "other", timeout=120).status_code == 404
    response = httpx.post(url, content="# Mine", timeout=120)
    assert (response.status_code, response.headers["allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    "body",
    [b'{"action": "opened"}', b"", "Zoë 😀".encode(), b"\x00\xff\xfe binary", b"x" * 1_000_000],
)
@pytest.mark.parametrize("media_type", ["application/json", "application/octet-stream"])
def test_webhook_accepts_what_is_signed(deploy: Deploy, body: bytes, media_type: str) -> None:
    headers = {
        "content-type": media_type,
        "x-hub-signature-256": signature(body),
        "X-GitHub-Event": "issues",
    }
    response = httpx.post(deploy("webhook"), content=body, headers=headers, timeout=120)
    assert response.status_code == 200, response.text
    assert response.json() == {"event": "issues", "bytes": len(body)}


BODY = b'{"action": "opened"}'


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
        {"x-hub-signature-256": signature(BODY, "another secret")},
        {"x-hub-signature-256": signature(BODY + b" ")},
        {"x-hub-signature-256": signature(BODY).upper()},
        {"x-hub-signature-256": signature(BODY).removeprefix("sha256=")},
        {"x-hub-signature": signature(BODY)},
        {b"x-hub-signature-256": b"sha256=\xe9\xff"},
    ],
)
def test_webhook_rejects_the_rest(deploy: Deploy, headers: Any) -> None:
    response = httpx.post(deploy("webhook"), content=BODY, headers=headers, timeout=120)
    assert response.status_code == 401
    assert response.json() == {"error": "the signature does not match"}


def test_webhook_wants_a_post(deploy: Deploy) -> None:
    response = httpx.get(
        deploy("webhook"), headers={"x-hub-signature-256": signature(b"")}, timeout=120
    )
    assert response.status_code == 405


@pytest.mark.parametrize("name", ["hello-python", "markdown-site", "webhook"])
def test_python_examples_need_nothing_of_ours(name: str) -> None:
    """They run in any Python, on the event that Lambda itself sends."""
    make(name)
    event = {
        "version": "2.0",
        "rawPath": "/",
        "headers": {"x-hub-signature-256": signature(BODY)},
        "requestContext": {"http": {"method": "POST" if name == "webhook" else "GET"}},
        "body": BODY.decode(),
        "isBase64Encoded": False,
    }
    program = (
        "import app, json, sys, types\n"
        "context = types.SimpleNamespace(aws_request_id='r')\n"
        "print(json.dumps(app.lambda_handler(json.loads(sys.argv[1]), context)))"
    )
    done = subprocess.run(
        [sys.executable, "-B", "-c", program, json.dumps(event)],
        cwd=EXAMPLES / name,
        env={"WEBHOOK_SECRET": "correct horse battery staple"},
        capture_output=True,
        check=True,
    )
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer.get("statusCode", 200) == 200


def test_heartbeat_runs_by_itself(deploy: Deploy) -> None:
    url, deadline = deploy("heartbeat"), time.monotonic() + 60
    while not (found := httpx.get(url).json()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert found["count"] >= 1
    assert re.fullmatch(r"[\d-]{10}T[\d:]{8}Z", found["last"])
