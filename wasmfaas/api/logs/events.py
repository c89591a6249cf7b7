"""Log events: the lines of a function's log, in pages that go forward or backward.

A boundary lies between two events. It is a position of the log and, where it lies inside an entry,
the number of the entry's events before it; so a boundary that was given out holds whatever is
appended, and whatever the log drops.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final, Self

from wasmfaas.invoke.segments import LogEntry
from wasmfaas.log_errors import InvalidParameter

#: Of the messages of one page, with an event's overhead as CloudWatch counts it.
PAGE_BYTES_MAX: Final = 1024 * 1024
EVENT_OVERHEAD_BYTES: Final = 26
#: What one page looks through for events that match.
SCANNED_BYTES_MAX: Final = 8 * 1024 * 1024
UNNAMED_STREAM: Final = "unnamed"

#: A line, with those after it that belong to a traceback of the Python runtime: its lines start
#: with no-break spaces.
_MESSAGE = re.compile(
    r"\[ERROR\] [^\n]*\n(?:Traceback \(most recent call last\):\n)?(?:\xa0[^\n]*(?:\n|$))*"
    r"|[^\n]*\n|[^\n]+"
)
_TOKEN = re.compile(r"([fb])/(\d{1,19})/(\d{1,19})/(\d{1,9})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Boundary:
    """The place before the event *number* of the entry from *start* to *end*."""

    start: int
    end: int = 0
    number: int = 0

    @classmethod
    def parse(cls, token: str) -> tuple[str, Self]:
        """Direction (`f` or `b`) and boundary of a token. Raises InvalidParameter."""
        match = _TOKEN.fullmatch(token)
        if match is None:
            raise InvalidParameter("The specified nextToken is invalid.")
        return match[1], cls(int(match[2]), int(match[3]), int(match[4]))

    def token(self, direction: str) -> str:
        return f"{direction}/{self.start}/{self.end}/{self.number}"


@dataclass(frozen=True, slots=True)
class Event:
    """One event, and the boundaries around it."""

    entry: LogEntry
    message: str
    before: Boundary
    after: Boundary

    @property
    def id(self) -> str:
        """56 digits, ascending in a log."""
        return f"{self.entry.position:044d}{self.before.number:012d}"

    @property
    def stream(self) -> str:
        return self.entry.stream or UNNAMED_STREAM

    @property
    def size_bytes(self) -> int:
        return len(self.message.encode("utf-8")) + EVENT_OVERHEAD_BYTES


@dataclass(frozen=True, slots=True)
class Page:
    """Events, oldest first."""

    events: list[Event]
    #: Where the page ends in its direction, and whether there is, or may be, more beyond.
    end: Boundary
    more: bool


#: The entries beyond a position.
Read = Callable[[int], Iterator[LogEntry]]


def of_entry(entry: LogEntry) -> list[Event]:
    """The events of *entry*; none is empty."""
    messages = _MESSAGE.findall(entry.text.decode("utf-8", errors="replace"))
    events = []
    before = Boundary(entry.start)
    for number, message in enumerate(messages, start=1):
        last = number == len(messages)
        after = Boundary(entry.position) if last else Boundary(entry.start, entry.position, number)
        events.append(Event(entry, message, before, after))
        before = after
    return events


def forward(
    read: Read, start: Boundary, limit: int, accept: Callable[[Event], bool],
    scanned_bytes_max: int = SCANNED_BYTES_MAX,
) -> Page:  # fmt: skip
    """The first events from *start* on that *accept* takes."""
    events: list[Event] = []
    size_bytes = scanned_bytes = 0
    end = start
    for entry in read(start.start):
        scanned_bytes += len(entry.text)
        if scanned_bytes > scanned_bytes_max and end != start:
            return Page(events, end, more=True)
        for event in _from(entry, start):
            if accept(event):
                size_bytes += event.size_bytes
                if events and (len(events) == limit or size_bytes > PAGE_BYTES_MAX):
                    return Page(events, event.before, more=True)
                events.append(event)
        end = Boundary(entry.position)
    return Page(events, end, more=False)


def backward(read: Read, end: Boundary | None, limit: int, accept: Callable[[Event], bool]) -> Page:
    """The last events before *end* (None: of the whole log) that *accept* takes."""
    events: deque[Event] = deque()
    size_bytes = 0
    more = False
    for entry in read(0):
        if end is not None and entry.start >= end.start and not end.number:
            break
        for event in _until(entry, end):
            if not accept(event):
                continue
            events.append(event)
            size_bytes += event.size_bytes
            while len(events) > limit or (size_bytes > PAGE_BYTES_MAX and len(events) > 1):
                size_bytes -= events.popleft().size_bytes
                more = True
        if end is not None and entry.position >= end.end and entry.start >= end.start:
            break
    reached = events[0].before if events else end or Boundary(0)
    return Page(list(events), reached, more)


def _from(entry: LogEntry, start: Boundary) -> list[Event]:
    events = of_entry(entry)
    inside = start.number and (entry.start, entry.position) == (start.start, start.end)
    return events[start.number :] if inside else events


def _until(entry: LogEntry, end: Boundary | None) -> Iterator[Event]:
    events = of_entry(entry)
    if end is None or entry.position <= end.start:
        return iter(events)
    inside = (entry.start, entry.position) == (end.start, end.end)
    return islice(events, end.number if inside else 0)
