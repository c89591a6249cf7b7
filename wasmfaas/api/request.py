"""Binds a request's path, query, headers and body to the members of its operation's input."""

import json
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn

from wasmfaas.api.packages import CutBody, cut, decoded
from wasmfaas.api.routing import Route
from wasmfaas.api.service_model import Location, Member, Operation, Shape
from wasmfaas.api.validation import member_path
from wasmfaas.errors import RequestEntityTooLarge, SerializationFailed

#: JSON beside a package; far more than the model's constraints leave room for, and little enough
#: that its values, 50 times as large in memory, do no harm.
JSON_BYTES_MAX = 1024 * 1024
_INTEGERS = ("integer", "long")
_INTEGER_TEXT = re.compile(r"-?[0-9]{1,19}")
_INTEGER_BITS = {"integer": 31, "long": 63}


class ForeignText(SerializationFailed):
    """A text has a character that can be stored nowhere."""


def body_members(operation: Operation) -> list[Member]:
    """The members of *operation*'s input that travel in the body."""
    return [m for m in operation.input.members.values() if m.location is Location.BODY]


def bind(
    route: Route,
    headers: Mapping[str, str],
    body: bytes | bytearray,
    json_bytes_max: int = JSON_BYTES_MAX,
) -> dict[str, Any]:
    """The input's members by name; those that the request lacks are absent.

    *headers* have lower-case names. Types are those of the model: blobs are bytes, timestamps
    Unix time in seconds. Constraints are not checked. Raises SerializationFailed, and
    RequestEntityTooLarge for more JSON, beside a package, than *json_bytes_max*.
    """
    input_shape = route.operation.input
    parameters: dict[str, Any] = {}
    for member in input_shape.members.values():
        value = _outside_body(member, route, headers)
        if value is not None:
            parameters[member.name] = value
    payload = input_shape.payload
    if payload is not None and payload.shape.type == "blob":
        parameters[payload.name] = bytes(body)
    elif body and body_members(route.operation):
        document, binder = _document(body, json_bytes_max)
        if payload is not None and document is None:
            return parameters
        if payload is not None:
            path = member_path("", payload.name)
            parameters[payload.name] = binder.value(payload.shape, document, path)
        else:
            parameters |= binder.structure(input_shape, document, "")
    return parameters


def _outside_body(member: Member, route: Route, headers: Mapping[str, str]) -> Any:
    if member.location is Location.URI:
        text = route.path_parameters.get(member.location_name)
    elif member.location is Location.HEADER:
        text = headers.get(member.location_name.lower())
    elif member.location is Location.QUERY:
        texts = [value for name, value in route.query if name == member.location_name]
        if member.shape.type == "list" and texts:
            return [_from_text(member.shape.member, each, member.name) for each in texts]
        text = texts[-1] if texts else None
    else:
        return None
    return None if text is None else _from_text(member.shape, text, member.name)


def _from_text(shape: Shape, text: str, name: str) -> Any:
    path = member_path("", name)
    if shape.type == "boolean":
        if text.lower() not in ("true", "false"):
            _refuse("STRING_VALUE", shape, path)
        return text.lower() == "true"
    if shape.type in _INTEGERS:
        if not _INTEGER_TEXT.fullmatch(text):
            _refuse("STRING_VALUE", shape, path)
        return _integer(shape, int(text), path)
    if shape.type == "timestamp":
        return _timestamp(shape, text, path)
    return _text(text, path)


def _document(body: bytes | bytearray, json_bytes_max: int) -> tuple[Any, "_Binder"]:
    cut_body = cut(body)
    if len(cut_body.text) > json_bytes_max:
        raise RequestEntityTooLarge(
            f"The request has {len(cut_body.text)} bytes of JSON beside the package, but at most "
            f"{json_bytes_max} are accepted."
        )
    return _parsed(cut_body.text), _Binder(cut_body)


