"""Batches of messages: the event that a function gets for one, and what its answer says of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from wasmfaas.sources.source import Message, Source

REPORTS: Final = "ReportBatchItemFailures"
_MEMBER_BYTES: Final = 3


@dataclass(frozen=True, slots=True)
class Cut:
    """A batch cut to what an event may hold."""

    messages: Sequence[Message]
    #: JSON text for these.
    event: bytes
    #: What did not fit beside them.
    rest: Sequence[Message]


def cut(source: Source, messages: Sequence[Message], bytes_max: int) -> Cut | None:
    """As many of *messages*, from the first, as an event of *bytes_max* bytes holds; None where it
    does not even hold the first."""
    size, count = len(_json(source.event([messages[0].record]))), 1
    if size > bytes_max:
        return None
    for message in messages[1:]:
        size += len(_json(message.record)) + _MEMBER_BYTES
        if size > bytes_max:
            break
        count += 1
    chosen = messages[:count]
    event = _json(source.event([message.record for message in chosen]))
    return Cut(chosen, event, messages[count:])


def size_of(message: Message) -> int:
    """Bytes that *message* takes of an event."""
    return len(_json(message.record)) + _MEMBER_BYTES


def failures(answer: bytes, messages: Sequence[Message]) -> frozenset[str]:
    """Ids of those *messages* that a function reports as failed in its *answer*, JSON text.

    An answer that says nothing says that all went well. One that makes no sense, or speaks of
    messages that were not in the batch, says that all of it failed.
    """
    every = frozenset(message.id for message in messages)
    try:
        said = json.loads(answer)
    except (ValueError, RecursionError):
        return every
    if said is None:
        return frozenset()
    if not isinstance(said, dict):
        return every
    reported = said.get("batchItemFailures")
    if reported is None:
        return frozenset()
    if not isinstance(reported, list):
        return every
    known = {_text(message.identifier or message.id): message.id for message in messages}
    ids = [known.get(_identifier(each)) for each in reported]
    if None in ids:
        return every
    return frozenset(each for each in ids if each is not None)


def _identifier(reported: Any) -> str:
    """As text that is the same for the same JSON; empty for what is none."""
    try:
        return _text(reported["itemIdentifier"])
    except (TypeError, LookupError, RecursionError):
        return ""


def _text(identifier: Any) -> str:
    return json.dumps(identifier, sort_keys=True)


def _json(value: Mapping[str, Any]) -> bytes:
    # Lone surrogates, which JSON can say and UTF-8 cannot, become escapes as they came.
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()
