"""`[[webhook]]` in wasmfaas.toml."""

import pytest

from wasmfaas.cli import project
from wasmfaas.cli.failures import Failure
from wasmfaas.cli.hook_settings import HookSettings

FIRST = '[[webhook]]\nname = "first"\nsignature = "github"\n\n'
WHOLE = """\
[[webhook]]
name = "whole"
kind = "signed"
qualifier = "live"
signature = "custom"
header = "X-Sign"
prefix = "sig="
encoding = "base64"
algorithm = "sha512"
signed_text = "{id}.{timestamp}.{body}"
timestamp_header = "X-Time"
id_header = "X-Id"
tolerance_s = 60
"""


def read(text: str) -> tuple[HookSettings, ...]:
    webhooks = project.parse(text, "wasmfaas.toml").webhooks
    assert webhooks is not None
    return webhooks


def test_everything_that_can_be_said_is_asked_for() -> None:
    (first, whole) = read(FIRST + WHOLE)
    assert first == HookSettings(name="first", members={"kind": "signed", "signature": "github"})
    assert whole.name == "whole"
    assert whole.members == {
        "kind": "signed",
        "qualifier": "live",
        "signature": "custom",
        "header": "x-sign",
        "prefix": "sig=",
        "encoding": "base64",
        "algorithm": "sha512",
        "signed_text": "{id}.{timestamp}.{body}",
        "timestamp_header": "x-time",
        "id_header": "x-id",
        "tolerance_s": 60,
    }
    assert read("") == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[webhook]]\nkind = "s3"', "line 1: webhook.name is missing"),
        (FIRST + '[[webhook]]\nname = "a b"', "line 6: webhook.name is 'a b'"),
        (FIRST + FIRST, "line 6: webhook.name is 'first', which is given twice"),
        (FIRST + '[[webhook]]\nname = "b"\nkind = "ftp"', "line 7: webhook.kind is 'ftp'"),
        (FIRST + '[[webhook]]\nname = "b"\nsecret = "x"', "line 7: unknown key 'webhook.secret'"),
        ('[[webhook]]\nname = "b"\nsignature = "custom"', "line 2: webhook.header is missing"),
        ('[[webhook]]\nname = "b"\nsignature = "slack"\ntolerance_s = 0',
         "line 4: webhook.tolerance_s is 0, but must be a whole number of seconds"),
        ('[[webhook]]\nname = "b"\nsignature = "none"', "line 3: webhook.signature is none"),
        ('[webhook]\nname = "b"', "line 1: webhooks are tables; write [[webhook]]"),
        ("webhook = 7", "line 1: webhooks are tables"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(text: str, message: str) -> None:
    with pytest.raises(Failure) as failure:
        read(text)
    assert message in failure.value.message