def _parsed(text: bytes | bytearray) -> Any:
    try:
        return json.loads(text.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        raise SerializationFailed(
            "Could not parse request body into json: it is nested too deeply."
        ) from None
    except ValueError as error:
        raise SerializationFailed(f"Could not parse request body into json: {error}") from None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


class _Binder:
    """Converts JSON values to the types of the model. Lifetime: one request."""

    def __init__(self, body: CutBody) -> None:
        self._body = body
        self._converters: Mapping[str, Callable[[Shape, Any, str], Any]] = {
            "structure": self.structure,
            "list": self._list,
            "map": self._map,
            "string": self._string,
            "blob": self._blob,
            "boolean": self._boolean,
            "integer": self._integer,
            "long": self._integer,
            "double": self._double,
            "timestamp": _timestamp,
        }

    def value(self, shape: Shape, value: Any, path: str) -> Any:
        """*value* in the type of *shape*."""
        return self._converters[shape.type](shape, value, path)

    def structure(self, shape: Shape, value: Any, path: str) -> dict[str, Any]:
        """The members that *shape* knows; null means absent, as on Lambda."""
        if not isinstance(value, dict):
            _refuse(_kind(value), shape, path)
        return {
            member.name: self.value(
                member.shape, value[member.name], member_path(path, member.name)
            )
            for member in shape.members.values()
            if member.location is Location.BODY and value.get(member.name) is not None
        }

    def _list(self, shape: Shape, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            _refuse(_kind(value), shape, path)
        return [
            None if item is None else self.value(shape.member, item, f"{path}.{number}.member")
            for number, item in enumerate(value, start=1)
        ]

    def _map(self, shape: Shape, value: Any, path: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            _refuse(_kind(value), shape, path)
        return {
            _text(key, path): None
            if item is None
            else self.value(shape.value, item, f"{path}.{key[:100]}.member")
            for key, item in value.items()
        }

    def _string(self, shape: Shape, value: Any, path: str) -> str:
        if not isinstance(value, str):
            _refuse(_kind(value), shape, path)
        if self._body.holds(value):
            value = _parsed(b"".join((b'"', self._body.string, b'"')))
        return _text(value, path)

    def _blob(self, shape: Shape, value: Any, path: str) -> bytes:
        if not isinstance(value, str):
            _refuse(_kind(value), shape, path)
        try:
            if self._body.holds(value):
                return decoded(self._body.string)
            return decoded(value.encode("ascii"))
        except ValueError:
            raise SerializationFailed(f"The value at '{path}' is not valid base64.") from None

    def _boolean(self, shape: Shape, value: Any, path: str) -> bool:
        if not isinstance(value, bool):
            _refuse(_kind(value), shape, path)
        return value

    def _integer(self, shape: Shape, value: Any, path: str) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            _refuse(_kind(value), shape, path)
        return _integer(shape, value, path)

    def _double(self, shape: Shape, value: Any, path: str) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            _refuse(_kind(value), shape, path)
        return _finite(shape, value, path)


def _integer(shape: Shape, value: int, path: str) -> int:
    bits = _INTEGER_BITS[shape.type]
    if not -(1 << bits) <= value < 1 << bits:
        _refuse("NUMBER_VALUE", shape, path)
    return value


def _finite(shape: Shape, value: int | float, path: str) -> float:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        _refuse("NUMBER_VALUE", shape, path)
    return number


def _timestamp(shape: Shape, value: Any, path: str) -> float:
    """Unix time from a number or an ISO 8601 text."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _finite(shape, value, path)
    if not isinstance(value, str):
        _refuse(_kind(value), shape, path)
    try:
        moment = datetime.fromisoformat(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        _refuse(_kind(value), shape, path)


def _text(value: str, path: str) -> str:
    """*value*, which has to be storable and printable anywhere."""
    if not value.isascii():
        try:
            value.encode("utf-8")
        except UnicodeEncodeError:
            raise ForeignText(
                f"The value at '{path}' is not valid Unicode: it has half of a surrogate pair."
            ) from None
    if "\0" in value:
        raise ForeignText(f"The value at '{path}' has a NUL character.")
    return value


_ARTICLES = {"integer": "an Integer"}


def _refuse(kind: str, shape: Shape, path: str) -> NoReturn:
    wanted = _ARTICLES.get(shape.type, f"a {shape.type.capitalize()}")
    where = f" at '{path}'" if path else ""
    raise SerializationFailed(f"{kind} can not be converted to {wanted}{where}")


def _kind(value: Any) -> str:
    """The name of a JSON value's token, as Lambda's messages spell it."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    names = {str: "STRING_VALUE", dict: "START_OBJECT", list: "START_ARRAY", type(None): "NULL"}
    return names.get(type(value), "NUMBER_VALUE")
