"""Fetching: from real servers, through a resolver that lies where it can."""

import asyncio
import ssl
import threading
from collections.abc import Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpcore
import pytest
import trustme

from tests.capabilities.asking import Granted, Refused, ask
from wasmfaas.capabilities.fetch import BODY_BYTES_MAX, Fetches
from wasmfaas.outgoing.client import OutgoingClient


class Site(BaseHTTPRequestHandler):
    """Answers by the path; tells what it was sent."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path == "/redirect":
            self._answer(302, b"", ("Location", query))
        elif path == "/see-other":
            self._answer(303, b"", ("Location", query))
        elif path == "/temporary":
            self._answer(307, b"", ("Location", query))
        elif path == "/loop":
            self._answer(302, b"", ("Location", "/loop"))
        elif path == "/large":
            self._answer(200, b"x" * (BODY_BYTES_MAX + 1))
        elif path == "/hang":
            self.server.hangs.wait(30)  # type: ignore[attr-defined]
        elif path == "/hop":
            self._answer(200, b"", ("Connection", "X-Hop"), ("X-Hop", "1"), ("X-Kept", "2"))
        elif path == "/binary":
            self._answer(200, bytes(range(256)))
        elif path == "/close":
            self.close_connection = True
            self.wfile.write(b"nonsense\r\n\r\n")
        else:
            size = int(self.headers.get("Content-Length", 0))
            lines = [f"{self.command} {self.path}", *(f"{k}: {v}" for k, v in self.headers.items())]
            body = "\n".join(lines).encode() + b"\n\n" + self.rfile.read(size)
            self._answer(200, body, ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2"))

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET

    def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
        self.server.hits.append((self.headers["Host"], self.path))  # type: ignore[attr-defined]
        self.send_response(status)
        for name, value in (*headers, ("Content-Length", str(len(body)))):
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


class Web(ThreadingHTTPServer):
    """A server on this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Site)
        self.hits: list[tuple[str, str]] = []
        self.hangs = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    def handle_error(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def web() -> Iterator[Web]:
    web = Web()
    yield web
    web.hangs.set()
    web.shutdown()
    web.server_close()


class Names:
    """A resolver that gives each name's answers in turn, and the last one from then on."""

    def __init__(self, **answers: Sequence[Sequence[str]]) -> None:
        self.answers = {name: list(each) for name, each in answers.items()}
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        label = host.partition(".")[0]
        if label not in self.answers:
            raise OSError("no such name")
        left = self.answers[label]
        return left.pop(0) if len(left) > 1 else left[0]


class Redirecting(httpcore.AnyIOBackend):
    """Notes where it is to connect, and connects to this machine."""

    def __init__(self) -> None:
        self.connected: list[str] = []

    async def connect_tcp(self, host: str, port: int, *rest: Any, **named: Any) -> Any:
        self.connected.append(host)
        return await super().connect_tcp("127.0.0.1", port, *rest, **named)


def fetch(
    request: dict[str, Any],
    *origins: Any,
    names: Names | None = None,
    backend: httpcore.AsyncNetworkBackend | None = None,
    trust: ssl.SSLContext | None = None,
) -> Any:
    """The answer to one fetch with permission for *origins*. Raises Refused."""

    async def run() -> Any:
        client = OutgoingClient(
            names or Names(), lambda: trust or ssl.create_default_context(), backend
        )
        granted = Granted(fetch=list(origins))
        return await ask(Fetches(client).operations(), granted, "fetch", request)

    return asyncio.run(run())


def test_a_request_and_its_answer(web: Web) -> None:
    answer = fetch(
        {"url": f"{web.url}/a?b=c", "method": "post", "body": "hello",
         "headers": [["X-One", "1"], ["X-One", "2"], ["Cookie", "c"]]},
        web.url,
    )  # fmt: skip
    assert (answer["status"], answer["url"]) == (200, f"{web.url}/a?b=c")
    head, _, body = answer["body"].partition("\n\n")
    assert body == "hello"
    lines = head.splitlines()
    assert lines[0] == "POST /a?b=c"
    assert {"X-One: 1", "X-One: 2", "Cookie: c", "Content-Length: 5"} <= set(lines)
    assert [value for name, value in answer["headers"] if name == "Set-Cookie"] == ["a=1", "b=2"]


def test_headers_of_the_connection_are_ours(web: Web) -> None:
    sent = [["Host", "evil.com"], ["Content-Length", "999"], ["Transfer-Encoding", "chunked"],
            ["Connection", "X-Kept"], ["Upgrade", "h2c"], ["X-Kept", "1"],
            ["Proxy-Authorization", "p"], ["Expect", "100-continue"]]  # fmt: skip
    answer = fetch({"url": web.url + "/", "headers": sent}, web.url)
    names = {line.partition(":")[0] for line in answer["body"].splitlines()[1:] if line}
    assert names == {"Host", "X-Kept", "User-Agent", "Connection"}
    assert f"Host: 127.0.0.1:{web.server_port}" in answer["body"]
    answer = fetch({"url": web.url + "/hop"}, web.url)
    assert {name for name, _ in answer["headers"]} & {"X-Hop", "Connection", "X-Kept"} == {"X-Kept"}


def test_bytes_come_as_they_are(web: Web) -> None:
    answer = fetch({"url": web.url + "/binary"}, web.url)
    assert answer["body"]["base64"].startswith("AAECAwQ")
    answer = fetch({"url": web.url + "/", "method": "PUT", "body": {"base64": "/w=="}}, web.url)
    assert "Content-Length: 1" in str(answer["body"]) or answer["body"]["base64"]


def refusal(request: dict[str, Any], *origins: Any, **rest: Any) -> str:
    with pytest.raises(Refused) as caught:
        fetch(request, *origins, **rest)
    return str(caught.value)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"headers": [["X", "a\r\nY: b"]]}, "cannot be sent"),
        ({"headers": [["X y", "a"]]}, "cannot be sent"),
        ({"headers": [["", "a"]]}, "cannot be sent"),
        ({"headers": [["X", "€"]]}, "cannot be sent"),
        ({"headers": [["X", "a"]] * 101}, "at most 100"),
        ({"headers": {"X": "a"}}, "array of [name, value]"),
        ({"headers": [["X"]]}, "array of [name, value]"),
        ({"method": "CONNECT"}, "none that can be sent"),
        ({"method": "GET /x HTTP/1.1\r\n"}, "none that can be sent"),
        ({"redirect": "maybe"}, "must be one of follow, manual, error"),
        ({"timeoutMs": 0}, "from 1 to 900000"),
        ({"timeoutMs": True}, "must be a whole number"),
        ({"body": 3}, "must be bytes"),
        ({"proxy": "x"}, "has no member 'proxy'"),
        ({"url": 1}, "must be a string"),
    ],
)
def test_bad_requests_are_told_what_is_wrong(web: Web, members: Any, said: str) -> None:
    told = refusal({"url": web.url, **members}, web.url)
    assert told.startswith("InvalidRequest")
    assert said in told


