"""`[[webhook]]` in wasmfaas.toml: what others may post to the function."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.errors import InvalidParameterValue
from wasmfaas.hooks.definitions import MEMBERS, Definition, check_name

KEYS: Final = ("name", *(member for member in MEMBERS if member != "function"))


class WrongWebhook(ValueError):
    """A webhook cannot be meant so; *key* is what is wrong."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(message)
        self.key = key


@dataclass(frozen=True, slots=True, kw_only=True)
class HookSettings:
    """One webhook of a function."""

    name: str
    #: As the server keeps them, but the function.
    members: Mapping[str, Any]


def read(table: Mapping[str, Any]) -> HookSettings:
    """The webhook that a *table* of the file says. Raises WrongWebhook."""
    if "name" not in table:
        raise WrongWebhook("name", "name is missing")
    said = {key: value for key, value in table.items() if key != "name"}
    try:
        name = check_name(table["name"])
        members = Definition.of({**said, "function": "unnamed"}).document()
    except InvalidParameterValue as error:
        # Each begins with the member that it is about.
        key = error.message.partition(" ")[0]
        raise WrongWebhook(
            key if key in table else "name", error.message.removesuffix(".")
        ) from None
    del members["function"]
    return HookSettings(name=name, members=members)
