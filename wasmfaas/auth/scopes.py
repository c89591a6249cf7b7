"""Requests as ASGI has them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from wasmfaas.auth.sigv4 import Request


def request_of(scope: Mapping[str, Any]) -> Request:
    """What can be signed of the request in *scope*."""
    raw_path: bytes | None = scope.get("raw_path")
    return Request(
        scope["method"],
        quote(scope["path"]).encode() if raw_path is None else raw_path,
        scope["query_string"],
        scope["headers"],
    )


def address_of(scope: Mapping[str, Any]) -> str:
    """The client's address; empty for a Unix socket, which has none."""
    client = scope.get("client")
    return str(client[0]) if client else ""
