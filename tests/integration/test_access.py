"""Who reaches a real server, and who does not: keys of the command line, TLS, and none of both."""

import contextlib
import json
import os
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
import trustme
from botocore.exceptions import ClientError

from tests.cli.command import Ran, wasmfaas
from tests.cli.test_up import announced, up
from tests.conftest import REGION, Server
from tests.integration.conftest import paths_under

SOURCE = """\
def lambda_handler(event, context):
    return event.get("requestContext", {}).get("authorizer", {}).get("iam", {}).get("userArn")
"""


def cli(server: Server, *arguments: object, **variables: str) -> Ran:
    named = {"WASMFAAS_DATA_DIR": str(server.data_dir)} | variables
    ran = wasmfaas(*arguments, "--json", variables=named)
    assert server.credentials.secret not in ran.err
    return ran


def client(server: Server, service: str, key: dict[str, Any]) -> Any:
    return boto3.client(
        service,
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=key["access_key_id"],
        aws_secret_access_key=key["secret_access_key"],
    )


@contextlib.contextmanager
def created(server: Server, name: str, *options: str) -> Iterator[dict[str, Any]]:
    """A key, gone again at the end."""
    key = cli(server, "key", "create", name, *options).json
    yield key
    cli(server, "key", "revoke", key["access_key_id"])


