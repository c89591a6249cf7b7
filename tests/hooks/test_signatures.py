"""Signatures of webhooks: the examples that their makers publish, and everything next to them."""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasmfaas.errors import InvalidParameterValue, WebhookRefused
from wasmfaas.hooks import schemes
from wasmfaas.hooks.schemes import PRESETS, Scheme
from wasmfaas.hooks.signatures import claimed

BODY = b'{"a": 1}'
NOW = 1_700_000_000
SECRET = "a-secret-of-two-parties"


def check(
    scheme: Scheme,
    headers: Mapping[str, str],
    body: bytes = BODY,
    *,
    secrets: tuple[str, ...] = (SECRET,),
    now_s: float = NOW,
) -> str:
    """The delivery's id, where the request is let in."""
    claim = claimed(scheme, [(k.encode(), v.encode("latin-1")) for k, v in headers.items()])
    claim.prove(secrets, body, now_s)
    return claim.delivery_id


def hexed(text: bytes, algorithm: str = "sha256", secret: str = SECRET) -> str:
    return hmac.new(secret.encode(), text, algorithm).hexdigest()


CUSTOM = schemes.of(
    {
        "signature": "custom",
        "header": "X-Sign",
        "prefix": "sig:",
        "encoding": "base64",
        "algorithm": "sha512",
        "signed_text": "{timestamp}|{id}|{body}|end",
        "timestamp_header": "X-Time",
        "id_header": "X-Id",
        "tolerance_s": 10,
    },
    "custom",
)


def signed(preset: str) -> dict[str, str]:
    """What a sender of now sends with BODY, worked out from what each of them documents."""
    if preset == "github":
        return {"X-Hub-Signature-256": "sha256=" + hexed(BODY), "X-GitHub-Delivery": "d-1"}
    if preset == "standard":
        text = f"m-1.{NOW}.".encode() + BODY
        digest = base64.b64encode(hmac.digest(SECRET.encode(), text, "sha256")).decode()
        return {
            "webhook-id": "m-1",
            "webhook-timestamp": str(NOW),
            "webhook-signature": f"v1,{digest}",
        }
    if preset == "slack":
        return {
            "X-Slack-Signature": "v0=" + hexed(f"v0:{NOW}:".encode() + BODY),
            "X-Slack-Request-Timestamp": str(NOW),
        }
    if preset == "stripe":
        return {"Stripe-Signature": f"t={NOW},v1={hexed(f'{NOW}.'.encode() + BODY)}"}
    if preset == "bearer":
        return {"Authorization": f"bearer {SECRET}"}
    text = f"{NOW}|i-1|".encode() + BODY + b"|end"
    digest = base64.b64encode(hmac.digest(SECRET.encode(), text, hashlib.sha512)).decode()
    return {"X-Sign": f"sig:{digest}", "X-Time": str(NOW), "X-Id": "i-1"}


def scheme_of(preset: str) -> Scheme:
    return CUSTOM if preset == "custom" else PRESETS[preset]


ALL = ("github", "standard", "slack", "stripe", "bearer", "custom")
DATED = ("standard", "slack", "stripe", "custom")


def test_the_example_of_github() -> None:
    """docs.github.com, "Validating webhook deliveries", the section on testing."""
    digest = "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = {"X-Hub-Signature-256": f"sha256={digest}"}
    check(PRESETS["github"], headers, b"Hello, World!", secrets=("It's a Secret to Everybody",))


