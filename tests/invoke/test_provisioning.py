"""Provisioned concurrency on a running server."""

import base64
import time
from pathlib import Path
from typing import Any

from tests.conftest import Server, start_server

COUNTS = "CALLS = []\ndef lambda_handler(event, context):\n    return context.function_version\n"
BROKEN = "raise ValueError('broken')\n"


def settled(client: Any, name: str, qualifier: str, *expected: str) -> dict[str, Any]:
    """What is provisioned, once its status is one of *expected*."""
    deadline = time.monotonic() + 200
    while True:
        read: dict[str, Any] = client.get_provisioned_concurrency_config(
            FunctionName=name, Qualifier=qualifier
        )
        if read["Status"] in expected:
            return read
        assert time.monotonic() < deadline, read
        time.sleep(0.1)


def published(server: Server, client: Any, name: str, source: str) -> str:
    server.deploy(name, {"app.py": source})
    return str(client.publish_version(FunctionName=name)["Version"])


def ready(server: Server, name: str) -> int:
    figures = server.http.get("/_wasmfaas/v1/figures").json()
    found = [each["ready"] for each in figures["functions"] if each["name"] == name]
    return int(found[0]) if found else 0


def test_what_is_provisioned_is_ready_also_after_a_restart(tmp_path: Path, cache_dir: Path) -> None:
    options = {"workers_max": 2, "sandbox_idle_s_max": 1, "worker_idle_s_max": 1}
    server = start_server(tmp_path / "data", cache_dir, **options)
    client = server.lambda_client()
    number = published(server, client, "f", COUNTS)
    client.create_alias(FunctionName="f", Name="prod", FunctionVersion=number)
    client.put_provisioned_concurrency_config(
        FunctionName="f", Qualifier="prod", ProvisionedConcurrentExecutions=2
    )
    read = settled(client, "f", "prod", "READY")
    assert read["AllocatedProvisionedConcurrentExecutions"] == 2
    broken = published(server, client, "broken", BROKEN)
    for name, qualifier, count, reason in (
        ("broken", broken, 1, "FUNCTION_ERROR_INIT_FAILURE"),
        ("broken", broken, 3, "3 are requested, but this server runs at most 2"),
    ):
        client.put_provisioned_concurrency_config(
            FunctionName=name, Qualifier=qualifier, ProvisionedConcurrentExecutions=count
        )
        assert settled(client, name, qualifier, "FAILED")["StatusReason"].startswith(reason)
    client.delete_function(FunctionName="broken")
    client.close()
    assert server.stop() == 0

    server = start_server(tmp_path / "data", cache_dir, **options)
    client = server.lambda_client()
    settled(client, "f", "prod", "READY")
    time.sleep(3)  # Longer than anything idle is kept that is not provisioned.
    settled(client, "f", "prod", "READY")
    answer, response = server.invoke("f", Qualifier="prod", LogType="Tail")
    assert answer == number
    assert "Init Duration" not in base64.b64decode(response["LogResult"]).decode()
    client.delete_provisioned_concurrency_config(FunctionName="f", Qualifier="prod")
    deadline = time.monotonic() + 120
    while ready(server, "f"):
        assert time.monotonic() < deadline, "what is not provisioned any more goes when idle"
        time.sleep(0.1)
    client.close()
    assert server.stop() == 0
