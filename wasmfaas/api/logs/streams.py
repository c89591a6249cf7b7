"""The streams of a log: one for each deployment that wrote to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from wasmfaas.api.logs.events import UNNAMED_STREAM, Read
from wasmfaas.log_errors import InvalidParameter


@dataclass(slots=True)
class Stream:
    """A stream, as far as its events are kept. Times are Unix milliseconds."""

    name: str
    first_ms: int
    last_ms: int

    def members(self, arn_prefix: str) -> dict[str, Any]:
        """As CloudWatch describes it."""
        return {
            "logStreamName": self.name,
            "creationTime": self.first_ms,
            "firstEventTimestamp": self.first_ms,
            "lastEventTimestamp": self.last_ms,
            "lastIngestionTime": self.last_ms,
            "arn": f"{arn_prefix}{self.name}",
            # CloudWatch counts nothing here any more.
            "storedBytes": 0,
        }


def of_log(read: Read) -> list[Stream]:
    found: dict[str, Stream] = {}
    for entry in read(0):
        name = entry.stream or UNNAMED_STREAM
        stream = found.setdefault(name, Stream(name, entry.timestamp_ms, entry.timestamp_ms))
        stream.last_ms = max(stream.last_ms, entry.timestamp_ms)
    return list(found.values())


def ordered(streams: Sequence[Stream], *, by_time: bool) -> list[Stream]:
    """By name, or by the time of the last event."""
    return sorted(streams, key=lambda each: (each.last_ms if by_time else 0, each.name))


def page(
    streams: Sequence[Stream], token: str | None, limit: int
) -> tuple[Sequence[Stream], str | None]:
    """The streams after the one that *token* names, and the next token. Raises InvalidParameter."""
    start = 0
    if token is not None:
        names = [stream.name for stream in streams]
        if token not in names:
            raise InvalidParameter("The specified nextToken is invalid.")
        start = names.index(token) + 1
    chosen = streams[start : start + limit]
    return chosen, chosen[-1].name if start + limit < len(streams) else None
