"""ASGI applications (Starlette, FastAPI, Quart, ...) behind function URLs.

    from wasmfaas.asgi import handler_for
    lambda_handler = handler_for(app)

The start-up of an application's lifespan happens with the import of the function, once for all
invocations; its shutdown never does, as a sandbox has no end that it could be told of.
"""

import asyncio
import copy
import importlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from wasmfaas import http

__all__ = ("handler_for",)

Message = dict[str, Any]

#: What is imported at the first request, which every one would be: by what it is a part of.
_NEEDED_LATER = {"anyio": "anyio._backends._asyncio"}
_VERSIONS = {"version": "3.0", "spec_version": "2.4"}


def handler_for(
    application: Callable[..., Awaitable[None]],
    *,
    stream: bool = False,
    root_path: str = "",
    lifespan: bool = True,
    warm_up: str | None = None,
) -> Callable[[Any, Any], Any]:
    """A handler that has *application* answer the requests of a function URL.

    With *stream*, the body leaves as it comes where the URL's InvokeMode is RESPONSE_STREAM.
    *root_path* is the one of the scope, in which the event and the context are `wasmfaas.event`
    and `wasmfaas.context`. Without *lifespan* the application is not told of its start. *warm_up*
    is a path that is asked for once, when the function is imported: what that makes, all requests
    find.

    Raises RuntimeError where the application says that its start failed.
    """
    loop = asyncio.new_event_loop()
    for name, needed in _NEEDED_LATER.items():
        if name in sys.modules:
            importlib.import_module(needed)
    state = _Lifespan(application, loop).start() if lifespan else {}

    def lambda_handler(event: Any, context: Any) -> Any:
        request = http.request(event)
        scope = _scope(request, root_path)
        # A copy, as a call may add to it, but of what it holds itself: that may be connections.
        scope["state"] = copy.copy(state)
        scope["wasmfaas.event"], scope["wasmfaas.context"] = event, context
        call = _Call(application, loop, scope, request.body)
        return call.parts() if stream else call.answer()

    if warm_up is not None:
        http.warm_up(lambda_handler, warm_up)
    return lambda_handler


class _Lifespan:
    """The time of an application, of which only the beginning is told."""

    def __init__(self, application: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._application = application
        self._loop = loop
        self._messages: list[Message] = [{"type": "lifespan.startup"}]
        self._started: asyncio.Future[str | None] = loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._state: dict[str, Any] = {}

    def start(self) -> dict[str, Any]:
        """Tell the application; what it keeps for its requests."""
        self._task = self._loop.create_task(self._run())
        failure = self._loop.run_until_complete(self._started)
        if failure is not None:
            raise RuntimeError(f"the application's start failed: {failure}")
        return self._state

    async def _run(self) -> None:
        scope = {"type": "lifespan", "asgi": _VERSIONS, "state": self._state}
        try:
            await self._application(scope, self._receive, self._send)
        except Exception:
            # By the specification: an application that does not know of lifespans raises.
            http.logger.debug("The application has no lifespan", exc_info=True)
        if not self._started.done():
            self._started.set_result(None)

    async def _receive(self) -> Message:
        if not self._messages:
            await self._loop.create_future()
        return self._messages.pop()

    async def _send(self, message: Message) -> None:
        if message["type"] == "lifespan.startup.complete":
            self._started.set_result(None)
        elif message["type"] == "lifespan.startup.failed":
            self._started.set_result(message.get("message") or "it did not say why")


class _Call:
    """One request on its way through an application."""

    def __init__(
        self, application: Any, loop: asyncio.AbstractEventLoop, scope: dict[str, Any], body: bytes
    ) -> None:
        self._application = application
        self._loop = loop
        self._scope = scope
        self._request: Message | None = {"type": "http.request", "body": body, "more_body": False}
        self._head: http.Head | None = None
        #: What was sent and not taken yet; `_sent` is set whenever there is some.
        self._chunks: list[bytes] = []
        self._streams = False
        self._sent = asyncio.Event()
        self._taken = asyncio.Event()
        self._complete = asyncio.Event()

    def answer(self) -> dict[str, Any]:
        """The whole answer."""
        try:
            self._loop.run_until_complete(self._run())
            head, body = self._started(), b"".join(self._chunks)
        except Exception:
            head, body = http.failed("ASGI")
        return head.answer(body)

    def parts(self) -> Iterator[bytes]:
        """The answer as it comes. Raises what the application raises once that has begun."""
        self._streams = True
        task = self._loop.create_task(self._run())
        try:
            try:
                first = self._next(task)
                head = self._started()
            except Exception:
                head, body = http.failed("ASGI")
                yield head.prelude() + body
                return
            yield head.prelude() + (first or b"")
            while first is not None:
                first = self._next(task)
                if first:
                    yield first
        finally:
            if not task.done():
                task.cancel()
                self._loop.run_until_complete(asyncio.wait([task]))

    def _next(self, task: asyncio.Task[None]) -> bytes | None:
        """What comes next; None at the end."""
        self._loop.run_until_complete(self._some(task))
        chunk = b"".join(self._chunks)
        self._chunks.clear()
        self._sent.clear()
        self._taken.set()
        if task.done() and not chunk:
            task.result()
            return None
        return chunk

    async def _some(self, task: asyncio.Task[None]) -> None:
        waiting = asyncio.ensure_future(self._sent.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()

    async def _run(self) -> None:
        try:
            await self._application(self._scope, self._receive, self._send)
        except Exception:
            # Frameworks answer first, and then raise for the server to log.
            if not self._complete.is_set():
                raise
            http.failed("ASGI")

    async def _receive(self) -> Message:
        if self._request is None:
            await self._complete.wait()
            return {"type": "http.disconnect"}
        message, self._request = self._request, None
        return message

    async def _send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(_text(name), _text(value)) for name, value in message.get("headers", ())]
            self._head = http.Head(message["status"], headers)
        elif message["type"] == "http.response.body":
            self._started()
            self._chunks.append(bytes(message.get("body", b"")))
            if not message.get("more_body", False):
                self._complete.set()
            if self._streams:
                self._taken.clear()
                self._sent.set()
                await self._taken.wait()

    def _started(self) -> http.Head:
        if self._head is None:
            raise RuntimeError("the application did not send http.response.start")
        return self._head


def _text(octets: bytes) -> str:
    try:
        return octets.decode()
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def _scope(request: http.Request, root_path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": _VERSIONS,
        "http_version": request.protocol.removeprefix("HTTP/"),
        "method": request.method,
        "scheme": request.scheme,
        "path": root_path + request.path.decode("utf-8", "replace"),
        "raw_path": root_path.encode() + request.raw_path.encode("utf-8", "replace"),
        "query_string": request.query.encode("utf-8", "replace"),
        "root_path": root_path,
        "headers": [
            (name.encode("latin-1", "replace"), value.encode("utf-8", "replace"))
            for name, value in request.headers.items()
        ],
        "client": (request.client, 0) if request.client else None,
        "server": (request.host, request.port),
    }