def test_nothing_is_permitted_by_default(web: Web) -> None:
    before = len(web.hits)
    assert "AccessDenied: The function's permissions.fetch does not have http://127.0.0.1" in (
        refusal({"url": web.url})
    )
    assert refusal({"url": web.url}, "https://example.com").startswith("AccessDenied")
    assert len(web.hits) == before


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "[::127.0.0.1]", "[64:ff9b::7f00:1]",
     "[2002:7f00:1::]", "0.0.0.0", "[::]", "10.0.0.1", "169.254.169.254", "[fe80::1]",
     "[fd00:ec2::254]", "224.0.0.1", "0", "127.1", "0x7f.0.0.1", "017700000001", "2130706433",
     "localhost", "localhost.", "private.test", "mixed.test"],
)  # fmt: skip
def test_everything_is_permitted_but_what_is_not_public(web: Web, host: str) -> None:
    """Names that the system takes for numbers are resolved as it would."""
    numbers = {"0": "0.0.0.0", "127": "127.0.0.1", "0x7f": "127.0.0.1",
               "017700000001": "127.0.0.1", "2130706433": "127.0.0.1", "localhost": "127.0.0.1",
               "private": "192.168.0.1", "mixed": "::ffff:10.0.0.1"}  # fmt: skip
    names, backend = Names(**{name: [[at]] for name, at in numbers.items()}), Redirecting()
    url = f"http://{host}:{web.server_port}/"
    assert "AccessDenied" in refusal({"url": url}, "*", names=names, backend=backend)
    assert backend.connected == []


def test_a_name_is_resolved_once_and_pinned(web: Web) -> None:
    """What rebinds between the check and the connection is not asked a second time."""
    names = Names(rebinding=[["93.184.216.34"], ["127.0.0.1"]])
    backend = Redirecting()
    url = f"http://rebinding.test:{web.server_port}/"
    answer = fetch({"url": url}, "*", names=names, backend=backend)
    assert (names.asked, backend.connected) == (["rebinding.test"], ["93.184.216.34"])
    assert f"Host: rebinding.test:{web.server_port}" in answer["body"]
    told = refusal({"url": url}, "*", names=names, backend=backend)
    assert "AccessDenied" in told
    assert "127.0.0.1" not in told


def test_of_several_addresses_only_public_ones_are_tried(web: Web) -> None:
    backend = Redirecting()
    names = Names(several=[["10.0.0.1", "127.0.0.1", "93.184.216.34"]])
    url = f"http://several.test:{web.server_port}/"
    assert fetch({"url": url}, "*", names=names, backend=backend)["status"] == 200
    assert backend.connected == ["93.184.216.34"]


