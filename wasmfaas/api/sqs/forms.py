"""SQS's query protocol: forms to the members that the JSON protocol has, and members to XML.

Lists and maps are flat in it, and their items have names of their own:
`Attribute.1.Name=DelaySeconds&Attribute.1.Value=5`.
"""

import base64
import re
from collections.abc import Mapping
from typing import Any, Final

from wasmfaas.api import query
from wasmfaas.api.service_model import Operation, Shape
from wasmfaas.queue_errors import QueueParameterInvalid

NAMESPACE: Final = "http://queue.amazonaws.com/doc/2012-11-05/"
#: Parameters of one request: ten messages of ten attributes have fewer than 500.
FIELDS_MAX: Final = 1000
_NAME_CHARACTERS_MAX: Final = 256

#: What an item of a list or of a map is called, by the member that holds it.
_ITEMS: Final = {
    "AWSAccountIds": "AWSAccountId",
    "Actions": "ActionName",
    "AttributeNames": "AttributeName",
    "Attributes": "Attribute",
    "BinaryListValues": "BinaryListValue",
    "Failed": "BatchResultErrorEntry",
    "MessageAttributeNames": "MessageAttributeName",
    "MessageAttributes": "MessageAttribute",
    "MessageSystemAttributeNames": "MessageSystemAttributeName",
    "MessageSystemAttributes": "MessageSystemAttribute",
    "Messages": "Message",
    "QueueUrls": "QueueUrl",
    "Results": "ListMessageMoveTasksResultEntry",
    "StringListValues": "StringListValue",
    "TagKeys": "TagKey",
    "Tags": "Tag",
    "queueUrls": "QueueUrl",
    "tags": "Tag",
}
#: The names of an entry's key and value, where they are not Name and Value.
_TAG_ENTRY: Final = ("Key", "Value")
_ENTRY: Final = ("Name", "Value")
_INTEGER: Final = re.compile(r"-?\d{1,18}", re.ASCII)


def members_of(operation: Operation, fields: Mapping[str, str]) -> dict[str, Any]:
    """The members of a request, as JSON has them."""
    tree: dict[str, Any] = {}
    for name, text in fields.items():
        if len(name) > _NAME_CHARACTERS_MAX:
            raise QueueParameterInvalid(
                f"The name of a parameter has {len(name)} characters, but may have at most "
                f"{_NAME_CHARACTERS_MAX}."
            )
        place = tree
        *parents, last = name.split(".")
        for part in parents:
            inner = place.setdefault(part, {})
            if not isinstance(inner, dict):
                raise QueueParameterInvalid(f"The parameter {name[:100]!a} is given in two forms.")
            place = inner
        place[last] = text
    return _structure(operation.input, tree, operation.name)


def result_of(operation: Operation, members: Mapping[str, Any]) -> str:
    """*members* of the result as XML; those that are None are left out."""
    if operation.output is None:
        return ""
    return _members_xml(operation.output, members, operation.name)


def _structure(shape: Shape, tree: Any, operation: str) -> dict[str, Any]:
    if not isinstance(tree, dict):
        raise QueueParameterInvalid(f"A value stands where {shape.name} has members.")
    found = {}
    for name, member in shape.members.items():
        item = _item_name(name, operation, "Request")
        held = tree.get(item if member.shape.type in ("list", "map") else name)
        if held is not None:
            found[name] = _value(member.shape, held, name, operation)
    return found


def _value(shape: Shape, held: Any, name: str, operation: str) -> Any:
    if shape.type == "structure":
        return _structure(shape, held, operation)
    if shape.type == "list":
        return [_value(shape.member, item, name, operation) for item in _numbered(held, name)]
    if shape.type == "map":
        key_name, value_name = _entry_names(name)
        entries = {}
        for item in _numbered(held, name):
            if not isinstance(item, dict) or not isinstance(item.get(key_name), str):
                raise QueueParameterInvalid(f"An item of {name} has no {key_name}.")
            value = item.get(value_name, "")
            entries[item[key_name]] = _value(shape.value, value, name, operation)
        return entries
    if not isinstance(held, str):
        raise QueueParameterInvalid(f"{name} has members, but is a value.")
    if shape.type in ("integer", "long"):
        if not _INTEGER.fullmatch(held):
            raise QueueParameterInvalid.of(held, name, "It must be an integer.")
        return int(held)
    return held


def _numbered(held: Any, name: str) -> list[Any]:
    if not isinstance(held, dict) or not all(_INTEGER.fullmatch(key) for key in held):
        raise QueueParameterInvalid(f"Items of {name} must be numbered from 1.")
    return [held[key] for key in sorted(held, key=int)]


def _members_xml(shape: Shape, members: Mapping[str, Any], operation: str) -> str:
    parts = []
    for name, member in shape.members.items():
        held = members.get(name)
        if held is not None:
            parts.append(_xml(member.shape, held, name, operation))
    return "".join(parts)


def _xml(shape: Shape, held: Any, name: str, operation: str) -> str:
    if shape.type == "list":
        item = _item_name(name, operation, "Result")
        return "".join(_xml(shape.member, each, item, operation) for each in held)
    if shape.type == "map":
        item = _item_name(name, operation, "Result")
        key_name, value_name = _entry_names(name)
        return "".join(
            f"<{item}><{key_name}>{query.text_of(key)}</{key_name}>"
            f"{_xml(shape.value, value, value_name, operation)}</{item}>"
            for key, value in held.items()
        )
    if shape.type == "structure":
        return f"<{name}>{_members_xml(shape, held, operation)}</{name}>"
    if isinstance(held, bytes):
        text = base64.b64encode(held).decode()
    elif isinstance(held, bool):
        text = "true" if held else "false"
    else:
        text = query.text_of(str(held))
    return f"<{name}>{text}</{name}>"


def _item_name(name: str, operation: str, side: str) -> str:
    if name in ("Entries", "Successful"):
        return f"{operation}{side}Entry"
    return _ITEMS.get(name, name)


def _entry_names(name: str) -> tuple[str, str]:
    return _TAG_ENTRY if name.lower() == "tags" else _ENTRY
