"""Turns the members of an operation's output into a response."""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from wasmfaas.api.service_model import Location, Operation, Shape
from wasmfaas.errors import WasmfaasError

JSON_TYPE = "application/json"


@dataclass(frozen=True, slots=True)
class Response:
    """What is sent; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    #: The body instead, where it comes in parts.
    parts: AsyncIterator[bytes] | None = None


def of_result(operation: Operation, members: Mapping[str, Any]) -> Response:
    """The response that carries *members*; those that are None are left out.

    Raises ValueError if the output has no such member: our fault, not the client's.
    """
    shape = operation.output
    if shape is None:
        if members:
            raise ValueError(f"{operation.name} answers without members")
        return Response(operation.status)
    for name in members:
        if name not in shape.members:
            raise ValueError(f"{shape.name} has no member {name}")
    status, headers = operation.status, {}
    document: dict[str, Any] = {}
    for name, member in shape.members.items():
        value = members.get(name)
        if value is None:
            continue
        if member.location is Location.STATUS:
            status = value
        elif member.location is Location.HEADER:
            headers[member.location_name.lower()] = str(value)
        elif member is not shape.payload:
            document[name] = _json_value(member.shape, value)
    if shape.payload is not None:
        body = members.get(shape.payload.name) or b""
    else:
        body = b"" if status == 204 else encoded(document)
    if body:
        headers["content-type"] = JSON_TYPE
    return Response(status, headers, body)


def of_error(error: WasmfaasError) -> Response:
    """The response that carries *error*, in Lambda's wire format."""
    headers = {"content-type": JSON_TYPE, "x-amzn-errortype": error.code}
    headers |= {name.lower(): value for name, value in error.headers().items()}
    return Response(error.status, headers, encoded(error.body()))


def encoded(document: Any) -> bytes:
    """*document* as compact JSON."""
    return json.dumps(document, separators=(",", ":")).encode("ascii")


def _json_value(shape: Shape, value: Any) -> Any:
    if shape.type == "structure":
        for name in value:
            if name not in shape.members:
                raise ValueError(f"{shape.name} has no member {name}")
        return {
            name: _json_value(shape.members[name].shape, held)
            for name, held in value.items()
            if held is not None
        }
    if shape.type == "list":
        return [_json_value(shape.member, item) for item in value]
    if shape.type == "map":
        return {key: _json_value(shape.value, item) for key, item in value.items()}
    if shape.type == "blob":
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime):
        return value.timestamp()
    return value
