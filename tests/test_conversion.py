"""What settings are made of."""

from pathlib import Path

import pytest

from wasmfaas.declaration import InvalidSetting
from wasmfaas.settings import load


@pytest.mark.parametrize(
    ("text", "expected"), [("1", True), ("TRUE", True), ("no", False), ("", False)]
)
def test_flags_come_from_the_environment(text: str, expected: bool) -> None:
    assert load({"WASMFAAS_DEV_NO_AUTH": text}, {}).dev_no_auth is expected
    assert load({"WASMFAAS_DEV_NO_AUTH": text}, {"dev_no_auth": True}).dev_no_auth is True


def test_a_flag_is_nothing_else() -> None:
    with pytest.raises(InvalidSetting, match="dev_no_auth is 'maybe', but must be of type bool"):
        load({"WASMFAAS_DEV_NO_AUTH": "maybe"}, {})


def test_what_may_be_left_out_may_be_empty() -> None:
    assert load({"WASMFAAS_TLS_CERT": ""}, {}).tls_cert is None
    both = {"WASMFAAS_TLS_CERT": "a.pem", "WASMFAAS_TLS_KEY": "b.pem"}
    settings = load(both, {"host": "0.0.0.0"})
    assert (settings.tls_cert, settings.scheme) == (Path("a.pem"), "https")
