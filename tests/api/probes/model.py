"""What is probed: values of a shape, and what has to be said about each.

This reads the model's JSON by itself and words the refusals by itself, so that a mistake in the
server's reading of it shows.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.api.probes import texts
from wasmfaas.api.service_model import translated

VALIDATION, SERIALIZATION = "ValidationException", "SerializationException"
NOT_NULL = "Member must not be null"
#: Longer values would be refused for the size of the request.
LENGTH_MAX = 100_000
SCALARS = ("string", "integer", "long", "double", "boolean", "blob", "timestamp")
_BITS = {"integer": 31, "long": 63}

#: The value of a member that is left out.
ABSENT = object()

Shape = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """What has to be answered: an error's code and its text."""

    code: str
    text: str


@dataclass(frozen=True)
class Variant:
    """A value for one member."""

    #: What it tries: `at the bound`, `past the bound`, `pattern`, `enum`, `missing`, `null`,
    #: `wrong type` or `unknown member`.
    kind: str
    value: Any
    refusal: Refusal | None = None
    #: Whether it breaks a constraint of a scalar, which lists and maps word in their own way.
    constraint: bool = False


def sound(shapes: Mapping[str, Shape], shape: Shape) -> Any:
    """A value without fault."""
    kind = shape["type"]
    if kind == "structure":
        return {
            name: sound(shapes, shapes[shape_name(shape["members"][name])])
            for name in shape.get("required", ())
            if in_body(shape["members"][name])
        }
    if kind == "list":
        return [sound(shapes, shapes[shape["member"]])] * max(1, shape.get("min", 0))
    if kind == "map":
        return {sound(shapes, shapes[shape["key"]]): sound(shapes, shapes[shape["value"]])}
    if kind == "string":
        return _sound_text(shape)
    if kind == "double":
        return float(shape["min"])
    return {"boolean": True, "blob": "eA==", "timestamp": 1}.get(kind, shape.get("min", 1))


def _sound_text(shape: Shape) -> str:
    if "enum" in shape:
        return str(shape["enum"][0])
    least = shape.get("min", 0)
    if "pattern" not in shape:
        return "x" * max(1, least)
    expression = translated(shape["pattern"])
    text = texts.shortest(expression)
    found = text if len(text) >= least else texts.matching(expression, least)
    assert found is not None, shape
    return found


def shape_name(member: Any) -> str:
    return str(member if isinstance(member, str) else member["shape"])


def in_body(member: Any) -> bool:
    return isinstance(member, str) or "location" not in member


def lowered(name: str) -> str:
    return name[:1].lower() + name[1:]


def broken(path: str, value: Any, constraints: list[str], secret: bool = False) -> Refusal:
    """The refusal of a *value* at *path* that breaks all of *constraints*."""
    said = f"Value '{_cut(_shown(value))}'"
    said = "Value null" if value is None else "Value" if secret else said
    each = [f"{said} at '{path}' failed to satisfy constraint: {rule}" for rule in constraints]
    noun = "error" if len(each) == 1 else "errors"
    return Refusal(VALIDATION, f"{len(each)} validation {noun} detected: {'; '.join(each)}")


def _cut(text: str) -> str:
    return text if len(text) <= 256 else text[:256] + "..."


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_shown(k)}={_shown(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_shown, value)) + "]"
    return "null" if value is None else str(value)


def rules(shape: Shape) -> dict[str, str]:
    """The words for each constraint of a shape itself, in the order in which they are listed."""
    noun = "value" if shape["type"] in ("integer", "long", "double") else "length"
    found = {}
    if "max" in shape:
        found["max"] = f"Member must have {noun} less than or equal to {shape['max']}"
    if "min" in shape:
        found["min"] = f"Member must have {noun} greater than or equal to {shape['min']}"
    if "pattern" in shape:
        found["pattern"] = f"Member must satisfy regular expression pattern: {shape['pattern']}"
    if "enum" in shape:
        found["enum"] = f"Member must satisfy enum value set: [{', '.join(shape['enum'])}]"
    return found


def broken_rules(shape: Shape, value: Any) -> list[str]:
    """Those of `rules` that *value* breaks."""
    size = value if isinstance(value, int | float) else len(value)
    met = {
        "max": "max" not in shape or size <= shape["max"],
        "min": "min" not in shape or size >= shape["min"],
        "pattern": "pattern" not in shape
        or translated(shape["pattern"]).fullmatch(value) is not None,
        "enum": "enum" not in shape or value in shape["enum"],
    }
    return [text for name, text in rules(shape).items() if not met[name]]


def converted(token: str, shape: Shape, path: str) -> Refusal:
    """The refusal of a JSON value of another type."""
    article = "an" if shape["type"] == "integer" else "a"
    where = f" at '{path}'" if path else ""
    text = f"{token} can not be converted to {article} {shape['type'].capitalize()}{where}"
    return Refusal(SERIALIZATION, text)


