"""How senders of webhooks show who they are: one scheme for all of them, presets, and members by
which an own one is described."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final

from wasmfaas.errors import InvalidParameterValue

TOLERANCE_S: Final = 300
TOLERANCE_S_MAX: Final = 86_400
_TEXT_CHARACTERS_MAX: Final = 200
#: RFC 9110, section 5.6.2.
_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_PRINTABLE: Final = re.compile(r"[\x20-\x7e]*")
_PLACEHOLDER: Final = re.compile(r"\{(\w*)\}")
ENCODINGS: Final = ("hex", "base64")
ALGORITHMS: Final = ("sha256", "sha512")

#: How the header says it: one signature; several, separated by spaces; `t=…,v1=…`; the secret
#: itself; nothing at all.
PLAIN, LIST, PAIRS, TOKEN, OPEN = "plain", "list", "pairs", "token", "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scheme:
    """How one sender signs. Names of headers are in lower case."""

    #: Of the preset, or `custom`.
    signature: str
    header: str = ""
    #: What is before each signature.
    prefix: str = ""
    encoding: str = "hex"
    algorithm: str = "sha256"
    #: What is signed, with {body}, {timestamp} and {id} in it.
    signed_text: str = "{body}"
    timestamp_header: str = ""
    #: Has the id that a delivery keeps when it is sent again.
    id_header: str = ""
    #: How far the timestamp may be from now, in seconds.
    tolerance_s: int = TOLERANCE_S
    form: str = PLAIN
    #: Whether a secret may be written `whsec_` and base64.
    decodes_secret: bool = False

    @property
    def has_timestamp(self) -> bool:
        """Whether what is signed tells when."""
        return "{timestamp}" in self.signed_text

    def document(self) -> dict[str, Any]:
        """The members that make it, without those that are the preset's own."""
        preset = PRESETS[self.signature]
        own = {name: getattr(self, name) for name in TAKES[self.signature]}
        return {"signature": self.signature} | {
            name: value for name, value in own.items() if value != getattr(preset, name)
        }


#: github: docs.github.com, "Validating webhook deliveries". standard: standardwebhooks.com. slack:
#: docs.slack.dev, "Verifying requests from Slack". stripe: docs.stripe.com, "Verify manually".
PRESETS: Final[Mapping[str, Scheme]] = {
    each.signature: each
    for each in (
        Scheme(
            signature="github",
            header="x-hub-signature-256",
            prefix="sha256=",
            id_header="x-github-delivery",
        ),
        Scheme(
            signature="standard",
            header="webhook-signature",
            prefix="v1,",
            encoding="base64",
            signed_text="{id}.{timestamp}.{body}",
            timestamp_header="webhook-timestamp",
            id_header="webhook-id",
            form=LIST,
            decodes_secret=True,
        ),
        Scheme(
            signature="slack",
            header="x-slack-signature",
            prefix="v0=",
            signed_text="v0:{timestamp}:{body}",
            timestamp_header="x-slack-request-timestamp",
        ),
        Scheme(
            signature="stripe",
            header="stripe-signature",
            prefix="v1=",
            signed_text="{timestamp}.{body}",
            form=PAIRS,
        ),
        Scheme(signature="bearer", header="authorization", prefix="Bearer ", form=TOKEN),
        Scheme(signature="none", form=OPEN),
        Scheme(signature="custom"),
    )
}
#: The members that each preset leaves to whoever uses it.
TAKES: Final[Mapping[str, tuple[str, ...]]] = {
    "github": (),
    "standard": ("tolerance_s",),
    "slack": ("tolerance_s",),
    "stripe": ("tolerance_s",),
    "bearer": ("header", "prefix", "id_header"),
    "none": (),
    "custom": (
        "header", "prefix", "encoding", "algorithm", "signed_text", "timestamp_header",
        "id_header", "tolerance_s",
    ),
}  # fmt: skip
MEMBERS: Final = ("signature", *TAKES["custom"])
_HEADERS: Final = ("header", "timestamp_header", "id_header")
_CHOICES: Final = {"encoding": ENCODINGS, "algorithm": ALGORITHMS, "signature": tuple(PRESETS)}
_KINDS: Final = {each.name: each.type for each in fields(Scheme)}


def of(members: Mapping[str, Any], default: str) -> Scheme:
    """The scheme that *members* describe; *default* is the preset where they name none.

    Raises InvalidParameterValue.
    """
    signature = _checked("signature", members.get("signature", default))
    takes = TAKES[signature]
    chosen = {}
    for name, value in members.items():
        if name == "signature":
            continue
        if name not in takes:
            known = f"takes {', '.join(takes)}" if takes else "takes nothing"
            raise InvalidParameterValue(
                f"{name} says how a signature is made, but signature = {signature} {known} "
                "beside its secret."
            )
        chosen[name] = _checked(name, value)
    scheme = replace(PRESETS[signature], **chosen)
    if signature == "custom":
        _check_custom(scheme)
    return scheme


def _checked(name: str, value: Any) -> Any:
    """*value* in the form that it is kept in."""
    if name == "tolerance_s":
        if (
            isinstance(value, bool)
            or not isinstance(value, int)
            or not (1 <= value <= TOLERANCE_S_MAX)
        ):
            raise InvalidParameterValue(
                f"tolerance_s is {_shown(value)}, but must be a whole number of seconds from 1 to "
                f"{TOLERANCE_S_MAX}."
            )
        return value
    if name in _CHOICES:
        if value not in _CHOICES[name]:
            raise InvalidParameterValue(
                f"{name} is {_shown(value)}, but must be one of {', '.join(_CHOICES[name])}."
            )
        return value
    if (
        not isinstance(value, str)
        or not _PRINTABLE.fullmatch(value)
        or (len(value) > _TEXT_CHARACTERS_MAX)
    ):
        raise InvalidParameterValue(
            f"{name} is {_shown(value)}, but must be at most {_TEXT_CHARACTERS_MAX} printable "
            "ASCII characters."
        )
    if name in _HEADERS:
        if not _HEADER.fullmatch(value):
            raise InvalidParameterValue(f"{name} is {_shown(value)}, which is no name of a header.")
        return value.lower()
    return value


def _check_custom(scheme: Scheme) -> None:
    if not scheme.header:
        raise InvalidParameterValue("header is missing: the one that has the signature.")
    placeholders = _PLACEHOLDER.findall(scheme.signed_text)
    rest = _PLACEHOLDER.sub("", scheme.signed_text)
    if (
        placeholders.count("body") != 1
        or set("{}") & set(rest)
        or not (set(placeholders) <= {"body", "timestamp", "id"})
    ):
        raise InvalidParameterValue(
            f"signed_text is {_shown(scheme.signed_text)}, but must have {{body}} once, and may "
            "have {timestamp} and {id}, and no other braces."
        )
    for placeholder in ("timestamp", "id"):
        member = f"{placeholder}_header"
        if placeholder in placeholders and not getattr(scheme, member):
            raise InvalidParameterValue(
                f"signed_text has {{{placeholder}}}, but {member} does not say which header has it."
            )
    if scheme.timestamp_header and not scheme.has_timestamp:
        raise InvalidParameterValue(
            f"timestamp_header is {_shown(scheme.timestamp_header)}, but signed_text has no "
            "{timestamp}: whoever sends could choose any."
        )


def _shown(value: Any) -> str:
    return ascii(value)[:80]
