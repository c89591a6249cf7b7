"""What a request has to have, with SQS's error for what it lacks."""

from typing import Any

from wasmfaas.api.service_model import Shape
from wasmfaas.queue_errors import QueueParameterInvalid, QueueParameterMissing


def check(shape: Shape, value: Any, path: str = "") -> None:
    """Raise QueueParameterMissing for a member that *shape* requires and *value*, bound to it,
    lacks; and QueueParameterInvalid for an item that is null."""
    if shape.type == "structure":
        for name, member in shape.members.items():
            where = f"{path}.{name}" if path else name
            if value.get(name) is not None:
                check(member.shape, value[name], where)
            elif name in shape.required:
                raise QueueParameterMissing.of(where)
    elif shape.type == "list":
        for number, item in enumerate(value, start=1):
            _check_item(shape.member, item, f"{path}.{number}")
    elif shape.type == "map":
        for key, item in value.items():
            _check_item(shape.value, item, f"{path}.{key[:100]}")


def _check_item(shape: Shape, item: Any, where: str) -> None:
    if item is None:
        raise QueueParameterInvalid(f"The value of {where} must not be null.")
    check(shape, item, where)
