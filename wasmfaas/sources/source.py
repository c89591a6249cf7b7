"""What a source of records is. Whoever implements `Source` and names the factory as an entry point
of the group `wasmfaas.sources` has a source that event source mappings can read.

What is received is in hand until it is acknowledged or failed. A source that has not heard of a
message for longer than its `hold_s`, nor been told to extend it, may deliver it again.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

#: Entry points that are factories: called with a SourceMapping, they return or await a Source.
ENTRY_POINTS: Final = "wasmfaas.sources"


class SourceFailed(Exception):
    """A source cannot be read or told anything now; *message* says why, for people. It is tried
    again later."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message, as a source received it."""

    #: What a function says of one that it could not handle, as `itemIdentifier`.
    id: str
    #: The same, where a function says it as other JSON than this text.
    identifier: Any = None
    #: What the function gets, as JSON.
    record: Mapping[str, Any]
    #: Members of the record that filters look into, decoded: JSON there is matched as JSON.
    data: Mapping[str, str | bytes | None] = field(default_factory=dict)
    #: Of an ordered source: within what order is kept, such as a shard.
    partition: str = ""
    #: Unix time in milliseconds at which the message came into the source, if that is known.
    sent_at_ms: int | None = None
    #: What the source needs in order to know the message again.
    receipt: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceMapping:
    """What a source is made for: one event source mapping."""

    uuid: str
    #: The ARN of the source; empty for one that has none.
    arn: str
    #: Members of Lambda's CreateEventSourceMapping (Topics, StartingPosition, BatchSize…).
    configuration: Mapping[str, Any]
    tags: Mapping[str, str] = field(default_factory=dict)
    #: The function that gets what there is.
    function_name: str = ""

    @property
    def resource(self) -> str:
        """The last part of the ARN: the name of a queue or a stream."""
        return self.arn.split(":", 5)[-1]


class Source(Protocol):
    """One source, read for one mapping. Used in the server's event loop, by one poller; what takes
    long is awaited. Every method may raise SourceFailed.
    """

    #: Whether order is kept within a partition: nothing of it is received while it is busy. Where
    #: not, messages are acknowledged one by one, in any order, and several batches run at once.
    ordered: bool
    #: Seconds for which what was received is ours, unless it is extended; None for ever.
    hold_s: float | None

    async def receive(self, limit: int, wait_s: float, busy: AbstractSet[str]) -> Sequence[Message]:
        """Up to *limit* messages, as soon as there are some; none after about *wait_s* seconds.
        Of an ordered source: none of the partitions in *busy*."""
        ...

    def event(self, records: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        """What the function is invoked with for *records*, of one partition."""
        ...

    async def acknowledge(self, messages: Sequence[Message]) -> None:
        """Have them come no more: they were handled. Of an ordered source: these and all before
        them in their partition."""
        ...

    async def fail(self, messages: Sequence[Message], *, at_once: bool) -> None:
        """Have them come again: *at_once*, where they were not tried; else when the source thinks
        fit. Of an ordered source, it is only called where it is read no more."""
        ...

    async def extend(self, messages: Sequence[Message]) -> None:
        """They are still in hand: keep them for another `hold_s` seconds."""
        ...

    async def close(self) -> None:
        """Let go of connections. Raises nothing."""
        ...
