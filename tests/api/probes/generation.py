"""From the model to the requests: every member of every operation, with every value of `model`."""

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

from tests.api.harness import PACKAGE
from tests.api.probes.model import (
    ABSENT,
    NOT_NULL,
    SCALARS,
    Shape,
    Variant,
    broken,
    broken_rules,
    converted,
    in_body,
    lowered,
    rules,
    scalars,
    shape_name,
    sound,
    wrong_types,
)
from wasmfaas.api.service_model import MODEL_FILE

ZIP = base64.b64encode(PACKAGE).decode()
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
#: What makes a request get as far as it can, by member of the input.
SOUND: Mapping[str, Any] = {
    "FunctionName": "f", "Resource": FUNCTION, "ResourceArn": FUNCTION, "ZipFile": ZIP,
    "Code": {"ZipFile": ZIP}, "Content": {"ZipFile": ZIP}, "Runtime": "python3.14",
    "Handler": "app.lambda_handler", "Role": "arn:aws:iam::000000000000:role/r",
    "EventSourceArn": "arn:aws:sqs:us-east-1:000000000000:q", "FunctionVersion": "$LATEST",
    "Name": "alias", "StatementId": "s", "AddPermission.Action": "lambda:InvokeFunction",
    "AddPermission.Principal": "events.amazonaws.com",
}  # fmt: skip

#: The same for CloudWatch Logs.
SOUND_LOGS: Mapping[str, Any] = {
    "logGroupName": "/aws/lambda/hello", "startTime": 1,
    "resourceArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/hello",
}  # fmt: skip
#: What operations ask for, or have to be tried with, although the model does not require it.
ASKED_FOR = ("Runtime", "Handler", "ZipFile", "EventSourceArn", "logGroupName")


@dataclass(frozen=True)
class Probe:
    """One request and what has to come of it."""

    operation: str
    #: The member that is probed, as messages name it.
    path: str
    variant: Variant
    method: str
    #: Path and query, percent-encoded.
    target: str
    headers: Mapping[str, str]
    body: bytes


