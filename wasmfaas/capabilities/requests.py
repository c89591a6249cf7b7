"""Requests and answers of calls, from and into their two encodings."""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

import msgpack

from wasmfaas.capabilities.failures import CallFailed, invalid

_JSON: Final = "json"
_SHOWN_CHARACTERS: Final = 80
_INTEGER_MAX: Final = 2**63 - 1


class Request:
    """The members of one request. What is read is checked; the methods raise CallFailed."""

    def __init__(self, operation: str, members: Mapping[str, Any]) -> None:
        self._operation = operation
        #: A member that is null is one that was left out.
        self._members = {name: value for name, value in members.items() if value is not None}

    def only(self, *names: str) -> None:
        """Refuse members that are none of *names*."""
        for name in self._members:
            if name not in names:
                known = ", ".join(names)
                raise self._invalid(f"has no member {_shown(name)}; its members are {known}")

    def text(self, name: str, default: str | None = None) -> str:
        """A string, which has to be there where there is no *default*."""
        value = self._members.get(name, default)
        if not isinstance(value, str):
            raise self._missing(name, "a string")
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise self._invalid(f"has text in {name} that UTF-8 cannot hold") from None
        return value

    def optional_text(self, name: str) -> str | None:
        """A string, or None where there is none."""
        return self.text(name) if name in self._members else None

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        """One of *choices*; the first where there is none."""
        value = self.text(name, choices[0])
        if value not in choices:
            expected = ", ".join(choices)
            raise self._invalid(f"has {name} {_shown(value)}, but it must be one of {expected}")
        return value

    def integer(self, name: str, least: int, most: int = _INTEGER_MAX) -> int | None:
        """A whole number from *least* to *most*, or None where there is none."""
        value = self._members.get(name)
        if value is None:
            return None
        if type(value) is not int or not least <= value <= most:
            shown = _shown(value) if type(value) is not int else str(value)[:20]
            raise self._invalid(
                f"has {name} {shown}, but it must be a whole number from {least} to {most}"
            )
        return value

    def data(self, name: str) -> bytes | None:
        """Bytes, or None where there are none."""
        value = self._members.get(name)
        if value is None or isinstance(value, bytes):
            return value
        if isinstance(value, str):
            return self.text(name).encode()
        if isinstance(value, dict) and list(value) == ["base64"]:
            try:
                return base64.b64decode(value["base64"], validate=True)
            except (binascii.Error, ValueError, TypeError):
                raise self._invalid(f"has base64 in {name} that is none") from None
        raise self._missing(name, 'bytes: a string, or {"base64": …} in JSON')

    def required_data(self, name: str) -> bytes:
        """Bytes that have to be there."""
        found = self.data(name)
        if found is None:
            raise self._missing(name, "bytes")
        return found

    def pairs(self, name: str) -> list[tuple[str, str]]:
        """An array of arrays of two strings; empty where there is none."""
        value = self._members.get(name, [])
        if not isinstance(value, list):
            raise self._missing(name, "an array of [name, value]")
        found = []
        for each in value:
            if (
                not isinstance(each, list)
                or len(each) != 2
                or not all(isinstance(part, str) for part in each)
            ):
                raise self._missing(name, "an array of [name, value], both strings")
            found.append((each[0], each[1]))
        return found

    def _missing(self, name: str, kind: str) -> CallFailed:
        if name not in self._members:
            return self._invalid(f"needs {name}: {kind}")
        found = type(self._members[name]).__name__
        return self._invalid(f"has {name} of type {found}, but it must be {kind}")

    def _invalid(self, text: str) -> CallFailed:
        return invalid(f"{self._operation} {text}.")


def decoded(operation: str, form: str, data: bytes) -> Request:
    """The request in *data*. Raises CallFailed."""
    try:
        if form == _JSON:
            document = json.loads(data, parse_constant=_refuse_constant)
        else:
            document = msgpack.unpackb(data, max_ext_len=0)
    except Exception as error:
        # Decoders have many ways to say so, the depth of what they read among them.
        reason = str(error) or type(error).__name__
        raise invalid(f"The request of {operation} is not {form}: {reason[:200]}.") from None
    if not isinstance(document, dict) or not all(isinstance(name, str) for name in document):
        raise invalid(f"The request of {operation} is not a map from strings.")
    return Request(operation, document)


def encoded(form: str, members: Mapping[str, Any]) -> bytes:
    """*members*, in which there may be bytes in any place."""
    if form == _JSON:
        return json.dumps(members, ensure_ascii=False, default=_as_json).encode()
    packed: bytes = msgpack.packb(members)
    return packed


def _as_json(value: Any) -> Any:
    assert isinstance(value, bytes), "answers hold plain values and bytes"
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value).decode()}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _shown(value: Any) -> str:
    text = value if isinstance(value, str) else f"of type {type(value).__name__}"
    return ascii(text[:_SHOWN_CHARACTERS]) if isinstance(value, str) else text
