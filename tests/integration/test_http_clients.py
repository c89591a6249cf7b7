"""What functions know HTTP by, over the host's fetch: urllib, requests, httpx, to a real server."""

import contextlib
import gzip
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.conftest import Server
from tests.vendoring import HTTPX, REQUESTS, files_of

SOURCE = """
import asyncio, http.client, json, urllib.error, urllib.request
import httpx, requests, urllib3

MINE = {"X-Mine": b"\\xe9"}

def told(status, headers, body):
    return {"status": status, "type": headers["content-type"], "body": body.decode(),
            "two": headers.get("x-two")}

def of_urllib(url, method, body):
    request = urllib.request.Request(url, body, {"X-Mine": "é"}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return told(answer.status, answer.headers, answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return told(error.code, error.headers, error.read())

def of_http_client(url, method, body):
    parts = urllib.parse.urlsplit(url)
    kinds = {"http": http.client.HTTPConnection, "https": http.client.HTTPSConnection}
    connection = kinds[parts.scheme](parts.netloc, timeout=20)
    connection.request(method, parts.path + "?" + parts.query, body, {"X-Mine": "é"})
    answer = connection.getresponse()
    return told(answer.status, answer.headers, answer.read())

def of_urllib3(url, method, body):
    with urllib3.PoolManager(retries=urllib3.Retry(None, 0, 0, 3, 0), timeout=20) as pool:
        answer = pool.request(method, url, body=body, headers={"X-Mine": "é"})
        return told(answer.status, answer.headers, answer.data)

def of_requests(url, method, body):
    with requests.Session() as session:
        for _ in range(2):
            answer = session.request(method, url, data=body, headers=MINE, timeout=20)
    return told(answer.status_code, answer.headers, answer.content)

def of_httpx(url, method, body):
    with httpx.Client(follow_redirects=True, trust_env=False) as client:
        answer = client.request(method, url, content=body, headers=MINE, timeout=20)
        return told(answer.status_code, answer.headers, answer.content)

def of_httpx_async(url, method, body):
    async def both():
        async with httpx.AsyncClient(follow_redirects=True, trust_env=False) as client:
            one = client.request(method, url, content=body, headers=MINE, timeout=20)
            return (await asyncio.gather(one, asyncio.sleep(0)))[0]
    answer = asyncio.run(both())
    return told(answer.status_code, answer.headers, answer.content)

def chunked(url, method, body):
    answer = requests.post(url, data=(part for part in (b"one", b"two")), timeout=20)
    return told(answer.status_code, answer.headers, answer.content)

def late(url, method, body):
    return requests.get(url, timeout=0.2).status_code

def other_protocol(url, method, body):
    import socket
    socket.create_connection(("127.0.0.1", int(url.rsplit(":")[-1].split("/")[0])))

def lambda_handler(event, context):
    body = event.get("body")
    how = globals()[event["how"]]
    return how(event["url"], event.get("method", "GET"), body.encode() if body else None)
"""
CLIENTS = ("of_urllib", "of_http_client", "of_urllib3", "of_requests", "of_httpx", "of_httpx_async")


class Site(BaseHTTPRequestHandler):
    """Tells what it is asked, compressed."""

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path.startswith("/slow"):
            time.sleep(1)
        if self.path.startswith("/away"):
            self.send_response(302)
            self.send_header("Location", "/there?x=1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        told = {"method": self.command, "path": self.path, "body": body.decode(),
                "mine": self.headers.get("X-Mine"), "host": self.headers["Host"]}  # fmt: skip
        content = gzip.compress(json.dumps(told).encode())
        self.send_response(404 if self.path.startswith("/missing") else 200)
        self.send_header("Content-Type", "application/json")
        if "gzip" in self.headers.get("Accept-Encoding", ""):
            self.send_header("Content-Encoding", "gzip")
        else:
            content = json.dumps(told).encode()
        self.send_header("X-Two", "b")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        # Who did not wait for it has gone.
        with contextlib.suppress(ConnectionError):
            if self.command != "HEAD":
                self.wfile.write(content)

    do_GET = do_POST = do_PUT = do_HEAD = do_DELETE = answer

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
    yield f"http://127.0.0.1:{web.server_port}"
    web.shutdown()
    web.server_close()


@pytest.fixture(scope="module")
def name(server: Server, site: str) -> str:
    """A function that may ask the site, and nobody else."""
    files: dict[str, str | bytes] = {"app.py": SOURCE, **files_of(*REQUESTS, *HTTPX)}
    name = server.deploy("http-clients", files, MemorySize=256, Timeout=60)
    path = f"/_wasmfaas/v1/functions/{name}/permissions"
    assert server.http.put(path, json={"fetch": [site]}).status_code == 200
    return name


def ask(server: Server, name: str, **event: Any) -> Any:
    """What the function answers; again where a start-up took too long on a busy machine."""
    deadline = time.monotonic() + 60
    while True:
        answer, _ = server.invoke(name, event)
        late = isinstance(answer, dict) and answer.get("errorType") == "Sandbox.Timedout"
        if not late or time.monotonic() > deadline:
            return answer


@pytest.mark.parametrize("how", CLIENTS)
def test_a_client_asks_a_permitted_server(server: Server, name: str, site: str, how: str) -> None:
    told = ask(server, name, how=how, url=f"{site}/a%20b?c=d", method="PUT", body="é" * 1000)
    assert (told["status"], told["two"], told["type"]) == (200, "b", "application/json")
    seen = json.loads(told["body"])
    assert (seen["method"], seen["path"], seen["body"]) == ("PUT", "/a%20b?c=d", "é" * 1000)
    assert seen["host"] == site.removeprefix("http://")
    assert seen["mine"] is not None
    missing = ask(server, name, how=how, url=f"{site}/missing?")
    assert (missing["status"], json.loads(missing["body"])["method"]) == (404, "GET")
    assert ask(server, name, how=how, url=f"{site}/x?", method="HEAD")["body"] == ""
    if how != "of_http_client":
        moved = ask(server, name, how=how, url=f"{site}/away?")
        assert json.loads(moved["body"])["path"] == "/there?x=1"


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize(
    ("how", "error_type"),
    [
        ("of_urllib", "URLError"),
        ("of_http_client", "PermissionError"),
        ("of_urllib3", "MaxRetryError"),
        ("of_requests", "ConnectionError"),
        ("of_httpx", "ReadError"),
        ("of_httpx_async", "ConnectError"),
    ],
)
def test_others_are_refused_with_the_reason_in_the_clients_own_errors(
    server: Server, name: str, how: str, error_type: str, scheme: str
) -> None:
    answer = ask(server, name, how=how, url=f"{scheme}://127.0.0.2:8443/a?")
    assert answer["errorType"] == error_type
    assert f"permissions.fetch does not have {scheme}://127.0.0.2:8443" in answer["errorMessage"]


def test_bodies_in_chunks_timeouts_and_what_is_not_http(
    server: Server, name: str, site: str
) -> None:
    told = ask(server, name, how="chunked", url=f"{site}/a?")
    assert json.loads(told["body"])["body"] == "onetwo"
    assert ask(server, name, how="late", url=f"{site}/slow?")["errorType"] == "ReadTimeout"
    refused = ask(server, name, how="other_protocol", url=f"{site}/")
    assert refused["errorType"] in ("PermissionError", "OSError", "gaierror")