class Probes:
    """Makes the probes of one of the package's service models."""

    def __init__(
        self, file: str = MODEL_FILE, sound: Mapping[str, Any] = SOUND, target: str = ""
    ) -> None:
        document = json.loads(resources.files("wasmfaas.api").joinpath(file).read_text("utf-8"))
        self.operations: Mapping[str, Mapping[str, Any]] = document["operations"]
        self._shapes: Mapping[str, Shape] = document["shapes"]
        self._sound = sound
        #: What the header X-Amz-Target names operations with, in the services that have one path.
        self._target = target

    def of(self, name: str) -> Iterator[Probe]:
        """All probes of an operation."""
        shape = self._input(name)
        given = self.sound(name)
        yield self.request(name, "", Variant("sound", None), given)
        for member in shape.get("members", {}):
            for variant in self._of_member(shape, member):
                members = _with(given, member, variant.value)
                yield self.request(name, lowered(member), variant, members)
        if any(map(in_body, shape.get("members", {}).values())) and "payload" not in shape:
            for variant in wrong_types(shape, ""):
                yield self.request(name, "", variant, given, whole=variant.value)
            variant = Variant("unknown member", [{}])
            yield self.request(name, "noSuchMember", variant, {**given, "NoSuchMember": [{}]})

    def sound(self, name: str) -> dict[str, Any]:
        """The members of a request without fault."""
        shape = self._input(name)
        return {
            member: self._sound.get(
                f"{name}.{member}",
                self._sound.get(member, sound(self._shapes, self._shapes[shape_name(described)])),
            )
            for member, described in shape.get("members", {}).items()
            if member in shape.get("required", ()) or member in ASKED_FOR
        }

    def _input(self, name: str) -> Shape:
        return self._shapes[self.operations[name]["input"]]

    def _of_member(self, shape: Shape, name: str) -> Iterator[Variant]:
        """Values of one member of an operation's input, missing and null among them."""
        described, path = shape["members"][name], lowered(name)
        held = self._shapes[shape_name(described)]
        required = name in shape.get("required", ())
        if name == shape.get("payload") and held["type"] == "blob":
            return
        if in_body(described) or name == shape.get("payload"):
            yield from self.values(held, path)
            yield from _absent(required, path)
        else:
            yield from _outside_body(self._shapes, described, held, path)
            if required and described["location"] != "uri":
                yield Variant("missing", ABSENT, broken(path, None, [NOT_NULL]))

    def values(self, shape: Shape, path: str) -> Iterator[Variant]:
        """Values of *shape* and of all that it holds."""
        yield from wrong_types(shape, path)
        if shape["type"] in SCALARS:
            yield from scalars(shape, path)
        elif shape["type"] == "structure":
            yield from self._structures(shape, path)
        elif shape["type"] == "list":
            yield from self._lists(shape, path)
        else:
            yield from self._maps(shape, path)

    def _structures(self, shape: Shape, path: str) -> Iterator[Variant]:
        given = sound(self._shapes, shape)
        yield Variant("unknown member", {**given, "NoSuchMember": 1})
        for name, described in shape.get("members", {}).items():
            inner = f"{path}.{lowered(name)}"
            absent = _absent(name in shape.get("required", ()), inner)
            held = self._shapes[shape_name(described)]
            for variant in (*self.values(held, inner), *absent):
                members = _with(given, name, variant.value)
                yield Variant(variant.kind, members, variant.refusal)

    def _lists(self, shape: Shape, path: str) -> Iterator[Variant]:
        held = self._shapes[shape["member"]]
        item = sound(self._shapes, held)
        for length in _lengths(shape):
            yield _of_length(shape, path, [item] * length)
        null = [item, None][-max(1, shape.get("max", 2)) :]
        if held["type"] not in SCALARS:
            refusal = broken(f"{path}.{len(null)}.member", None, [NOT_NULL])
            yield Variant("null", null, refusal)
            for variant in self.values(held, f"{path}.1.member"):
                yield Variant(variant.kind, [variant.value], variant.refusal)
            return
        asked = f"Member must satisfy constraint: [{', '.join([*rules(held).values(), NOT_NULL])}]"
        secret = _secret(shape, held)
        yield Variant("null", null, broken(path, null, [asked], secret))
        for variant in self.values(held, f"{path}.1.member"):
            values = [variant.value]
            refusal = broken(path, values, [asked], secret)
            yield Variant(variant.kind, values, refusal if variant.constraint else variant.refusal)

    def _maps(self, shape: Shape, path: str) -> Iterator[Variant]:
        key_shape, held = self._shapes[shape["key"]], self._shapes[shape["value"]]
        ((key, value),) = sound(self._shapes, shape).items()
        secret = _secret(shape, held)
        if "min" in shape:
            yield _of_length(shape, path, {})
        if "max" in shape and "enum" not in key_shape:
            for length in (shape["max"], shape["max"] + 1):
                entries = {f"{key}{number}": value for number in range(length)}
                yield _of_length(shape, path, entries)
        not_null = [NOT_NULL] if "min" in key_shape else []
        asked = ", ".join([*rules(key_shape).values(), *not_null])
        for variant in scalars(key_shape, path):
            entries = {variant.value: value}
            said = [f"Map keys must satisfy constraint: [{asked}]"]
            yield Variant(
                variant.kind,
                entries,
                broken(path, entries, said, secret) if variant.refusal else None,
            )
        said = [
            f"Map value must satisfy constraint: [{', '.join([*rules(held).values(), NOT_NULL])}]"
        ]
        yield Variant("null", {key: None}, broken(path, {key: None}, said, secret))
        for variant in self.values(held, f"{path}.{key}.member"):
            entries = {key: variant.value}
            refusal = broken(path, entries, said, secret)
            yield Variant(variant.kind, entries, refusal if variant.constraint else variant.refusal)

    def request(
        self,
        operation: str,
        path: str,
        variant: Variant,
        members: Mapping[str, Any],
        whole: Any = ABSENT,
    ) -> Probe:
        """The request with *members*; *whole* is the body instead of those that belong there."""
        described, shape = self.operations[operation], self._input(operation)
        target, _, fixed = described["uri"].partition("?")
        query = parse_qsl(fixed)
        headers = {"x-amz-target": self._target + operation} if self._target else {}
        document = {}
        for name, value in members.items():
            member = shape["members"].get(name, name)
            if name == shape.get("payload"):
                whole = value
            elif in_body(member):
                document[name] = value
            elif member["location"] == "uri":
                placeholder = f"{{{member['locationName']}}}"
                target = target.replace(placeholder, quote(_text(value), safe=""))
            elif member["location"] == "header":
                headers[member["locationName"]] = _text(value)
            else:
                several = value if isinstance(value, list) else [value]
                query += [(member["locationName"], _text(each)) for each in several]
        body = b""
        if whole is not ABSENT or document:
            body = json.dumps(document if whole is ABSENT else whole).encode()
        target += f"?{urlencode(query)}" if query else ""
        return Probe(operation, path, variant, described["method"], target, headers, body)


