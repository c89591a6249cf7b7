"""Filter criteria of event source mappings: which messages a function is invoked with."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wasmfaas import patterns
from wasmfaas.patterns import Pattern
from wasmfaas.sources.source import Message


@dataclass(frozen=True, slots=True)
class Filters:
    """Patterns of which a message has to match one; without any, every message passes."""

    patterns: Sequence[Pattern] = ()

    @classmethod
    def of(cls, configuration: Mapping[str, Any]) -> "Filters":
        """From the `FilterCriteria` of a mapping. Raises patterns.InvalidPattern."""
        criteria = configuration.get("FilterCriteria") or {}
        filters = criteria.get("Filters") or []
        return cls(tuple(patterns.parse(each.get("Pattern", "")) for each in filters))

    def passes(self, message: Message) -> bool:
        """Whether the function gets *message*.

        Patterns see the record, with its data decoded. An object or array in it is matched as such,
        so that a pattern for plain text does not match it; and anything else as text, so that a
        pattern for objects does not.

        Raises patterns.EventTooComplex.
        """
        if not self.patterns:
            return True
        event = dict(message.record)
        for name, value in message.data.items():
            decoded = _decoded(value)
            event.pop(name, None)
            if decoded is not None:
                event[name] = decoded
        return any(pattern.matches(event) for pattern in self.patterns)


def _decoded(value: str | bytes | None) -> Any:
    """None for what is no text: it matches nothing that asks for it."""
    if value is None:
        return None
    try:
        text = value.decode() if isinstance(value, bytes) else value
    except UnicodeDecodeError:
        return None
    if text.lstrip()[:1] not in ("{", "["):
        return text
    try:
        return json.loads(text)
    except RecursionError:
        raise patterns.EventTooComplex("The message is nested too deeply.") from None
    except ValueError:
        return text
