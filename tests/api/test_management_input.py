"""Whatever is sent to our own routes: an answer in JSON, and no failure of the server."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.api.harness import Harness, send_request
from tests.api.test_management import BASE, Routes

VISIBLE = st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="?#")
PATHS = st.sampled_from(
    ["/health", "/functions/f", "/functions/f/logs", "/functions/%FF/logs", "/functions/%00",
     "/functions/a%2Fb/logs", "/usage", "/figures", "/keys", "/keys/%ED%A0%80", "/code/x", "/code/",
     "/functions/" + "x" * 5000]
)  # fmt: skip
NAMES = ["after", "limit", "by", "function", "from", "to", "since", "until", "order", "x"]
VALUES = st.sampled_from(
    ["", "0", "-1", "1", "9" * 18, "9" * 19, "1e3", "f", "day", "function", "%00", "%FF",
     "%ED%A0%80", "2026-11-23", "2026-99-99", "+", "nan"]
)  # fmt: skip
QUERIES = st.lists(st.tuples(st.sampled_from(NAMES), VALUES), max_size=4).map(
    lambda pairs: "&".join(f"{name}={value}" for name, value in pairs)
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("\ud800")
    | st.just("\0") | st.sampled_from(["admin", "invoker", "read-only", "deployer", "local"]),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=4,
)  # fmt: skip
BODIES = (
    st.dictionaries(st.sampled_from(["name", "role", "functions", "x"]), JSON, max_size=4)
    .map(json.dumps).map(str.encode)
    | st.sampled_from([b"", b"{", b"[" * 60_000, b"\xff", b"null", b"{}" + b" " * 70_000])
    | st.binary(max_size=20)
)  # fmt: skip


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Routes]:
    folder: Path = tmp_path_factory.mktemp("management")
    with contextlib.closing(Harness(folder / "data")) as harness:
        harness.create("f")
        routes = Routes(harness, folder)
        routes.record("f", 1)
        yield routes
        routes.logs.close()
        routes.ledger.close()


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["GET", "GET", "POST", "DELETE", "PUT", "HEAD", "OPTIONS"]),
    path=PATHS | st.text(VISIBLE, max_size=20).map(lambda text: f"/{text}"),
    query=QUERIES | st.text(VISIBLE, max_size=20),
    body=BODIES,
)
def test_no_bytes_make_a_5xx(
    routes: Routes, method: str, path: str, query: str, body: bytes
) -> None:
    request = send_request(routes.application, method, f"{BASE}{path}?{query}", body=[body])
    answer = routes.harness.run(request)
    assert answer.status < 500, answer.body
    if answer.body:
        assert answer.headers["content-type"] == "application/json"
        json.loads(answer.body)
