"""Requests that no constraint of the model is about: bodies that are no JSON, targets that are
spelled strangely, other types of content. Tried on every operation that they can be tried on."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.api.harness import Answer, Harness, send_request
from tests.api.probes.asking import prepare
from tests.api.probes.generation import Probe, Probes
from tests.api.probes.model import Variant

PROBES = Probes()
#: Bodies that are no JSON, or no JSON of an operation, and what is said of each.
NO_JSON = {
    b"{": "Could not parse request body into json: ",
    b"{}{}": "Could not parse request body into json: ",
    b"{'a': 1}": "Could not parse request body into json: ",
    b"<xml/>": "Could not parse request body into json: ",
    b"a=b&c=d": "Could not parse request body into json: ",
    b"\xff\xfe\x00": "Could not parse request body into json: 'utf-8' codec",
    b'{"a": "\xc3"}': "Could not parse request body into json: 'utf-8' codec",
    b'\xef\xbb\xbf{"a": 1}': "Could not parse request body into json: ",
    '{"a": 1}'.encode("utf-16"): "Could not parse request body into json: ",
    b'{"a": "\x00"}': "Could not parse request body into json: ",
    b'{"a": NaN}': "Could not parse request body into json: NaN is not JSON",
    b'{"a": -Infinity}': "Could not parse request body into json: -Infinity is not JSON",
    b'{"a": ' + b"9" * 5000 + b"}": "Could not parse request body into json: ",
    b"[" * 60_000: "Could not parse request body into json: it is nested too deeply",
    b'{"a":' * 12_000: "Could not parse request body into json: it is nested too deeply",
    b'"text"': "STRING_VALUE can not be converted to a Structure",
    b"12": "NUMBER_VALUE can not be converted to a Structure",
}
#: What is JSON and says nothing that any operation knows.
STRANGE_JSON = (
    b" \r\n\t{} ",
    b'{"\\u0000": 1, "": {}, "\\ud800": "\\ud800", "__proto__": []}',
    b'{"NoSuchMember": ' + b"[" * 500 + b"]" * 500 + b"}",
    b'{"NoSuchMember": 1e400, "Other": -0.0, "Third": 1E-400}',
)
TYPES = ("", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
         "application/json; charset=utf-16", "nonsense", "application/xml", "\xff")  # fmt: skip


@pytest.fixture(scope="module")
def harness(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    harness = Harness(tmp_path_factory.mktemp("bad-input") / "data")
    yield harness
    harness.close()


@pytest.fixture
def ready(harness: Harness) -> Harness:
    """The harness with a function `f` in it."""
    prepare(harness, "")
    return harness


def sound(operation: str) -> Probe:
    """A request without fault."""
    return PROBES.request(operation, "", Variant("sound", None), PROBES.sound(operation))


def with_bodies() -> list[str]:
    return [
        name for name in sorted(PROBES.operations)
        if any(probe.path == "noSuchMember" for probe in PROBES.of(name))
    ]  # fmt: skip


def send(harness: Harness, probe: Probe, **changes: Any) -> Answer:
    request = {"headers": probe.headers, "body": [probe.body]} | changes
    target = request.pop("target", probe.target)
    return harness.run(send_request(harness.api, probe.method, target, **request))


def said(answer: Answer) -> str:
    assert answer.headers["content-type"] == "application/json"
    document = json.loads(answer.body)
    return str(document.get("message") or document["Message"])


@pytest.mark.parametrize("operation", with_bodies())
def test_a_body_that_is_no_json_is_refused(ready: Harness, operation: str) -> None:
    for body, beginning in NO_JSON.items():
        answer = send(ready, sound(operation), body=[body])
        refusal = (answer.status, answer.headers["x-amzn-errortype"])
        assert refusal == (400, "SerializationException"), body[:50]
        assert said(answer).startswith(beginning), body[:50]


@pytest.mark.parametrize("operation", with_bodies())
def test_json_that_is_strange_is_read(ready: Harness, operation: str) -> None:
    for body in STRANGE_JSON:
        answer = send(ready, sound(operation), body=[body])
        assert answer.status < 500
        assert answer.headers.get("x-amzn-errortype") != "SerializationException", body[:50]


def test_the_type_of_a_body_does_not_matter(ready: Harness) -> None:
    """The SDKs of AWS do not agree on it, and the service does not ask."""
    for operation in ("UpdateFunctionConfiguration", "ListFunctions", "Invoke"):
        probe = sound(operation)
        expected = send(ready, probe).status
        for kind in TYPES:
            answer = send(ready, probe, headers={**probe.headers, "content-type": kind})
            assert (operation, kind, answer.status) == (operation, kind, expected)


READS = [name for name in sorted(PROBES.operations) if name.startswith(("Get", "List"))]


@pytest.mark.parametrize("operation", READS)
def test_a_target_is_read_in_every_spelling(ready: Harness, operation: str) -> None:
    """A slash more at its end, everything percent-encoded, parameters that nobody knows."""
    probe = sound(operation)
    path, _, query = probe.target.partition("?")
    encoded = "/".join(
        "".join(f"%{byte:02X}" for byte in segment.encode()) if "%" not in segment else segment
        for segment in path.split("/")
    )
    more = f"{query}&" if query else ""
    expected = send(ready, probe)
    for target in (
        f"{path}/?{query}", f"{path}//?{query}", f"{encoded}?{query}",
        f"{path}?{more}NoSuchParameter=1&=&&x", f"{path}?{more}%F0%9F%98%80=%20",
    ):  # fmt: skip
        answer = send(ready, probe, target=target)
        assert (target, answer.status) == (target, expected.status), answer.body
        assert answer.headers.get("x-amzn-errortype") == expected.headers.get("x-amzn-errortype")


@pytest.mark.parametrize(
    "operation", [name for name in READS if "{FunctionName}" in PROBES.operations[name]["uri"]]
)
def test_a_name_is_read_in_every_form(ready: Harness, operation: str) -> None:
    """An ARN of a function is one segment, whether its colons are encoded or not."""
    expected = send(ready, sound(operation))
    members = {**PROBES.sound(operation), "FunctionName": "NAME"}
    probe = PROBES.request(operation, "", Variant("sound", None), members)
    arn = ready.arn("f")
    for name in (arn, arn.replace(":", "%3A"), arn.replace(":", "%3a"), "function%3Af",
                 "000000000000:function:f", "%66"):  # fmt: skip
        answer = send(ready, probe, target=probe.target.replace("NAME", name))
        assert (name, answer.status) == (name, expected.status), answer.body


def test_of_a_parameter_given_twice_the_last_counts(ready: Harness) -> None:
    path = "/2015-03-31/functions"
    for query, status in (
        ("MaxItems=0&MaxItems=1", 200), ("MaxItems=1&MaxItems=0", 400),
        ("MaxItems=x&MaxItems=1", 200), ("MaxItems=1&MaxItems=", 400),
        ("&".join(["MaxItems=1"] * 900), 200), ("&".join(["MaxItems=1"] * 1100), 404),
    ):  # fmt: skip
        answer = ready.request("GET", f"{path}?{query}")
        assert (query[:40], answer.status) == (query[:40], status)
        if status >= 400:
            assert said(answer)


@pytest.mark.parametrize(
    "target",
    ["/2015-03-31/functions/%FF", "/2015-03-31/functions/f?Qualifier=%FF", "/%C0%AF",
     "/2015-03-31/functions/%ED%A0%80", "/2015-03-31/functions/f?Marker=%ED%A0%80",
     "/2015-03-31/functions/%", "/2015-03-31/functions/%2", "/2015-03-31/functions/%00",
     "/2015-03-31/functions/..%2F..%2Fetc%2Fpasswd", "/2015-03-31/functions//f", "//", "/",
     "/2015-03-31/functions/f/aliases/%0A", "/2015-03-31/functions/" + "x" * 50_000,
     "/" + "a/" * 20_000, "/2015-03-31/functions/f%3Fa=b", "/2015-03-31/functions/f%23"],
)  # fmt: skip
@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "HEAD", "get"])
def test_a_target_that_is_no_target_finds_nothing(ready: Harness, method: str, target: str) -> None:
    answer = ready.request(method, target)
    assert answer.status in (400, 404)
    assert len(said(answer)) < 2000