def test_redirects_are_followed_and_each_is_checked(web: Web) -> None:
    names, backend = Names(public=[["93.184.216.34"]], private=[["10.0.0.1"]]), Redirecting()
    start = f"http://public.test:{web.server_port}"

    def redirect(to: str, *origins: Any) -> Any:
        allowed = origins or ("*",)
        return fetch({"url": f"{start}/redirect?{to}"}, *allowed, names=names, backend=backend)

    assert redirect("/relative")["url"] == f"{start}/relative"
    before = len(backend.connected)
    for to in (
        web.url, f"http://private.test:{web.server_port}/", "http://169.254.169.254/latest/",
        "http://[::ffff:127.0.0.1]/", "//127.0.0.1/",
    ):  # fmt: skip
        with pytest.raises(Refused, match="AccessDenied"):
            redirect(to)
    for to in ("file:///etc/passwd", "gopher://127.0.0.1/", "http://u:p@public.test/"):
        with pytest.raises(Refused, match="InvalidRequest"):
            redirect(to)
    with pytest.raises(Refused, match=r"does not have http://other\.test"):
        redirect("http://other.test/", start)
    assert backend.connected[before:] == ["93.184.216.34"] * 9


def test_redirects_have_an_end_and_can_be_left_alone(web: Web) -> None:
    assert "more than 10 redirects" in refusal({"url": web.url + "/loop"}, web.url)
    request = {"url": f"{web.url}/redirect?/a", "redirect": "manual"}
    assert fetch(request, web.url)["status"] == 302
    request["redirect"] = "error"
    assert "ConnectionFailed" in refusal(request, web.url)


def test_credentials_stay_with_the_origin_they_are_for(web: Web) -> None:
    names = Names(one=[["93.184.216.34"]], two=[["93.184.216.34"]])
    headers = [["Authorization", "secret"], ["Cookie", "secret"], ["X-Kept", "1"]]
    one, two = (f"http://{name}.test:{web.server_port}" for name in ("one", "two"))
    for to, kept in ((two, False), (one, True)):
        request = {"url": f"{one}/redirect?{to}/", "headers": headers}
        answer = fetch(request, one, two, names=names, backend=Redirecting())
        assert ("secret" in answer["body"]) is kept
        assert "X-Kept: 1" in answer["body"]


@pytest.mark.parametrize(
    ("path", "method", "sent"),
    [("redirect", "POST", "GET"), ("see-other", "PUT", "GET"), ("temporary", "POST", "POST")],
)
def test_redirects_change_the_method_as_browsers_do(
    web: Web, path: str, method: str, sent: str
) -> None:
    request = {"url": f"{web.url}/{path}?/to", "method": method, "body": "b"}
    answer = fetch(request, web.url)
    assert answer["body"].startswith(f"{sent} /to\n")
    assert answer["body"].endswith("\n\nb") is (sent == "POST")


def test_large_answers_slow_ones_and_broken_ones(web: Web) -> None:
    assert f"more than {BODY_BYTES_MAX} bytes" in refusal({"url": web.url + "/large"}, web.url)
    assert "Timeout" in refusal({"url": web.url + "/hang", "timeoutMs": 200}, web.url)
    assert "ConnectionFailed" in refusal({"url": web.url + "/close"}, web.url)
    assert "ConnectionFailed: The name nowhere.test" in (
        refusal({"url": "http://nowhere.test/"}, "*")
    )
    assert "ConnectionFailed" in refusal({"url": "http://127.0.0.1:9/"}, "http://127.0.0.1:9")


def test_certificates_are_checked_for_the_name_and_not_for_the_address() -> None:
    authority = trustme.CA()
    served, trusting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("named.test").configure_cert(served)
    authority.configure_trust(trusting)
    web = Web.__new__(Web)
    ThreadingHTTPServer.__init__(web, ("127.0.0.1", 0), Site)
    web.hits, web.hangs = [], threading.Event()
    web.socket = served.wrap_socket(web.socket, server_side=True)
    threading.Thread(target=web.serve_forever, args=(0.05,), daemon=True).start()
    names = Names(named=[["93.184.216.34"]], other=[["93.184.216.34"]])

    def get(name: str, trust: ssl.SSLContext) -> Any:
        url = f"https://{name}.test:{web.server_port}/"
        return fetch({"url": url}, "*", names=names, backend=Redirecting(), trust=trust)

    try:
        assert get("named", trusting)["status"] == 200
        with pytest.raises(Refused, match="ConnectionFailed"):
            get("other", trusting)
        with pytest.raises(Refused, match="ConnectionFailed"):
            get("named", ssl.create_default_context())
    finally:
        web.shutdown()
        web.server_close()


def test_no_proxy_is_asked(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert fetch({"url": web.url}, web.url)["status"] == 200
