"""What a webhook trigger is: a name, the function that gets what arrives, and how it is signed."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.errors import InvalidParameterValue
from wasmfaas.hooks import schemes
from wasmfaas.hooks.schemes import Scheme

SIGNED: Final = "signed"
S3: Final = "s3"
KINDS: Final = (SIGNED, S3)
#: What is presumed where no signature is named.
_DEFAULTS: Final = {SIGNED: "standard", S3: "bearer"}
NAME: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_FUNCTION: Final = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_QUALIFIER: Final = re.compile(r"\$LATEST|[a-zA-Z0-9_-]{1,128}")
MEMBERS: Final = ("kind", "function", "qualifier", *schemes.MEMBERS)
SECRET_CHARACTERS: Final = (8, 1024)
_SECRET: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Definition:
    """What somebody wants a webhook to be."""

    kind: str
    function: str
    #: A version or an alias; empty for the function itself.
    qualifier: str
    scheme: Scheme

    @classmethod
    def of(cls, members: Mapping[str, Any]) -> "Definition":
        """The one that *members* describe. Raises InvalidParameterValue."""
        for name in members:
            if name not in MEMBERS:
                raise InvalidParameterValue(
                    f"A webhook has no {name[:40]!a}, but {', '.join(MEMBERS)}."
                )
        kind = members.get("kind", SIGNED)
        if kind not in KINDS:
            raise InvalidParameterValue(
                f"kind is {ascii(kind)[:80]}, but must be one of {', '.join(KINDS)}."
            )
        function = _named("function", members.get("function"), _FUNCTION, "1 to 64")
        qualifier = members.get("qualifier", "")
        if qualifier != "":
            qualifier = _named("qualifier", qualifier, _QUALIFIER, "1 to 128")
        said = {key: value for key, value in members.items() if key in schemes.MEMBERS}
        scheme = schemes.of(said, _DEFAULTS[kind])
        if scheme.form == schemes.OPEN and kind != S3:
            raise InvalidParameterValue(
                "signature is none, which only a webhook of kind s3 can have: anybody could send "
                "the function anything. A function URL of AuthType NONE is meant for that."
            )
        return cls(kind=kind, function=function, qualifier=qualifier, scheme=scheme)

    def document(self) -> dict[str, Any]:
        """The members that make it."""
        qualifier = {"qualifier": self.qualifier} if self.qualifier else {}
        return {
            "kind": self.kind,
            "function": self.function,
            **qualifier,
            **self.scheme.document(),
        }


def check_name(name: Any) -> str:
    """*name*, if a webhook can have it. Raises InvalidParameterValue."""
    return _named("name", name, NAME, "1 to 64")


def check_secret(secret: Any) -> str:
    """*secret*, if it can be one. Raises InvalidParameterValue, without a word of it."""
    least, greatest = SECRET_CHARACTERS
    if not isinstance(secret, str):
        raise InvalidParameterValue("The secret must be text.")
    if not least <= len(secret) <= greatest:
        raise InvalidParameterValue(
            f"The secret has {len(secret)} characters, but must have from {least} to {greatest}."
        )
    if not _SECRET.fullmatch(secret):
        raise InvalidParameterValue(
            "The secret must be printable ASCII, without spaces at its begin and end."
        )
    return secret


def _named(member: str, value: Any, pattern: re.Pattern[str], count: str) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise InvalidParameterValue(
            f"{member} is {ascii(value)[:80]}, but must have {count} letters, digits, - and _."
        )
    return value
