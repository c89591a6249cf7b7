"""Checks of a request's members against the constraints of the model, with Lambda's messages.

All constraints are checked and all violations reported at once, as Lambda does:
`2 validation errors detected: Value '…' at 'memorySize' failed to satisfy constraint: Member must
have value less than or equal to 10240; Value null at 'role' failed to satisfy constraint: Member
must not be null`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from wasmfaas.api.service_model import Shape
from wasmfaas.errors import ValidationFailed

#: Characters of a refused value that are repeated in a message.
SHOWN_CHARACTERS_MAX = 256
#: Violations that one message lists; a list of a million bad items must not make one of a gigabyte.
VIOLATIONS_MAX = 100
#: Patterns are not tried on longer strings: their greatest length has been exceeded already, and
#: some patterns take quadratic time.
PATTERN_CHARACTERS_MAX = 20_480

_NOT_NULL = "Member must not be null"


def check(shape: Shape, value: Mapping[str, Any]) -> None:
    """Raise ValidationFailed if *value*, the bound members of a request, breaks a constraint."""
    violations = []
    for violation in _violations(shape, value, ""):
        violations.append(violation)
        if len(violations) == VIOLATIONS_MAX:
            break
    if violations:
        raise ValidationFailed(message(violations))


def message(violations: Sequence[str]) -> str:
    """Lambda's text for *violations*."""
    noun = "error" if len(violations) == 1 else "errors"
    return f"{len(violations)} validation {noun} detected: {'; '.join(violations)}"


def violation(path: str, value: Any, constraint: str, *, sensitive: bool = False) -> str:
    """Lambda's text for one *value* at *path* that breaks *constraint*."""
    if value is None:
        shown = "Value null"
    elif sensitive:
        shown = "Value"
    else:
        shown = f"Value '{_shown(value)}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {constraint}"


def member_path(parent: str, name: str) -> str:
    """`MemorySize` is `memorySize` in messages, and nested members are joined by dots."""
    lowered = name[:1].lower() + name[1:]
    return f"{parent}.{lowered}" if parent else lowered


def _violations(shape: Shape, value: Any, path: str) -> Iterator[str]:
    if shape.type == "structure":
        yield from _of_structure(shape, value, path)
        return
    for constraint in _broken(shape, value):
        yield violation(path, value, constraint, sensitive=_is_secret(shape))
    if shape.type == "list":
        yield from _of_items(shape, value, path)
    elif shape.type == "map":
        yield from _of_entries(shape, value, path)


def _of_structure(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    for name, member in shape.members.items():
        held = value.get(name)
        if held is not None:
            yield from _violations(member.shape, held, member_path(path, name))
        elif name in shape.required:
            yield violation(member_path(path, name), None, _NOT_NULL)


def _of_items(shape: Shape, value: Sequence[Any], path: str) -> Iterator[str]:
    """Scalar items are reported once for the whole list, with all that is asked of an item."""
    item_shape = shape.member
    if item_shape.type in ("structure", "list", "map"):
        for number, item in enumerate(value, start=1):
            where = f"{path}.{number}.member"
            if item is None:
                yield violation(where, None, _NOT_NULL)
            else:
                yield from _violations(item_shape, item, where)
    elif any(item is None or any(_broken(item_shape, item)) for item in value):
        asked = ", ".join([*_asked(item_shape), _NOT_NULL])
        secret = _is_secret(shape) or _is_secret(item_shape)
        constraint = f"Member must satisfy constraint: [{asked}]"
        yield violation(path, value, constraint, sensitive=secret)


def _of_entries(shape: Shape, value: Mapping[str, Any], path: str) -> Iterator[str]:
    secret = _is_secret(shape) or _is_secret(shape.value)
    if any(any(_broken(shape.key, key)) for key in value):
        # So Lambda says for the keys that have a length.
        not_null = [_NOT_NULL] if shape.key.minimum is not None else []
        asked = ", ".join([*_asked(shape.key), *not_null])
        yield violation(
            path, value, f"Map keys must satisfy constraint: [{asked}]", sensitive=secret
        )
    if shape.value.type in ("structure", "list", "map"):
        for key, item in value.items():
            if item is not None:
                yield from _violations(shape.value, item, f"{path}.{_shown(key)}.member")
        bad = any(item is None for item in value.values())
    else:
        bad = any(item is None or any(_broken(shape.value, item)) for item in value.values())
    if bad:
        asked = ", ".join([*_asked(shape.value), _NOT_NULL])
        yield violation(
            path, value, f"Map value must satisfy constraint: [{asked}]", sensitive=secret
        )


def _broken(shape: Shape, value: Any) -> Iterator[str]:
    """The constraints of *shape* itself that *value* breaks."""
    if shape.type in ("integer", "long", "double"):
        size, noun = value, "value"
    elif shape.type in ("string", "list", "map", "blob"):
        size, noun = len(value), "length"
    else:
        return
    if shape.maximum is not None and size > shape.maximum:
        yield _at_most(shape, noun)
    if shape.minimum is not None and size < shape.minimum:
        yield _at_least(shape, noun)
    if (
        shape.expression is not None
        and size <= PATTERN_CHARACTERS_MAX
        and not shape.expression.fullmatch(value)
    ):
        yield _of_pattern(shape)
    if shape.values and value not in shape.values:
        yield _of_values(shape)


def _asked(shape: Shape) -> Iterator[str]:
    """All constraints of *shape* itself."""
    noun = "value" if shape.type in ("integer", "long", "double") else "length"
    if shape.maximum is not None:
        yield _at_most(shape, noun)
    if shape.minimum is not None:
        yield _at_least(shape, noun)
    if shape.pattern is not None:
        yield _of_pattern(shape)
    if shape.values:
        yield _of_values(shape)


def _at_most(shape: Shape, noun: str) -> str:
    return f"Member must have {noun} less than or equal to {shape.maximum}"


def _at_least(shape: Shape, noun: str) -> str:
    return f"Member must have {noun} greater than or equal to {shape.minimum}"


def _of_pattern(shape: Shape) -> str:
    return f"Member must satisfy regular expression pattern: {shape.pattern}"


def _of_values(shape: Shape) -> str:
    return f"Member must satisfy enum value set: [{', '.join(shape.values)}]"


def _is_secret(shape: Shape) -> bool:
    return shape.sensitive or shape.type == "blob"


def _shown(value: Any) -> str:
    """*value* as Java prints it, cut to a readable length."""
    if isinstance(value, str):
        text = value[: SHOWN_CHARACTERS_MAX + 1]
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, Mapping):
        pairs = [f"{_shown(key)}={_shown(item)}" for key, item in _first(value.items())]
        text = "{" + ", ".join(pairs) + "}"
    elif isinstance(value, Sequence):
        text = "[" + ", ".join(_shown(item) for item in _first(value)) + "]"
    else:
        text = "null" if value is None else str(value)
    if len(text) > SHOWN_CHARACTERS_MAX:
        return text[:SHOWN_CHARACTERS_MAX] + "..."
    return text


def _first(items: Any) -> Iterator[Any]:
    return (item for _, item in zip(range(SHOWN_CHARACTERS_MAX), items, strict=False))
