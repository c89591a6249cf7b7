"""Digests as AWS computes them, and what cannot be part of a message."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasmfaas.queue_errors import MessageContentsInvalid, QueueError, QueueParameterInvalid
from wasmfaas.store.message_queues import messages
from wasmfaas.store.message_queues.messages import MessageAttribute, NewMessage


def text(value: str) -> MessageAttribute:
    return MessageAttribute("String", value)


@pytest.mark.parametrize(
    ("attributes", "digest"),
    [
        # Answers of AWS to these attributes.
        ({"Hello": text("There")}, "a311262e065454b75da111d535b8dacd"),
        ({"Help.Me": text("Me"), "Hello": text("There"), "General": text("Kenobi")},
         "4c360f3fdafd970e05fae2f149d997f5"),
        ({"attr1": MessageAttribute(
            "Binary", b"traceparent\x1e00-774062d6c37081a5a0b9b5b88e30627c-2d2482211f6489da-01")},
         "8cbe4db156db8a94db8b801b7addb984"),
        ({}, None),
    ],
)  # fmt: skip
def test_the_digest_of_attributes(
    attributes: dict[str, MessageAttribute], digest: str | None
) -> None:
    assert messages.md5_of_attributes(attributes) == digest


@pytest.mark.parametrize(
    ("name", "attribute"),
    [
        ("", text("v")),
        ("x" * 257, text("v")),
        ("a b", text("v")),
        ("AWS.x", text("v")),
        ("amazon.x", text("v")),
        (".x", text("v")),
        ("x.", text("v")),
        ("x..y", text("v")),
        ("\ud800", text("v")),
        ("x", text("")),
        ("x", text("\0")),
        ("x", MessageAttribute("String", b"v")),
        ("x", MessageAttribute("Binary", "v")),
        ("x", MessageAttribute("Number", "one")),
        ("x", MessageAttribute("Strange", "v")),
        ("x", MessageAttribute("", "v")),
        ("x", MessageAttribute("String." + "x" * 250, "v")),
        ("x", MessageAttribute("String.\ud800", "v")),
    ],
)
def test_attributes_that_are_refused(name: str, attribute: MessageAttribute) -> None:
    with pytest.raises(QueueParameterInvalid):
        messages.check(NewMessage(body="m", attributes={name: attribute}), 2048)


def test_eleven_attributes_are_too_many() -> None:
    attributes = {f"x{number}": text("v") for number in range(11)}
    with pytest.raises(QueueParameterInvalid, match=r"\[11\] exceeds the allowed maximum \[10\]"):
        messages.check(NewMessage(body="m", attributes=attributes), 2048)


def test_attributes_count_for_the_size() -> None:
    attributes = {"name": text("é" * 500)}
    message = NewMessage(body="é", attributes=attributes)
    assert message.size_bytes == 2 + 4 + 6 + 1000
    messages.check(message, 1012)
    with pytest.raises(QueueParameterInvalid, match="shorter than 1011 bytes"):
        messages.check(message, 1011)


@pytest.mark.parametrize("body", ["\0", "\x0b", "\ufffe", "\ud800", "fine\x1f"])
def test_characters_that_are_none_of_xml(body: str) -> None:
    with pytest.raises(MessageContentsInvalid):
        messages.check(NewMessage(body=body), 2048)


VALUES = st.builds(MessageAttribute, st.just("String"), st.text(min_size=1)) | st.builds(
    MessageAttribute, st.sampled_from(("Binary", "Binary.png")), st.binary(min_size=1)
)


@settings(max_examples=50, deadline=None)
@given(st.text(), st.dictionaries(st.text(), VALUES, max_size=3), st.none() | st.text())
def test_what_is_accepted_can_be_stored(
    body: str, attributes: dict[str, MessageAttribute], group: str | None
) -> None:
    message = NewMessage(body=body, attributes=attributes, group_id=group)
    try:
        messages.check(message, 1024)
    except QueueError:
        return
    assert messages.decoded(messages.encoded(attributes)) == attributes
    assert message.size_bytes <= 1024
    assert len(messages.md5_of(body)) == 32
