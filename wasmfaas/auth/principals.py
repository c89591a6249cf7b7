"""Access keys, and those who hold them."""

import enum
from dataclasses import dataclass, field

from wasmfaas.errors import InvalidParameterValue
from wasmfaas.policy import matches

FUNCTION_PATTERN_CHARACTERS_MAX = 64
_PATTERN_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_*")


class Role(enum.StrEnum):
    """What a key may do; `roles` has which operations that are."""

    ADMIN = "admin"
    DEPLOYER = "deployer"
    INVOKER = "invoker"
    READ_ONLY = "read-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """One key. `repr` leaves the secret out."""

    id: str
    secret: str = field(repr=False)
    #: Whose it is; unique among keys.
    name: str
    role: Role
    #: Functions that an invoker may invoke; `*` stands for any text.
    functions: tuple[str, ...] = ()
    created_at_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who made a request."""

    arn: str
    account_id: str
    user_id: str
    access_key_id: str
    role: Role
    functions: tuple[str, ...] = ()

    @classmethod
    def of(cls, key: AccessKey, account_id: str) -> "Principal":
        """The holder of *key*, as a user of the account."""
        return cls(
            arn=f"arn:aws:iam::{account_id}:user/{key.name}",
            account_id=account_id,
            user_id=f"AIDA{key.id[4:]}",
            access_key_id=key.id,
            role=key.role,
            functions=key.functions,
        )

    def names(self, function: str) -> bool:
        """Whether one of the principal's patterns is for *function*."""
        return any(matches(pattern, function) for pattern in self.functions)


def check_pattern(pattern: str) -> str:
    """*pattern* if it is one for names of functions; raises InvalidParameterValue."""
    if (
        not 0 < len(pattern) <= FUNCTION_PATTERN_CHARACTERS_MAX
        or not set(pattern) <= _PATTERN_CHARACTERS
    ):
        raise InvalidParameterValue(
            f"The function is {pattern[:80]!a}, but must be the name of one, of at most "
            f"{FUNCTION_PATTERN_CHARACTERS_MAX} characters, where * stands for any text."
        )
    return pattern
