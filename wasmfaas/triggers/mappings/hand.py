"""Messages in hand: received, and neither acknowledged nor failed."""

import asyncio
import logging
from collections.abc import Iterable

from wasmfaas.sources.source import Message, Source, SourceFailed

_log = logging.getLogger(__name__)

_IDLE_S = 5.0


class Hand:
    """What one poller has in hand, kept from being delivered to others while a long function runs.
    Lives as long as the mapping is polled."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._held: dict[int, Message] = {}

    def take(self, messages: Iterable[Message]) -> None:
        self._held.update((id(message), message) for message in messages)

    def drop(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._held.pop(id(message), None)

    @property
    def messages(self) -> list[Message]:
        return list(self._held.values())

    def among(self, messages: Iterable[Message]) -> list[Message]:
        """Those of *messages* that are in hand."""
        return [message for message in messages if id(message) in self._held]

    async def keep(self) -> None:
        """Extend what is in hand, in time, until cancelled."""
        while True:
            hold_s = self._source.hold_s
            await asyncio.sleep(_IDLE_S if hold_s is None else max(hold_s / 3, 0.05))
            if hold_s is not None and self._held:
                # Where it fails, the messages may come again: they come at least once.
                try:
                    await self._source.extend(self.messages)
                except SourceFailed:
                    pass
                except Exception:
                    # Somebody else's code, perhaps; the next time may go better.
                    _log.exception("what is in hand could not be extended")