def test_the_example_of_standard_webhooks() -> None:
    """Of its reference implementations."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    found = check(
        PRESETS["standard"], headers, b'{"test": 2432232314}',
        secrets=("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",), now_s=1614265330,
    )  # fmt: skip
    assert found == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_the_example_of_slack() -> None:
    """docs.slack.dev, "Verifying requests from Slack"."""
    body = (
        b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id="
        b"G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-"
        b"collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F3977"
        b"00885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d1"
        b"0d2c447fce8b6703c"
    )
    headers = {
        "X-Slack-Signature": "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503",
        "X-Slack-Request-Timestamp": "1531420618",
    }
    secret = "8f742231b10e8888abcd99yyyzzz85a5"
    check(PRESETS["slack"], headers, body, secrets=(secret,), now_s=1531420618)


@pytest.mark.parametrize("preset", ALL)
def test_what_is_signed_is_let_in_and_nothing_next_to_it(preset: str) -> None:
    scheme, headers = scheme_of(preset), signed(preset)
    expected = {"github": "d-1", "standard": "m-1", "custom": "i-1"}.get(preset, "")
    assert check(scheme, headers) == expected
    assert check(scheme, headers, secrets=("another-secret", SECRET)) == expected
    for secrets in ((), ("another-secret",), (SECRET + "x",), (SECRET.upper(),)):
        with pytest.raises(WebhookRefused):
            check(scheme, headers, secrets=secrets)
    for name in headers:
        if name == "X-GitHub-Delivery":
            continue
        left = {key: value for key, value in headers.items() if key != name}
        for wrong in (None, "", headers[name] + "0", headers[name][:-1], headers[name][1:]):
            with pytest.raises(WebhookRefused):
                check(scheme, left if wrong is None else {**headers, name: wrong})
    if preset != "bearer":
        for body in (b"", BODY + b" ", BODY[:-1], BODY.replace(b"1", b"2")):
            with pytest.raises(WebhookRefused):
                check(scheme, headers, body)


def test_one_of_several_signatures_is_enough() -> None:
    standard, stripe = signed("standard"), signed("stripe")
    right = standard["webhook-signature"]
    for value in (f"v1,AAAA {right}", f"{right} v1a,AAAA", f"v2,x {right} v1,AAAA"):
        check(PRESETS["standard"], {**standard, "webhook-signature": value})
    right = stripe["Stripe-Signature"].partition(",")[2]
    for value in (f"t={NOW},v1=00,{right},v0=00", f"v0=00, {right}, t={NOW}"):
        check(PRESETS["stripe"], {"Stripe-Signature": value})
    for value in (f"t={NOW},t={NOW},{right}", f"t={NOW},{'v1=00,' * 40}{right}"):
        with pytest.raises(WebhookRefused):
            check(PRESETS["stripe"], {"Stripe-Signature": value})


@pytest.mark.parametrize("preset", ALL)
def test_a_header_that_comes_twice_says_nothing(preset: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in signed(preset).items()]
    with pytest.raises(WebhookRefused):
        claimed(scheme_of(preset), [*headers, (headers[0][0].lower(), b"x")]).prove(
            (SECRET,), BODY, NOW
        )


@pytest.mark.parametrize("preset", DATED)
def test_what_was_signed_long_ago_is_refused(preset: str) -> None:
    scheme, headers = scheme_of(preset), signed(preset)
    for distance in (-scheme.tolerance_s, scheme.tolerance_s):
        check(scheme, headers, now_s=NOW + distance)
    for distance in (-scheme.tolerance_s - 1, scheme.tolerance_s + 1):
        with pytest.raises(WebhookRefused, match="s from now"):
            check(scheme, headers, now_s=NOW + distance)
        # Who has no secret is told nothing of it.
        with pytest.raises(WebhookRefused, match="not signed as"):
            check(scheme, headers, b"forged", now_s=NOW + distance)


@pytest.mark.parametrize("timestamp", ["-1", "1e9", "\uff11\uff12", "9" * 13, " 1 2", "0x10"])
def test_a_timestamp_is_digits(timestamp: str) -> None:
    raw = timestamp.encode()
    signature = hmac.new(SECRET.encode(), b"v0:" + raw + b":" + BODY, "sha256").hexdigest()
    headers = [
        (b"x-slack-signature", f"v0={signature}".encode()),
        (b"x-slack-request-timestamp", raw),
    ]
    with pytest.raises(WebhookRefused):
        claimed(PRESETS["slack"], headers).prove((SECRET,), BODY, NOW)


def test_a_text_in_the_id_is_not_filled_in() -> None:
    scheme = schemes.of(
        {"signature": "custom", "header": "S", "signed_text": "{id}.{timestamp}.{body}",
         "id_header": "I", "timestamp_header": "T"}, "custom",
    )  # fmt: skip
    text = b"{timestamp}{body}." + str(NOW).encode() + b"." + BODY
    headers = {"S": hexed(text), "I": "{timestamp}{body}", "T": str(NOW)}
    assert check(scheme, headers) == "{timestamp}{body}"


@given(
    st.sampled_from([PRESETS[name] for name in ("github", "standard", "slack", "stripe", "bearer")]
                    + [CUSTOM]),
    st.lists(st.binary(max_size=80), min_size=3, max_size=3),
)  # fmt: skip
def test_no_header_breaks_it_or_gets_in(scheme: Scheme, values: list[bytes]) -> None:
    names = (scheme.header, scheme.timestamp_header or "t", scheme.id_header or "i")
    headers = [(name.encode(), value) for name, value in zip(names, values, strict=True)]
    with pytest.raises(WebhookRefused):
        claimed(scheme, headers).prove((SECRET,), BODY, NOW)


@given(st.text("tv01=,; x", max_size=60))
def test_no_list_of_pairs_breaks_it(value: str) -> None:
    with pytest.raises(WebhookRefused):
        check(PRESETS["stripe"], {"stripe-signature": value})


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"signature": "hmac"}, "must be one of github, standard"),
        ({"signature": ["github"]}, "must be one of"),
        ({"signature": "github", "header": "X"}, "takes nothing"),
        ({"signature": "slack", "header": "X"}, "takes tolerance_s"),
        ({"signature": "slack", "tolerance_s": 0}, "from 1 to 86400"),
        ({"signature": "slack", "tolerance_s": True}, "whole number"),
        ({"signature": "custom"}, "header is missing"),
        ({"signature": "custom", "header": "a b"}, "no name of a header"),
        ({"signature": "custom", "header": "a", "prefix": "ä"}, "printable"),
        ({"signature": "custom", "header": "a", "prefix": "x" * 201}, "at most 200"),
        ({"signature": "custom", "header": "a", "encoding": "utf-8"}, "hex, base64"),
        ({"signature": "custom", "header": "a", "algorithm": "md5"}, "sha256, sha512"),
        ({"signature": "custom", "header": "a", "signed_text": "x"}, "{body} once"),
        ({"signature": "custom", "header": "a", "signed_text": "{body}{body}"}, "{body} once"),
        ({"signature": "custom", "header": "a", "signed_text": "{body}{what}"}, "no other braces"),
        ({"signature": "custom", "header": "a", "signed_text": "{body}{"}, "no other braces"),
        ({"signature": "custom", "header": "a", "signed_text": "{id}{body}"}, "id_header"),
        ({"signature": "custom", "header": "a", "signed_text": "{timestamp}{body}"},
         "timestamp_header"),
        ({"signature": "custom", "header": "a", "timestamp_header": "t"}, "could choose any"),
    ],
)  # fmt: skip
def test_a_scheme_that_makes_no_sense_is_refused(members: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidParameterValue) as refused:
        schemes.of(members, "standard")
    assert message in refused.value.message


@pytest.mark.parametrize("preset", ALL)
def test_a_scheme_is_what_its_members_make(preset: str) -> None:
    scheme = scheme_of(preset)
    assert schemes.of(scheme.document(), "none") == scheme
