"""Tests of Lambda code against a real server: a pytest fixture, and what it gives.

    def test_hello(wasmfaas_server):
        wasmfaas_server.deploy("hello", "src/")
        assert wasmfaas_server.invoke("hello", {"name": "Ada"}) == {"hello": "Ada"}

The fixture is there wherever wasmfaas is installed. Without pytest, `Server` is a context manager.
boto3 is needed by `Server.client` and by all that is built upon it, and is not installed with
wasmfaas.
"""

from typing import Any

from wasmfaas.testing.server import FunctionFailed, Server, ServerFailed

__all__ = ["FunctionFailed", "Server", "ServerFailed", "wasmfaas_server"]


def __getattr__(name: str) -> Any:
    if name == "wasmfaas_server":
        from wasmfaas.testing.plugin import wasmfaas_server

        return wasmfaas_server
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
