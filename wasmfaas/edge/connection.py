"""A client's connection: uvicorn's, with bounds on what a client can have us hold, and how long.

uvicorn bounds neither the size of a request's head nor the time in which a request arrives.
"""

import asyncio
import enum
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Protocol, cast

import httptools
from starlette.types import Scope
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from wasmfaas.edge.bodies import LARGE_BYTES, HeldBodies
from wasmfaas.edge.framing import check_framing
from wasmfaas.edge.responses import OneWrite, Pairs, Prepared, explained, refusal, whole
from wasmfaas.errors import (
    BadRequest,
    RequestHeadTooLarge,
    RequestTimeout,
    ServiceUnavailable,
    TooManyRequests,
    WasmfaasError,
)
from wasmfaas.settings import Settings

_SWEEP_EVERY_S = 1.0
#: Beside the time that it may stall, a body has a second for each so many bytes.
_BODY_BYTES_PER_S_MIN = 1024
#: A client that still sends when it is refused has this long to read why.
_LINGER_S = 5.0
#: Requests that may wait behind the one that is answered, on one connection.
_PIPELINED_MAX = 32
#: A larger request goes to the application, where it counts to what is held.
_SHORT_BODY_BYTES_MAX = 16 * 1024

#: Sends a whole response: status, headers with their lengths, body.
Respond = Callable[[int, Pairs, bytes], None]


class Shortcut(Protocol):
    """A way to answer a request without a task of its own."""

    def __call__(self, scope: Scope, body: bytes, respond: Respond) -> bool:
        """Whether *respond* will be called, once, now or later; else nothing has been done."""


class _Phase(enum.Enum):
    """What the client has to send next."""

    #: Nothing: a request has arrived in full, and the next has not begun.
    NOTHING = enum.auto()
    HEAD = enum.auto()
    BODY = enum.auto()
    #: Whatever it sends is not read any more.
    REFUSED = enum.auto()


_NOTHING, _HEAD, _BODY, _REFUSED = _Phase


