"""Filter patterns."""

import json

import pytest

from wasmfaas.api.logs.patterns import compiled
from wasmfaas.log_errors import InvalidParameter

MESSAGE = json.dumps(
    {
        "level": "ERROR",
        "status": 503,
        "ok": False,
        "nothing": None,
        "user": {"name": "Ada", "tags": ["a", "b"], "na.me": 1},
        "text": "a (b) [c]",
    }
)


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("*", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR exit", "exit with ERROR", True),
        ("ERROR exit", "ERROR", False),
        ('"exit code"', "the exit code is 1", True),
        ('"exit code"', "code exit", False),
        (r'"say \"hi\""', 'they say "hi"', True),
        ("ERROR -timeout", "ERROR: memory", True),
        ("ERROR -timeout", "ERROR: timeout", False),
        ('-"time out"', "time is out", True),
        ("?ERROR ?WARN", "WARN: x", True),
        ("?ERROR ?WARN", "INFO: x", False),
        ("?ERROR WARN", "WARN", True),
        ("?ERROR WARN", "ERROR", False),
        ("  ERROR  ", "ERROR", True),
    ],
)
def test_terms(pattern: str, message: str, matches: bool) -> None:
    assert compiled(pattern)(message) is matches


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ('{ $.level = "ERROR" }', True),
        ("{ $.level = ERROR }", True),
        ('{$.level="WARN"}', False),
        ('{ $.level != "WARN" }', True),
        ('{ $.missing != "WARN" }', False),
        ("{ $.status >= 500 }", True),
        ("{ $.status < 5.03e2 }", False),
        ("{ $.status = 503 }", True),
        ('{ $.status = "503" }', False),
        ("{ $.level > 1 }", False),
        ('{ $.level = "ERR*" }', True),
        ('{ $.level = "*R*O*" }', True),
        ('{ $.level = "*X*" }', False),
        ('{ $.level = "ERROR*ERROR" }', False),
        ('{ $.text = "a (b)*" }', True),
        ("{ $.ok IS FALSE }", True),
        ("{ $.ok IS TRUE }", False),
        ("{ $.nothing IS NULL }", True),
        ("{ $.level IS NULL }", False),
        ("{ $.missing NOT EXISTS }", True),
        ("{ $.level NOT EXISTS }", False),
        ('{ $.user.name = "Ada" }', True),
        ("{ $.user['na.me'] = 1 }", True),
        ('{ $.user.tags[1] = "b" }', True),
        ('{ $.user.tags[2] = "b" }', False),
        ('{ $.user.tags[*] = "b" }', True),
        ('{ $.status = 503 && $.level = "WARN" }', False),
        ('{ $.status = 503 || $.level = "WARN" && $.ok IS TRUE }', True),
        ('{ ($.status = 503 || $.level = "WARN") && $.ok IS TRUE }', False),
    ],
)
def test_members_of_json(pattern: str, matches: bool) -> None:
    assert compiled(pattern)(MESSAGE + "\n") is matches


def test_what_is_not_json_does_not_match() -> None:
    matches = compiled("{ $.missing NOT EXISTS }")
    for message in ("START RequestId", "{", '{"a": 1} 2', "[" * 100_000, "", "3"):
        assert matches(message) is False


@pytest.mark.parametrize(
    "pattern",
    [
        "[ip, user]", "%a+%", "a/b", '"open', "{", "{}", "{ $.a }", "{ $.a = }", "{ $.a = 1",
        "{ $.a = 1 } x", "{ $.a > x }", "{ $.a IS 1 }", "{ $.a NOT 1 }", "{ a = 1 }", "{ $.a & 1 }",
        "{ ($.a = 1 }", "{ " + "(" * 500 + " }", "{ $.a = { }", "{ $.a = ! }", "{ $.a = 1 && }",
    ],
)  # fmt: skip
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidParameter):
        compiled(pattern)