def denied(call: Any, **arguments: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_key_opens_what_its_role_says_until_it_is_revoked(
    server: Server, function_name: str
) -> None:
    server.deploy(function_name, {"app.py": SOURCE})
    with created(server, "web", "--role", "invoker", "--function", function_name) as key:
        assert len(key["secret_access_key"]) == 40
        listed = cli(server, "key", "list").json["keys"]
        # Others of this server may have keys as well.
        assert {"local", "web"} <= {each["name"] for each in listed}
        assert not any("secret_access_key" in each for each in listed)
        lambda_client = client(server, "lambda", key)
        assert lambda_client.invoke(FunctionName=function_name)["StatusCode"] == 200
        code, message = denied(lambda_client.list_functions)
        assert (code, message.startswith("User: arn:aws:iam::000000000000:user/web is not")) == (
            "AccessDeniedException",
            True,
        )
        identity = client(server, "sts", key).get_caller_identity()
        assert identity["Arn"] == "arn:aws:iam::000000000000:user/web"
        assert denied(client(server, "logs", key).describe_log_groups)[0] == (
            "AccessDeniedException"
        )
        own = {
            "WASMFAAS_ACCESS_KEY_ID": key["access_key_id"],
            "WASMFAAS_SECRET_ACCESS_KEY": key["secret_access_key"],
        }
        refused = cli(server, "key", "list", **own)
        assert refused.json["error"]["code"] == "AccessDeniedException"
    assert denied(lambda_client.invoke, FunctionName=function_name)[0] == (
        "UnrecognizedClientException"
    )
    for path in paths_under(server.data_dir.parent):
        if path.is_file() and path.name not in ("access-keys.json", "credentials.json"):
            try:
                content = path.read_bytes()
            except FileNotFoundError:
                continue
            assert key["secret_access_key"].encode() not in content, path
            assert server.credentials.secret.encode() not in content, path


def test_keys_that_cannot_be_are_refused(server: Server) -> None:
    taken = cli(server, "key", "create", "local")
    assert taken.json["error"]["code"] == "ResourceConflictException"
    assert (
        "an invoker needs"
        in cli(server, "key", "create", "x", "--role", "invoker").json["error"]["message"]
    )
    assert cli(server, "key", "revoke", "nobody").json["error"]["code"] == (
        "ResourceNotFoundException"
    )
    assert "last admin key" in cli(server, "key", "revoke", "local").json["error"]["message"]


def test_env_is_what_aws_tools_need(server: Server) -> None:
    variables = cli(server, "env").json
    assert variables == server.variables
    lines = wasmfaas("env", variables={"WASMFAAS_DATA_DIR": str(server.data_dir)}).out.splitlines()
    assert lines[0] == f"export AWS_ENDPOINT_URL={server.url}"
    assert lines[-1] == "unset AWS_SESSION_TOKEN AWS_PROFILE"


def test_a_url_of_iam_asks_for_a_signature(server: Server, function_name: str) -> None:
    server.deploy(function_name, {"app.py": SOURCE})
    lambda_client = server.lambda_client()
    lambda_client.update_function_url_config(FunctionName=function_name, AuthType="AWS_IAM")
    url, target = f"{server.url}/f/{function_name}/", f"/f/{function_name}/"
    unsigned = httpx.get(url, timeout=120)
    assert unsigned.status_code == 403
    assert unsigned.json()["Message"].startswith("Forbidden.")
    headers = {"Host": url.split("/")[2]}
    signed = httpx.get(
        url, headers=headers | server.signer.headers("GET", target.encode(), headers), timeout=120
    )
    assert signed.text == "arn:aws:iam::000000000000:user/local"


def test_without_authentication_anyone_is_let_in_and_told_so(
    tmp_path: Path, cache_dir: Path
) -> None:
    flags = ["--port", 0, "--data-dir", tmp_path / "data", "--cache-dir", cache_dir]
    with up(*flags, "--workers-max", 1, "--dev-no-auth", "--json") as process:
        ready = announced(process)
        assert ready["dev_no_auth"] is True
        key = {"access_key_id": "test", "secret_access_key": "test"}
        server: Any = type("Server", (), {"url": ready["url"]})
        assert client(server, "lambda", key).list_functions()["Functions"] == []
        assert httpx.get(f"{ready['url']}/2015-03-31/functions", timeout=120).status_code == 200
        assert client(server, "sts", key).get_caller_identity()["Account"] == "000000000000"
        page = httpx.get(
            f"{ready['url']}/2015-03-31/functions", headers={"Origin": "http://a"}, timeout=120
        )
        assert page.status_code == 403
        told = wasmfaas("doctor", variables={"WASMFAAS_DATA_DIR": str(tmp_path / "data")}).out
        assert "NOT authenticated" in told


def test_another_address_is_served_with_tls(tmp_path: Path, cache_dir: Path) -> None:
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1", "localhost")
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(certificate))
    issued.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    data_dir = tmp_path / "data"
    flags = ["--host", "0.0.0.0", "--port", 0, "--data-dir", data_dir, "--cache-dir", cache_dir]
    tls = ["--tls-cert", certificate, "--tls-key", key]
    with up(*flags, *tls, "--workers-max", 1, "--json") as process:
        url = announced(process)["url"]
        assert url.startswith("https://127.0.0.1:")
        (tmp_path / "app.py").write_text("def lambda_handler(e, c): return e['headers']\n")
        named = {"WASMFAAS_DATA_DIR": str(data_dir)}
        deployed = wasmfaas("deploy", tmp_path / "app.py", "--json", variables=named).json
        assert deployed["url"] == f"{url}/f/app/"
        trusted = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
        seen = httpx.get(deployed["url"], verify=trusted, timeout=120).json()
        assert seen["x-forwarded-proto"] == "https"
        variables = wasmfaas("env", "--json", variables=named).json
        lambda_client = boto3.client(
            "lambda",
            endpoint_url=url,
            region_name=REGION,
            aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
            verify=str(tmp_path / "ca.pem"),
        )
        found = lambda_client.get_function(FunctionName="app")
        assert (
            httpx.get(found["Code"]["Location"], verify=trusted, timeout=120).content[:2] == b"PK"
        )
        # A stranger's certificate would not do.
        other = trustme.CA().issue_cert("127.0.0.1")
        other.cert_chain_pems[0].write_to_path(str(certificate))
        refused = wasmfaas("list", "--json", variables=named)
        assert "CERTIFICATE_VERIFY_FAILED" in json.dumps(refused.json) or refused.status != 0
        with pytest.raises(httpx.TransportError):
            httpx.get(url.replace("https", "http") + "/_wasmfaas/v1/health", timeout=120)
        unsigned = httpx.get(f"{url}/2015-03-31/functions", verify=trusted, timeout=120)
        assert unsigned.status_code == 403


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--host", "0.0.0.0"], "need TLS"),
        (["--host", "0.0.0.0", "--dev-no-auth"], "loopback addresses only"),
        (["--tls-cert", "/nowhere.pem"], "go together"),
        (["--tls-cert", "/a.pem", "--tls-key", "/a.pem", "--insecure-http"], "set one of them"),
    ],
)
def test_nothing_is_open_by_accident(flags: list[str], told: str) -> None:
    ran = wasmfaas("up", *flags)
    assert ran.status == 2
    assert told in ran.err


def test_a_certificate_that_cannot_be_used_is_told_of_at_once(tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    path = tmp_path / "cert.pem"
    ran = wasmfaas("up", "--data-dir", tmp_path / "data", "--tls-cert", path, "--tls-key", path)
    assert ran.status == 1
    assert f"The certificate {path} with the key {path} cannot be used" in ran.err
    assert not os.path.exists(tmp_path / "data")
