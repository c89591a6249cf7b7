"""CloudWatch Logs' filter patterns: terms, and comparisons of members of JSON messages.

ERROR "exit code" -DEBUG        holds the first two, and not the third
?ERROR ?WARN                    holds one of them
{ $.status >= 500 && $.path = "/api/*" }
"""

import re
from collections.abc import Callable

from wasmfaas.api.logs import json_patterns
from wasmfaas.log_errors import InvalidParameter

Matches = Callable[[str], bool]

_TERM = re.compile(r'\s*([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?=\s|$)')
#: What a term has outside of quotes.
_PLAIN = re.compile(r"[\w@#$&=.:;_\-]+|\*")


def compiled(pattern: str) -> Matches:
    """Whether a message meets *pattern*. Raises InvalidParameter for what is not one, or not one
    that is understood here."""
    text = pattern.strip()
    if text.startswith("{"):
        return json_patterns.compiled(text)
    if text.startswith(("[", "%")):
        kind = "space-delimited fields" if text.startswith("[") else "regular expressions"
        raise InvalidParameter(
            f"Invalid filter pattern: patterns of {kind} ('{text[:50]}') are not supported by "
            'this server. Use terms, such as ERROR "exit code" -DEBUG, or { $.member = value }.'
        )
    return _of_terms(*_terms(text))


def _of_terms(all_of: list[str], any_of: list[str], none_of: list[str]) -> Matches:
    if all_of or none_of:
        # As on CloudWatch: beside other terms, optional ones say nothing.
        return lambda message: (
            all(term in message for term in all_of) and not any(term in message for term in none_of)
        )
    if any_of:
        return lambda message: any(term in message for term in any_of)
    return lambda message: True


def _terms(text: str) -> tuple[list[str], list[str], list[str]]:
    """The terms without a sign, with `?` and with `-`."""
    found: dict[str, list[str]] = {"": [], "?": [], "-": []}
    at = 0
    while at < len(text):
        match = _TERM.match(text, at)
        if match is None:
            raise InvalidParameter(f"Invalid filter pattern: at '{text[at : at + 50]}'")
        sign, quoted, plain = match.groups()
        if plain is not None and not _PLAIN.fullmatch(plain):
            raise InvalidParameter(
                f"Invalid character(s) in term '{plain[:50]}'. Put a term with other characters "
                "than letters, digits and @#$&=.:;_- in double quotes."
            )
        if plain != "*":
            term = plain if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
            found[sign].append(term)
        at = match.end()
    return found[""], found["?"], found["-"]
