"""Resource policies in AWS's JSON, and what they allow: pure, from text to decision.

    Policy.parse(text)                    a document from outside; raises InvalidPolicy
    Policy.of(document)                   one that we have written
    policy.allows(Request(…))             an Allow that matches, and no Deny that does
    url_request(arn, auth_type, caller)   the question that a function URL asks

A function URL of AuthType NONE answers where the policy allows nobody in particular
(`url_request(arn, "NONE")`); one of AWS_IAM where it allows the caller, by ARN
(`url_request(arn, "AWS_IAM", "arn:aws:iam::123456789012:user/ada")`).
"""

import ipaddress
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

VERSION: Final = "2012-10-17"
INVOKE: Final = "lambda:InvokeFunction"
INVOKE_URL: Final = "lambda:InvokeFunctionUrl"
AUTH_TYPE: Final = "lambda:FunctionUrlAuthType"
VIA_URL: Final = "lambda:InvokedViaFunctionUrl"

_STATEMENT_MEMBERS: Final = frozenset(
    ("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource",
     "NotResource", "Condition")
)  # fmt: skip
_ACCOUNT = re.compile(r"(?:arn:[a-z-]+:iam::)?(\d{12})(?::root)?", re.ASCII)
_PRINCIPAL_KINDS: Final = frozenset(("AWS", "Service", "Federated", "CanonicalUser"))


class InvalidPolicy(ValueError):
    """A text is no policy; the message says where."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What somebody wants to do."""

    action: str
    #: The ARN of the function, qualified where the caller names a version or an alias.
    resource: str
    #: The ARN of a caller who has signed, or a service's name such as `s3.amazonaws.com`; None for
    #: anybody.
    principal: str | None = None
    #: Condition keys such as `AWS:SourceArn` and their values; keys in any case.
    conditions: Mapping[str, str] = field(default_factory=dict)