def _with(members: Mapping[str, Any], name: str, value: Any) -> dict[str, Any]:
    """*members* with another value for one, or without it."""
    others = {key: held for key, held in members.items() if key != name}
    return others if value is ABSENT else {**others, name: value}


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _secret(shape: Shape, held: Shape) -> bool:
    return bool(shape.get("sensitive") or held.get("sensitive"))


def _absent(required: bool, path: str) -> Iterator[Variant]:
    refusal = broken(path, None, [NOT_NULL]) if required else None
    yield Variant("missing", ABSENT, refusal)
    yield Variant("null", None, refusal)


def _lengths(shape: Shape) -> list[int]:
    found = [] if "min" not in shape else [shape["min"], shape["min"] - 1]
    found += [] if "max" not in shape else [shape["max"], shape["max"] + 1]
    return [length for length in found if length >= 0]


def _of_length(shape: Shape, path: str, value: Any) -> Variant:
    found = broken_rules(shape, value)
    kind = "past the bound" if found else "at the bound"
    secret = bool(shape.get("sensitive"))
    return Variant(kind, value, broken(path, value, found, secret) if found else None)


def _outside_body(
    shapes: Mapping[str, Shape], described: Mapping[str, Any], shape: Shape, path: str
) -> Iterator[Variant]:
    """What the path, the query or a header can hold: texts, also of numbers."""
    if shape["type"] == "list":
        held = shapes[shape["member"]]
        asked = ", ".join([*rules(held).values(), NOT_NULL])
        for variant in _outside_body(shapes, described, held, path):
            values = [variant.value]
            said = [f"Member must satisfy constraint: [{asked}]"]
            yield Variant(
                variant.kind, values, broken(path, values, said) if variant.refusal else None
            )
        return
    for variant in scalars(shape, path):
        text = _text(variant.value)
        if shape["type"] == "timestamp" and not isinstance(variant.value, str):
            continue
        if described["location"] == "uri" and not text:
            continue
        if described["location"] == "header" and not (text.isascii() and text.isprintable()):
            continue
        if variant.refusal is not None and variant.value == 1.5:
            variant = Variant("wrong type", 1.5, converted("STRING_VALUE", shape, path))
        if len(text) > 19 and shape["type"] in ("integer", "long") and variant.refusal:
            long = len(text.lstrip("-")) > 19
            token = "STRING_VALUE" if long else "NUMBER_VALUE"
            variant = Variant("wrong type", variant.value, converted(token, shape, path))
        yield variant
    if shape["type"] not in ("string", "blob"):
        for text in ("", "no", "+1", "0x1"):
            if text or described["location"] == "querystring":
                yield Variant("wrong type", text, converted("STRING_VALUE", shape, path))
