import base64
import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wasmfaas.api.packages import CUT_CHARACTERS_MIN, DECODED_CHARACTERS, cut, decoded

LARGE = "A" * CUT_CHARACTERS_MIN


def is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def test_a_large_package_is_set_aside_and_the_rest_parses() -> None:
    body = json.dumps({"Role": "r", "Code": {"ZipFile": LARGE}, "Timeout": 3}).encode()
    found = cut(body)
    assert len(found.text) < 1000
    assert bytes(found.string) == LARGE.encode()
    document = json.loads(found.text)
    assert found.holds(document["Code"]["ZipFile"])
    assert (document["Role"], document["Timeout"]) == ("r", 3)


def test_slashes_may_be_escaped() -> None:
    text = LARGE + "//" + LARGE
    found = cut(json.dumps({"ZipFile": text}).replace("/", "\\/").encode())
    assert bytes(found.string) == text.encode()
    for other in (text + "\\\\/", text + '\\"', text + "\\u0041"):
        assert cut(b'{"ZipFile":"' + other.encode() + b'"}').placeholder is None


def test_the_place_of_the_string_cannot_be_guessed() -> None:
    body = json.dumps({"ZipFile": LARGE}).encode()
    assert cut(body).placeholder != cut(body).placeholder
    assert not cut(b"{}").holds(None)


@pytest.mark.parametrize(
    "document",
    [
        {"ZipFile": "small"},
        {"ZipFile": LARGE + "\n" + LARGE},
        {"ZipFile": LARGE + '"' + LARGE},
        {"Description": '"ZipFile": "' + LARGE},
        {"ZipFile": {"ZipFile": 3}},
        {"ZipFile": "", "Description": LARGE},
        {'x"ZipFile': LARGE},
        {"ZipFile": "small", "Code": {"ZipFile": LARGE}},
        {"Environment": {"Variables": {"ZipFile": LARGE}}},
    ],
)
def test_putting_the_string_back_gives_the_same_document(document: object) -> None:
    found = cut(json.dumps(document, indent=1).encode())
    text = bytes(found.text)
    if found.placeholder is not None:
        text = text.replace(found.placeholder.encode(), bytes(found.string))
    assert json.loads(text) == document


@given(st.binary(max_size=200), st.sampled_from([0, 1, 5, 10, 12, 13, -3, -2, -1]))
def test_what_is_not_json_around_the_string_stays_so(junk: bytes, at: int) -> None:
    body = b'{"ZipFile": "' + LARGE.encode() + b'"}'
    found = cut(body[:at] + junk + body[at:])
    whole = bytes(found.text)
    if found.placeholder is not None:
        whole = whole.replace(found.placeholder.encode(), LARGE.encode())
    assert is_json(bytes(found.text)) == is_json(whole)


@given(st.binary(max_size=1000))
@example(b"x" * (DECODED_CHARACTERS * 3 // 4))
@example(b"x" * (DECODED_CHARACTERS * 3 // 4 + 1))
@example(b"x" * (DECODED_CHARACTERS * 2))
def test_base64_is_decoded_whatever_its_length(data: bytes) -> None:
    assert decoded(base64.b64encode(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        b"A",
        b"AAA",
        b"A===",
        b"AA==AA==",
        b"AA A",
        b"AA-_",
        b"====",
        b"A" * (DECODED_CHARACTERS - 2) + b"==" + b"AAAA",
    ],
)
def test_what_is_not_base64_is_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"base64|[Pp]adding|data"):
        decoded(text)