def url_request(arn: str, auth_type: str, principal: str | None = None) -> Request:
    """The call of a function URL of *arn*."""
    return Request(
        action=INVOKE_URL,
        resource=arn,
        principal=principal,
        conditions={AUTH_TYPE: auth_type, VIA_URL: "true"},
    )


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy of one function, version or alias. Immutable."""

    #: As AWS has it: Version, Id, Statement.
    document: Mapping[str, Any]

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Self:
        """The policy in *document*, which is known to be valid."""
        return cls(document)

    @classmethod
    def parse(cls, text: str) -> Self:
        """The policy in *text*, JSON from outside. Raises InvalidPolicy."""
        try:
            document = json.loads(text)
        except (ValueError, RecursionError):
            raise InvalidPolicy("it is not JSON") from None
        if not isinstance(document, dict):
            raise InvalidPolicy("it is not a JSON object")
        unknown = sorted(document.keys() - {"Version", "Id", "Statement"})
        if unknown:
            raise InvalidPolicy(f"a policy has no member {unknown[0][:50]!r}")
        if document.get("Version", VERSION) not in (VERSION, "2008-10-17"):
            raise InvalidPolicy(f"Version must be {VERSION!r}")
        if not isinstance(document.get("Id", ""), str):
            raise InvalidPolicy("Id must be a string")
        statements = _listed(document.get("Statement"))
        if not statements:
            raise InvalidPolicy("Statement must hold at least one statement")
        for number, statement in enumerate(statements, 1):
            _check_statement(statement, f"Statement {number}")
        sids = [each["Sid"] for each in statements if "Sid" in each]
        if len(sids) != len(set(sids)):
            raise InvalidPolicy("two statements have the same Sid")
        return cls(document)

    @property
    def statements(self) -> list[Mapping[str, Any]]:
        return list(_listed(self.document["Statement"]))

    def text(self) -> str:
        """As GetPolicy has it: compact JSON."""
        return json.dumps(self.document, separators=(",", ":"))

    def allows(self, request: Request) -> bool:
        """Whether a statement allows *request*, and none denies it."""
        return self._effects(request) == {"Allow"}

    def denies(self, request: Request) -> bool:
        """Whether a statement denies *request*, whatever else allows it."""
        return "Deny" in self._effects(request)

    def _effects(self, request: Request) -> set[str]:
        conditions = {key.lower(): value for key, value in request.conditions.items()}
        return {
            statement["Effect"]
            for statement in self.statements
            if _applies(statement, request, conditions)
        }


def _applies(statement: Mapping[str, Any], request: Request, conditions: Mapping[str, str]) -> bool:
    if "Principal" in statement:
        # To allow an account leaves it to that account whom it lets in: here, to keys' roles.
        members = statement["Effect"] == "Deny"
        concerned = _is_principal(statement["Principal"], request.principal, members=members)
    else:
        concerned = not _is_principal(statement["NotPrincipal"], request.principal)
    return (
        concerned
        and _names(statement, "Action", request.action, fold=True)
        and _names(statement, "Resource", request.resource)
        and all(
            _holds(operator, keys, conditions)
            for operator, keys in statement.get("Condition", {}).items()
        )
    )


def _names(statement: Mapping[str, Any], member: str, value: str, *, fold: bool = False) -> bool:
    """Whether *statement* is about *value*, by *member* or by its negation."""
    negated = f"Not{member}" in statement
    patterns = _listed(statement.get(f"Not{member}" if negated else member, "*"))
    if fold:
        value, patterns = value.lower(), [pattern.lower() for pattern in patterns]
    return any(matches(pattern, value) for pattern in patterns) != negated


def _is_principal(principal: Any, caller: str | None, *, members: bool = True) -> bool:
    """Whether *caller* is meant; with *members*, also as one of an account."""
    if principal == "*":
        return True
    for kind, names in principal.items():
        for name in _listed(names):
            if (kind == "AWS" and name == "*") or (caller is not None and name == caller):
                return True
            account = _ACCOUNT.fullmatch(name) if members and kind == "AWS" else None
            if account and caller and account[1] == _account_of(caller):
                return True
    return False


def _account_of(arn: str) -> str:
    parts = arn.split(":", 5)
    return parts[4] if len(parts) == 6 else arn


def _holds(operator: str, keys: Mapping[str, Any], conditions: Mapping[str, str]) -> bool:
    """Whether all *keys* of one operator are as it wants them."""
    name = operator.removesuffix("IfExists")
    for key, wanted in keys.items():
        value = conditions.get(key.lower())
        expected = [_plain(each) for each in _listed(wanted)]
        if name == "Null":
            if (value is None) != (expected[0].lower() == "true"):
                return False
            continue
        test, negated = _OPERATORS[name]
        if value is None:
            if not negated and name == operator:
                return False
        elif any(test(each, value) for each in expected) == negated:
            return False
    return True


def matches(pattern: str, value: str) -> bool:
    """Whether *value* is of *pattern*, in which `*` is any text and `?` any character. Takes time
    in the product of both lengths at most."""
    at = place = 0
    star, retry = -1, 0
    while place < len(value):
        if at < len(pattern) and pattern[at] == "*":
            star, retry = at, place
            at += 1
        elif at < len(pattern) and pattern[at] in ("?", value[place]):
            at += 1
            place += 1
        elif star >= 0:
            retry += 1
            at, place = star + 1, retry
        else:
            return False
    return not pattern[at:].strip("*")


def _is_arn_like(pattern: str, value: str) -> bool:
    """An ARN is compared part by part: no wildcard reaches over the first five colons."""
    wanted, found = pattern.split(":", 5), value.split(":", 5)
    return len(wanted) == len(found) == 6 and all(map(matches, wanted, found))


def _is_in_network(network: str, value: str) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False


def _is_same(wanted: str, value: str) -> bool:
    return wanted == value


def _is_same_folded(wanted: str, value: str) -> bool:
    return wanted.casefold() == value.casefold()


#: What each operator compares by, and whether it wants the contrary.
_OPERATORS: Final[Mapping[str, tuple[Callable[[str, str], bool], bool]]] = {
    "StringEquals": (_is_same, False),
    "StringNotEquals": (_is_same, True),
    "StringEqualsIgnoreCase": (_is_same_folded, False),
    "StringNotEqualsIgnoreCase": (_is_same_folded, True),
    "StringLike": (matches, False),
    "StringNotLike": (matches, True),
    "ArnEquals": (_is_arn_like, False),
    "ArnNotEquals": (_is_arn_like, True),
    "ArnLike": (_is_arn_like, False),
    "ArnNotLike": (_is_arn_like, True),
    "Bool": (_is_same_folded, False),
    "IpAddress": (_is_in_network, False),
    "NotIpAddress": (_is_in_network, True),
}


def _check_statement(statement: Any, where: str) -> None:
    if not isinstance(statement, dict):
        raise InvalidPolicy(f"{where} is not an object")
    unknown = sorted(statement.keys() - _STATEMENT_MEMBERS)
    if unknown:
        raise InvalidPolicy(f"{where} has a member {unknown[0][:50]!r}, which statements have not")
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise InvalidPolicy(f"{where} must have the Effect 'Allow' or 'Deny'")
    if not isinstance(statement.get("Sid", ""), str):
        raise InvalidPolicy(f"the Sid of {where} is not a string")
    for member, needed in (("Principal", True), ("Action", True), ("Resource", False)):
        given = [name for name in (member, f"Not{member}") if name in statement]
        if len(given) > 1 or (needed and not given):
            raise InvalidPolicy(f"{where} must have either {member} or Not{member}")
        for name in given:
            _check_member(name, statement[name], f"the {name} of {where}")
    _check_conditions(statement.get("Condition", {}), where)


def _check_member(name: str, value: Any, where: str) -> None:
    if not name.endswith("Principal"):
        _check_texts(value, where)
    elif isinstance(value, dict):
        for kind, names in value.items():
            if kind not in _PRINCIPAL_KINDS:
                raise InvalidPolicy(f"{where} has an unknown kind {kind[:50]!r}")
            _check_texts(names, where)
    elif value != "*":
        raise InvalidPolicy(f"{where} is neither '*' nor an object")


def _check_conditions(conditions: Any, where: str) -> None:
    if not isinstance(conditions, dict):
        raise InvalidPolicy(f"the Condition of {where} is not an object")
    for operator, keys in conditions.items():
        name = operator.removesuffix("IfExists")
        if name not in _OPERATORS and operator != "Null":
            raise InvalidPolicy(
                f"{where} has the condition operator {operator[:50]!r}; this server knows "
                f"{', '.join(_OPERATORS)} and Null"
            )
        if not isinstance(keys, dict):
            raise InvalidPolicy(f"the {operator} of {where} is not an object")
        for key, wanted in keys.items():
            _check_texts([_plain(each) for each in _listed(wanted)], f"{key[:50]!r} of {where}")


def _check_texts(value: Any, where: str) -> None:
    texts = _listed(value)
    if not texts or not all(isinstance(text, str) for text in texts):
        raise InvalidPolicy(f"{where} is neither a string nor a list of strings")


def _listed(value: Any) -> list[Any]:
    """Where a policy may have one of something or a list of it: the list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> Any:
    """A condition's value as text: JSON's true is IAM's `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else value
