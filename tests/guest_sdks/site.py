"""A site that functions fetch from, and what permits them to."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.conftest import Server


class Web(ThreadingHTTPServer):
    """A site, some of which does not answer before it is closed."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Page)
        self.closing = threading.Event()


class Page(BaseHTTPRequestHandler):
    """Tells what it is asked, or sends the body back."""

    server: Web

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/hangs":
            self.server.closing.wait()
        kind, mine = self.headers.get("Content-Type"), self.headers.get("X-Mine")
        told = {"method": self.command, "path": self.path, "body": body.decode("latin-1")}
        told |= {"type": kind, "mine": mine}
        content = body if self.path == "/back" else json.dumps(told).encode()
        self.send_response(302 if self.path == "/away" else 404 if self.path == "/none" else 200)
        if self.path == "/away":
            self.send_header("Location", "/there?x=1")
        self.send_header("Content-Type", "application/json")
        for cookie in ("a=1", "b=2"):
            self.send_header("Set-Cookie", cookie)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def serving() -> Iterator[str]:
    """Its origin."""
    web = Web()
    threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{web.server_port}"
    finally:
        web.closing.set()
        web.shutdown()
        web.server_close()


def permit(server: Server, name: str, **permissions: Any) -> None:
    """Give a function these permissions, and no others."""
    path = f"/_wasmfaas/v1/functions/{name}/permissions"
    answer = server.http.put(path, json=permissions)
    assert answer.status_code == 200, answer.text
