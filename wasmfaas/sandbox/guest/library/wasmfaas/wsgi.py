"""WSGI applications (Flask, Django, Bottle, ...) behind function URLs.

    from wasmfaas.wsgi import handler_for
    lambda_handler = handler_for(app)

PEP 3333 says what applications and servers owe each other.
"""

import io
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from wasmfaas import http

__all__ = ("handler_for",)

_UNPREFIXED = {"content-type": "CONTENT_TYPE", "content-length": "CONTENT_LENGTH"}


def handler_for(
    application: Callable[..., Iterable[bytes]],
    *,
    stream: bool = False,
    root_path: str = "",
    warm_up: str | None = None,
) -> Callable[[Any, Any], Any]:
    """A handler that has *application* answer the requests of a function URL.

    With *stream*, the body leaves as it comes where the URL's InvokeMode is RESPONSE_STREAM.
    *root_path* is what the application is to see as SCRIPT_NAME. *warm_up* is a path that is asked
    for once, when the function is imported: what that makes, all requests find. The event and the
    context are in the environment as `wasmfaas.event` and `wasmfaas.context`.
    """

    def lambda_handler(event: Any, context: Any) -> Any:
        environment = _environment(http.request(event), root_path)
        environment["wasmfaas.event"], environment["wasmfaas.context"] = event, context
        call = _Call(application, environment)
        return call.parts() if stream else call.answer()

    if warm_up is not None:
        http.warm_up(lambda_handler, warm_up)
    return lambda_handler


class _Call:
    """One request on its way through an application."""

    def __init__(self, application: Any, environment: dict[str, Any]) -> None:
        self._application = application
        self._environment = environment
        self._head: http.Head | None = None
        #: By way of what `start_response` returns.
        self._written: list[bytes] = []

    def answer(self) -> dict[str, Any]:
        """The whole answer."""
        try:
            body = b"".join(self._body())
            head = self._started()
        except Exception:
            head, body = http.failed("WSGI")
        return head.answer(body)

    def parts(self) -> Iterator[bytes]:
        """The answer as it comes. Raises what the application raises once that has begun."""
        body = self._body()
        try:
            first = next(body, b"")
            head = self._started()
        except Exception:
            head, first = http.failed("WSGI")
            body = iter(())
        yield head.prelude() + first
        yield from body

    def _started(self) -> http.Head:
        if self._head is None:
            raise RuntimeError("the application did not call start_response")
        return self._head

    def _body(self) -> Iterator[bytes]:
        chunks = self._application(self._environment, self._start)
        try:
            for chunk in chunks:
                yield from self._written
                self._written.clear()
                if chunk:
                    yield chunk
            yield from self._written
        finally:
            close = getattr(chunks, "close", None)
            if close is not None:
                close()

    def _start(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], object]:
        if self._head is not None and exc_info is None:
            raise RuntimeError("the application called start_response twice")
        decoded = [(name, value.encode("latin-1").decode()) for name, value in _decodable(headers)]
        self._head = http.Head(int(status[:3]), decoded)
        return self._written.append


def _decodable(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """*headers* such that each value is UTF-8 in disguise, as WSGI disguises bytes as Latin-1."""
    for name, value in headers:
        try:
            value.encode("latin-1").decode()
        except UnicodeError:
            yield name, value.encode().decode("latin-1")
        else:
            yield name, value


def _environment(request: http.Request, root_path: str) -> dict[str, Any]:
    environment: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": root_path,
        "PATH_INFO": request.path.decode("latin-1"),
        "QUERY_STRING": request.query,
        "REQUEST_URI": request.raw_path + (f"?{request.query}" if request.query else ""),
        "SERVER_NAME": request.host,
        "SERVER_PORT": str(request.port),
        "SERVER_PROTOCOL": request.protocol,
        "REMOTE_ADDR": request.client,
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": request.scheme,
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": sys.stderr,
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    for name, value in request.headers.items():
        key = _UNPREFIXED.get(name) or f"HTTP_{name.upper().replace('-', '_')}"
        environment[key] = value.encode().decode("latin-1")
    environment["CONTENT_LENGTH"] = str(len(request.body)) if request.body else ""
    return environment