class Connection(HttpToolsProtocol):
    """One connection. Lives until either side closes it; `check` has to be called now and then."""

    settings: ClassVar[Settings]
    #: How many may be open; the settings' number, or fewer.
    connections_max: ClassVar[int]
    shortcut: ClassVar[Shortcut | None]
    held: ClassVar[HeldBodies]

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._phase = _HEAD
        #: When the phase began, and when the last bytes came.
        self._since = self._arrived = self.loop.time()
        self._has_sent = False
        #: How many bytes came last.
        self._size = 0
        #: Bytes of the head or the body so far, and bytes in a row that are of no body (chunk
        #: extensions, trailers).
        self._bytes = self._other_bytes = 0
        self._got_body = False
        #: The request that is being answered; `self.cycle` is the one that came last.
        self._running: RequestResponseCycle | None = None
        #: What is to answer it, once it is known whether it has arrived in one piece.
        self._postponed: ASGI3Application | None = None
        #: Whether what has come is being parsed.
        self._is_reading = False
        #: Bytes that the client had not read at the last check, and since when none of it went.
        self._unread_bytes, self._unread_since = 0, self._since

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        most = self.connections_max
        if len(self.connections) > most:
            self._refuse(ServiceUnavailable(f"{most} connections are open, which is the limit."))

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._phase = _REFUSED
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self._running.disconnected = True
            self._running.message_event.set()

    def data_received(self, data: bytes) -> None:
        if self._phase is _REFUSED:
            return
        self._has_sent = True
        self._arrived, self._size = self.loop.time(), len(data)
        if self._phase is _NOTHING:
            self._enter(_HEAD)
        before, self._got_body = self._phase, False
        self._is_reading = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            # Answered as if the client had not asked for another protocol, as it must expect.
            self._phase = _REFUSED
        except httptools.HttpParserError as error:
            self._refuse(explained(error))
        else:
            if self._phase is before:
                self._count()
        self._is_reading = False
        if self._postponed is not None and self._running is not None:
            application, self._postponed = self._postponed, None
            self._run(self._running, application)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._phase is not _HEAD:
            self._enter(_HEAD)

    def on_headers_complete(self) -> None:
        if self._bytes + self._size > self.settings.request_head_bytes_max:
            self._check_head()
        if len(self.pipeline) >= _PIPELINED_MAX:
            raise TooManyRequests(
                "Too many requests wait on this connection.", reason="CallerRateLimitExceeded"
            )
        upgrades = self.parser.should_upgrade()
        check_framing(self.headers, upgrades)
        super().on_headers_complete()
        if upgrades:
            self.cycle.keep_alive = False
        # What follows a body is no header: it would come after all checks of them.
        self.headers = []
        self._enter(_BODY)

    def on_body(self, body: bytes) -> None:
        self._got_body = True
        self._bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._enter(_NOTHING)
        if self._postponed is not None and self._running is self.cycle:
            application, self._postponed = self._postponed, None
            self._start_asgi_task(self.cycle, application)

    def on_response_complete(self) -> None:
        # As uvicorn's, without a timer for each response: `check` ends what is kept alive.
        self.server_state.total_requests += 1
        # Asked of the answer's own transport: a head without a body leaves before what is next.
        if self._running is None or self._running.transport.is_closing():
            return
        self._since = self.loop.time()
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())

    def shutdown(self) -> None:
        """Close when what is owed is answered, without waiting for what has not arrived yet."""
        if self._phase is _BODY or (self._phase is _HEAD and self._has_sent):
            self._refuse(ServiceUnavailable("The server is stopping."), linger=False)
        else:
            super().shutdown()

    def check(self) -> None:
        """Refuse what is overdue, and leave a client that does not read what it asked for."""
        now = self.loop.time()
        if self._phase is _HEAD:
            if now - self._since > self.settings.request_head_s_max:
                self._head_overdue()
        elif self._phase is _NOTHING:
            is_done = self._running is None or self._running.response_complete
            if is_done and now - self._since > self.timeout_keep_alive:
                self.transport.close()
        elif self._phase is _BODY:
            self._check_body(now)
        elif self._phase is _REFUSED:
            is_done = self._running is None or self._running.response_complete
            if is_done and now - self._since > _LINGER_S:
                self.transport.abort()
        self._check_unread(now)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._running = cycle
        if cycle.more_body and self._is_reading:
            self._postponed = app
        elif cycle.more_body or self.shortcut is None or not self._shortened(cycle, self.shortcut):
            self._run(cycle, app)

    def _run(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.transport = OneWrite(self.transport, self.loop)  # type: ignore[assignment]
        super()._start_asgi_task(cycle, app)

    def _shortened(self, cycle: RequestResponseCycle, shortcut: Shortcut) -> bool:
        if len(cycle.body) > min(_SHORT_BODY_BYTES_MAX, self.settings.event_bytes_max):
            return False

        def respond(status: int, headers: Pairs, body: bytes) -> None:
            self._respond(cycle, status, headers, body)

        return shortcut(cast(Scope, cycle.scope), bytes(cycle.body), respond)

    def _respond(
        self, cycle: RequestResponseCycle, status: int, headers: Pairs, body: bytes
    ) -> None:
        if cycle.disconnected or self.transport.is_closing():
            return
        if len(body) > LARGE_BYTES or self.flow.write_paused:
            # It waits for its reader, and counts to what is held until then.
            prepared = self.held.around(Prepared(status, headers, body))
            self._run(cycle, cast(ASGI3Application, prepared))
            return
        default, close = self.server_state.default_headers, not cycle.keep_alive
        self.transport.write(whole(status, default, headers, body, close=close))
        cycle.response_started = cycle.response_complete = True
        if close:
            self.transport.close()
        self.on_response_complete()

    def _enter(self, phase: _Phase) -> None:
        self._phase = phase
        self._since = self._arrived
        self._bytes = self._other_bytes = 0

    def _count(self) -> None:
        """Bytes have come that did not end the phase."""
        most = self.settings.request_head_bytes_max
        if self._phase is _HEAD:
            self._bytes += self._size
            if self._bytes > most:
                self._refuse(self._head_too_large())
        elif self._phase is _BODY:
            self._other_bytes = 0 if self._got_body else self._other_bytes + self._size
            if self._other_bytes > most:
                text = f"More than {most} bytes of the body's framing carry nothing of the body."
                self._refuse(BadRequest(text))

    def _check_head(self) -> None:
        """It may be too large: a part of what has come may be of a body, or of another request."""
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.settings.request_head_bytes_max:
            raise self._head_too_large()

    def _check_body(self, now: float) -> None:
        if self.flow.read_paused:
            # It is we who keep the client waiting.
            self._since, self._arrived, self._bytes = now, now, 0
            return
        stall_s = self.settings.request_stall_s_max
        if now - self._arrived > stall_s:
            self._refuse(RequestTimeout(f"The rest of the body has not come for {stall_s} s."))
        elif now - self._since > stall_s + self._bytes / _BODY_BYTES_PER_S_MIN:
            text = f"The body comes with less than {_BODY_BYTES_PER_S_MIN} bytes per second."
            self._refuse(RequestTimeout(text))

    def _check_unread(self, now: float) -> None:
        unread = self.transport.get_write_buffer_size()
        if not unread or unread != self._unread_bytes:
            self._unread_bytes, self._unread_since = unread, now
        elif now - self._unread_since > self.settings.request_stall_s_max:
            self.transport.abort()

    def _head_overdue(self) -> None:
        if not self._has_sent:
            self.transport.close()
            return
        most = self.settings.request_head_s_max
        self._refuse(RequestTimeout(f"The head of the request has not come within {most} s."))

    def _head_too_large(self) -> WasmfaasError:
        most = self.settings.request_head_bytes_max
        return RequestHeadTooLarge(
            f"The request line and the headers have more than {most} bytes together. Send large "
            "data in the body."
        )

    def _refuse(self, error: WasmfaasError, *, linger: bool = True) -> None:
        """Read no further. The answer is *error*, unless an earlier request is not answered yet: a
        client would take it for the answer to that."""
        if self.transport.is_closing():
            return
        in_body, self._arrived = self._phase is _BODY, self.loop.time()
        self._postponed = None
        self._enter(_REFUSED)
        if in_body:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            if self.cycle is not self._running:
                self.pipeline.popleft()
        owed = [cycle for cycle, _ in self.pipeline]
        if self._running is not None and self._running is not (self.cycle if in_body else None):
            owed.append(self._running)
        if owed and not owed[0].response_complete:
            owed[0].keep_alive = False
        elif in_body and self.cycle.response_started:
            self.transport.close()
        else:
            self.transport.write(b"".join(refusal(error, self.server_state.default_headers)))
            if linger:
                # TLS knows no half of a connection.
                if self.transport.can_write_eof():
                    self.transport.write_eof()
                self.flow.resume_reading()
            else:
                self.transport.close()


def bounded(
    settings: Settings,
    connections_max: int,
    held: HeldBodies,
    shortcut: Shortcut | None = None,
) -> type[Connection]:
    """The connections of a server with *settings*, of which *connections_max* may be open; *held*
    is its application, and *shortcut* a way around it."""
    members = {
        "settings": settings,
        "connections_max": connections_max,
        "held": held,
        # A function would become a method.
        "shortcut": None if shortcut is None else staticmethod(shortcut),
    }
    return type("BoundedConnection", (Connection,), members)


async def keep_checking(connections: Iterable[object]) -> None:
    """Check what *connections* holds, once a second, until cancelled."""
    while True:
        await asyncio.sleep(_SWEEP_EVERY_S)
        for connection in list(connections):
            if isinstance(connection, Connection):
                connection.check()
