"""Layers on a server: imported, updated, merged in order, and kept for who uses them."""

import contextlib
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.conftest import Server, zip_of

SOURCE = """
import library
def lambda_handler(event, context):
    return [library.WHERE, open("/opt/note.txt").read()]
"""
PATIENTLY = {"Delay": 0.1, "MaxAttempts": 1200}


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    with contextlib.closing(server.lambda_client()) as client:
        yield client


def publish(client: Any, name: str, where: str, **members: str) -> str:
    """The ARN of a new version whose files say *where* they are from."""
    files = {"python/library.py": f"WHERE = '{where}'", "note.txt": where}
    content = {"ZipFile": zip_of(files | members)}
    version = client.publish_layer_version(LayerName=name, Content=content)
    return str(version["LayerVersionArn"])


def test_a_function_uses_its_layers_whatever_becomes_of_them(
    server: Server, client: Any, function_name: str
) -> None:
    name = function_name
    first = publish(client, name, "first")
    server.deploy(name, {"app.py": SOURCE}, Layers=[first])
    assert server.invoke(name)[0] == ["first", "first"]
    number = int(first.rpartition(":")[2])
    second = publish(client, name, "second")
    client.delete_layer_version(LayerName=name, VersionNumber=number)
    assert server.invoke(name)[0] == ["first", "first"]
    client.update_function_configuration(FunctionName=name, Timeout=9)
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=PATIENTLY)
    assert server.invoke(name)[0] == ["first", "first"]
    with_two = publish(client, f"{name}-2", "other", **{"note.txt": "the last one wins"})
    client.update_function_configuration(FunctionName=name, Layers=[second, with_two])
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=PATIENTLY)
    assert server.invoke(name)[0] == ["other", "the last one wins"]
    client.update_function_configuration(FunctionName=name, Layers=[with_two, second])
    client.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=PATIENTLY)
    assert server.invoke(name)[0] == ["second", "second"]


def test_the_content_of_a_version_can_be_fetched(client: Any, function_name: str) -> None:
    package = zip_of({"note.txt": "text"})
    content = {"ZipFile": package}
    client.publish_layer_version(LayerName=function_name, Content=content)
    found = client.get_layer_version(LayerName=function_name, VersionNumber=1)
    answer = httpx.get(found["Content"]["Location"], timeout=120)
    assert (answer.status_code, answer.content) == (200, package)