def scalars(shape: Shape, path: str) -> Iterator[Variant]:
    """Values of a scalar, as far as a JSON body can hold them."""
    if shape["type"] == "string":
        yield from strings(shape, path)
    elif shape["type"] in ("integer", "long", "double"):
        yield from numbers(shape, path)
    elif shape["type"] == "boolean":
        yield from (Variant("at the bound", value) for value in (True, False))
    elif shape["type"] == "timestamp":
        moments = (0, 1.5, "2026-01-01T00:00:00Z", 253_402_300_799)
        yield from (Variant("at the bound", value) for value in moments)
    elif shape["type"] == "blob":
        refusal = Refusal(SERIALIZATION, f"The value at '{path}' is not valid base64.")
        yield from (Variant("wrong type", text, refusal) for text in ("?", "eA", "é==="))


def strings(shape: Shape, path: str) -> Iterator[Variant]:
    if "enum" in shape:
        yield from (Variant("at the bound", value) for value in shape["enum"])
        for text in ("no such value", shape["enum"][0].swapcase()):
            yield _of_text("enum", shape, path, text)
        return
    expression = translated(shape.get("pattern", r"[\s\S]*"))
    least, most = shape.get("min", 0), shape.get("max", 300)
    if most > LENGTH_MAX:
        return
    shortest = texts.matching(expression, least)
    yield _of_text("at the bound", shape, path, shortest or texts.shortest(expression))
    for length, kind in ((most, "at the bound"), (most + 1, "past the bound")):
        text = texts.matching(expression, length)
        if text is not None and (kind == "at the bound" or "max" in shape):
            yield _of_text(kind, shape, path, text)
    if "max" in shape and texts.matching(expression, most + 1) is None:
        yield _of_text("past the bound", shape, path, "x" * (most + 1))
    if least:
        yield _of_text("past the bound", shape, path, "x" * (least - 1))
    elif not expression.fullmatch(""):
        yield _of_text("pattern", shape, path, "")
    for text in texts.mismatching(expression, least, most):
        yield _of_text("pattern", shape, path, text)


def _of_text(kind: str, shape: Shape, path: str, text: str) -> Variant:
    found = broken_rules(shape, text)
    assert bool(found) == (kind != "at the bound"), (shape, kind, text)
    secret = bool(shape.get("sensitive"))
    return Variant(kind, text, broken(path, text, found, secret) if found else None, bool(found))


def numbers(shape: Shape, path: str) -> Iterator[Variant]:
    bits = _BITS.get(shape["type"])
    step = 1 if bits else 0.01
    bounds = [shape[name] for name in ("min", "max") if name in shape]
    if bits:
        bounds += [-(2**bits), 2**bits - 1]
    past = [shape["min"] - step] if "min" in shape else []
    past += [shape["max"] + step] if "max" in shape else []
    for number in [*bounds, *past]:
        found = broken_rules(shape, number)
        kind = "past the bound" if found else "at the bound"
        refusal = broken(path, number, found) if found else None
        yield Variant(kind, number, refusal, bool(found))
    if bits:
        for number in (2**bits, -(2**bits) - 1, 10**40, 1.5):
            yield Variant("wrong type", number, converted("NUMBER_VALUE", shape, path))


_TOKENS: tuple[tuple[str, Any], ...] = (
    ("STRING_VALUE", "no"), ("NUMBER_VALUE", 3), ("TRUE_VALUE", True), ("FALSE_VALUE", False),
    ("START_OBJECT", {}), ("START_ARRAY", []),
)  # fmt: skip
_TAKES = {
    "string": ("STRING",), "blob": ("STRING",), "boolean": ("TRUE", "FALSE"),
    "integer": ("NUMBER",), "long": ("NUMBER",), "double": ("NUMBER",), "timestamp": ("NUMBER",),
    "structure": ("START_OBJECT",), "map": ("START_OBJECT",), "list": ("START_ARRAY",),
}  # fmt: skip


def wrong_types(shape: Shape, path: str) -> Iterator[Variant]:
    """A JSON value of every type that the shape does not take."""
    for token, value in _TOKENS:
        if not token.startswith(_TAKES[shape["type"]]):
            yield Variant("wrong type", value, converted(token, shape, path))
    if shape["type"] == "string":
        half = f"The value at '{path}' is not valid Unicode: it has half of a surrogate pair."
        yield Variant("wrong type", "\ud800", Refusal(SERIALIZATION, half))
        nul = f"The value at '{path}' has a NUL character."
        yield Variant("wrong type", "a\0", Refusal(SERIALIZATION, nul))
