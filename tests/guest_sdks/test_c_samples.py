"""The C samples, built as the README says and run by the reference host."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.guest_sdks.reference_host import envelope, run
from tests.guest_sdks.toolchain import SAMPLES, build_reactor

MIB = 1024 * 1024
Build = Callable[[str], Path]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Builds a sample by name, each at most once."""
    folder = tmp_path_factory.mktemp("samples")

    def built(name: str) -> Path:
        module = folder / f"{name}.wasm"
        return module if module.exists() else build_reactor(SAMPLES / f"{name}.c", module)

    return built


def as_json(value: object) -> bytes:
    return json.dumps(value).encode()


def test_hello_greets(build: Build) -> None:
    [answer] = run(build("hello"), [envelope(b'{"name": "Ada"}')]).answers
    assert answer.value == {"greeting": "Hello, Ada!"}


@pytest.mark.parametrize(
    "name",
    ["", "Jörg", "日本語", "😀", 'quote " backslash \\ slash /', "tab\tline\nbell\x07", "%s%n%d"],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_hello_carries_any_text(build: Build, name: str, ascii_only: bool) -> None:
    event = json.dumps({"other": {"name": "no"}, "name": name}, ensure_ascii=ascii_only).encode()
    [answer] = run(build("hello"), [envelope(event)]).answers
    assert answer.value == {"greeting": f"Hello, {name}!"}


def test_a_lone_surrogate_becomes_the_replacement_character(build: Build) -> None:
    [answer] = run(build("hello"), [envelope(rb'{"name": "a\ud800b\udc00"}')]).answers
    assert answer.value == {"greeting": "Hello, a\ufffdb\ufffd!"}


@pytest.mark.parametrize(
    "event",
    [b"", b"{}", b"[]", b"null", b'"name"', b'{"name": 1}', b'{"name": null}', b'{"name": "',
     b'{"nam', rb'{"name": "nul\u0000"}', as_json({"name": "x" * 64})],
)  # fmt: skip
def test_hello_without_a_usable_name_is_an_error_of_its_own(build: Build, event: bytes) -> None:
    [answer] = run(build("hello"), [envelope(event)]).answers
    assert answer.error is not None
    assert answer.error["errorType"] == "BadEvent"
    assert "64 bytes" in answer.error["errorMessage"]


def test_an_error_does_not_spoil_the_next_invocation(build: Build) -> None:
    requests = [envelope(as_json({"name": name})) for name in ("Ada", None, "Grace")]
    first, second, third = run(build("hello"), requests).answers
    assert (first.value, third.value) == (
        {"greeting": "Hello, Ada!"},
        {"greeting": "Hello, Grace!"},
    )
    assert second.error is not None


@pytest.mark.parametrize("size", [0, 1, 31, 32, 255, 256, 65535, 65536, MIB, 6 * MIB])
def test_echo_carries_every_width_of_length(build: Build, size: int) -> None:
    event, context = as_json("é" * (size // 6) + "x" * (size % 6)), as_json({"requestId": "r"})
    [answer] = run(build("echo"), [envelope(event, context)]).answers
    assert answer.ok == b'{"event":' + event + b',"context":' + context + b"}"


def test_buffers_are_reused_so_that_memory_stays_bounded(build: Build) -> None:
    requests = [envelope(as_json("x" * size)) for size in (MIB, 1, MIB) for _ in range(20)]
    done = run(build("echo"), requests)
    assert [len(answer.value["event"]) for answer in done.answers] == [
        size for size in (MIB, 1, MIB) for _ in range(20)
    ]
    assert done.memory_bytes[-1] == done.memory_bytes[0] < 8 * MIB


def test_a_request_in_the_widest_lengths_and_with_unknown_keys_is_read(build: Build) -> None:
    request = (
        b"\xdf\x00\x00\x00\x04"
        + b"\xd9\x05extra" + b"\x92\x81\xa1k\xcb12345678\xd8\x01" + b"x" * 16
        + b"\xda\x00\x07context" + b"\xc6\x00\x00\x00\x02{}"
        + b"\xdb\x00\x00\x00\x05event" + b"\xdb\x00\x00\x00\x02[]"
        + b"\xa6eventt" + b"\xdc\x00\x01\xc0"
    )  # fmt: skip
    [answer] = run(build("echo"), [request]).answers
    assert answer.ok == b'{"event":[],"context":{}}'


def test_an_event_that_does_not_fit_into_memory_traps(build: Build) -> None:
    requests = [envelope(as_json("x" * 4 * MIB))]
    [answer] = run(build("echo"), requests, memory_bytes_max=3 * MIB).answers
    assert answer.broken is not None
    assert "unreachable" in answer.broken


def test_errors_carry_type_and_message(build: Build) -> None:
    requests = [envelope(as_json({"value": value})) for value in (9, -4, "four")]
    root, negative, text = run(build("error"), requests).answers
    assert root.value == 3
    assert negative.error == {"errorType": "Negative", "errorMessage": "-4 has no square root here"}
    assert text.error is not None


def test_logging_goes_to_both_streams_and_the_deadline_is_known(build: Build) -> None:
    deadlines = [str(int(time.time() * 1000) + 600_000), "1", "later"]
    contexts = [as_json({"requestId": "r-1", "deadlineMs": deadline}) for deadline in deadlines]
    done = run(build("log"), [envelope(b"{}", context) for context in contexts])
    ahead, past, unknown = (answer.value["remainingMs"] for answer in done.answers)
    assert 0 < ahead <= 600_000
    assert (past, unknown) == (0, 0)
    assert f"invocation r-1 has {ahead} ms left\n".encode() in done.stderr
    assert done.stdout == b"stdout is the log, too\n" * 3


@pytest.mark.parametrize(
    "request_bytes",
    [b"\x00", b"\xc0", b"\x80", b"\x90", b"\x81\xa5event\xc4\x02{}", b"\x82\xa5event\xc4\xff{}",
     b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", envelope(b"{}")[:-1],
     envelope(b"{}") + b"\x00"],
)  # fmt: skip
def test_what_is_no_request_envelope_traps(build: Build, request_bytes: bytes) -> None:
    [answer] = run(build("echo"), [request_bytes]).answers
    assert answer.broken is not None
    assert "unreachable" in answer.broken
