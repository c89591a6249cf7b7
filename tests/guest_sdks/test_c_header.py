"""wasmfaas.h itself, compiled for this machine: it must agree with Python's json and msgpack, and
never read past what it is given."""

import json
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.guest_sdks.toolchain import C_SDK, SAMPLES, STRICT, build_native, zig

SOURCE = Path(__file__).with_name("header_probe.c")
LENGTH = struct.Struct("=I")

# The strings that C can hold, and JSON around them.
strings = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=50)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
styles = st.fixed_dictionaries(
    {"ensure_ascii": st.booleans(), "indent": st.sampled_from([None, 0, 3, "\t"])}
)
repeatable = settings(derandomize=True, deadline=None, max_examples=300)


class Probe:
    """A running header_probe."""

    def __init__(self, program: Path) -> None:
        self.process = subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0
        )

    def ask(self, what: bytes, data: bytes) -> bytes | None:
        """The answer, or None where the probe says that there is none."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(LENGTH.pack(len(data) + 1) + what + data)
        head = self._read(LENGTH.size)
        answer = self._read(LENGTH.unpack(head)[0])
        return answer[1:] if answer[:1] == b"+" else None

    def _read(self, size: int) -> bytes:
        assert self.process.stdout is not None
        data = b""
        while len(data) < size:
            more = self.process.stdout.read(size - len(data))
            assert more, f"the probe ended: {self.process.wait()}"
            data += more
        return data


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Probe]:
    program = build_native(SOURCE, tmp_path_factory.mktemp("probe") / "header_probe")
    running = Probe(program)
    with running.process:
        yield running
        assert running.process.stdin is not None
        running.process.stdin.close()
        assert running.process.wait() == 0


@repeatable
@given(
    before=st.dictionaries(st.text(max_size=3), values, max_size=3),
    text=strings,
    after=st.dictionaries(st.text(max_size=3).filter("k".__ne__), values, max_size=3),
    style=styles,
)
def test_a_string_member_is_read_as_python_reads_it(
    probe: Probe, before: dict[str, Any], text: str, after: dict[str, Any], style: dict[str, Any]
) -> None:
    event = json.dumps({**before, "k": text, **after}, **style).encode()
    assert probe.ask(b"m", event) == text.encode()


@repeatable
@given(members=st.dictionaries(st.text(max_size=2), values, max_size=5), style=styles)
@example(members={"k": "nul \0 inside"}, style={})
@example(members={"k": ["x"]}, style={})
@example(members={"k": {"k": "nested"}}, style={})
@example(members={"kk": "longer"}, style={})
def test_what_is_not_there_or_not_such_a_string_is_not_found(
    probe: Probe, members: dict[str, Any], style: dict[str, Any]
) -> None:
    value = members.get("k")
    readable = value.encode() if isinstance(value, str) and "\0" not in value else None
    assert probe.ask(b"m", json.dumps(members, **style).encode()) == readable


def test_of_members_with_one_name_the_last_counts_as_in_python(probe: Probe) -> None:
    event = rb'{"k": "first", "\u006b": "last", "j": "k"}'
    assert json.loads(event)["k"] == "last"
    assert probe.ask(b"m", event) == b"last"


def test_a_string_that_does_not_fit_is_refused_and_not_cut(probe: Probe) -> None:
    longest = "x" * 1023
    assert probe.ask(b"m", json.dumps({"k": longest}).encode()) == longest.encode()
    assert probe.ask(b"m", json.dumps({"k": longest + "x"}).encode()) is None


@repeatable
@given(number=st.integers(-(2**53), 2**53) | st.floats(-1e299, 1e299))
def test_numbers_are_read_exactly(probe: Probe, number: float) -> None:
    found = probe.ask(b"n", json.dumps({"k": number}).encode())
    assert found is not None
    assert float(found) == number


@pytest.mark.parametrize("text", ['"1"', "null", "true", "[1]", "{}", "Infinity", "1" * 64])
def test_what_is_no_number_is_not_read_as_one(probe: Probe, text: str) -> None:
    assert probe.ask(b"n", f'{{"k": {text}}}'.encode()) is None


@repeatable
@given(text=strings)
def test_quoted_text_reads_back(probe: Probe, text: str) -> None:
    quoted = probe.ask(b"q", text.encode())
    assert quoted is not None
    assert json.loads(quoted.decode()) == text


@repeatable
@given(data=st.binary(max_size=40).filter(lambda data: b"\0" not in data))
@example(data=b"\xc0\x80\xe0\x80\x80\xed\xa0\x80\xf4\x90\x80\x80\xf8\xff")
@example(data="cut off: 日".encode()[:-1])
def test_quoted_bytes_are_always_utf8_json(probe: Probe, data: bytes) -> None:
    quoted = probe.ask(b"q", data)
    assert quoted is not None
    text = json.loads(quoted.decode())
    assert text.replace("\ufffd", "") == data.decode("utf-8", "ignore").replace("\ufffd", "")


@repeatable
@given(
    event=st.binary(max_size=300),
    context=st.binary(max_size=300),
    extra=st.dictionaries(st.text(min_size=8, max_size=9), values | st.binary(), max_size=20),
    first=st.booleans(),
    cut=st.floats(0, 1, exclude_max=True),
)
def test_request_envelopes_are_read_whatever_else_is_in_them(
    probe: Probe, event: bytes, context: bytes, extra: dict[str, Any], first: bool, cut: float
) -> None:
    ours = {"event": event, "context": context}
    extra = {key: repr(value) if _too_big(value) else value for key, value in extra.items()}
    packed = msgpack.packb({**extra, **ours} if first else {**ours, **extra})
    assert probe.ask(b"e", packed) == event + b"|" + context
    assert probe.ask(b"e", packed[: int(len(packed) * cut)]) is None


def _too_big(value: Any) -> bool:
    """Whether msgpack cannot say *value*: integers past 64 bits."""
    try:
        msgpack.packb(value)
    except OverflowError:
        return True
    return False


@repeatable
@given(data=st.binary(max_size=60) | st.text('{}[]":,\\uk0e ', max_size=40).map(str.encode))
@example(data=b'{"k":"\\')
@example(data=b'{"k":"\\u12')
@example(data=b'{"k":"\\ud800\\u')
@example(data=b'{"k":"\xf0')
@example(data=b"{" * 60)
@example(data=b"\xdf\xff\xff\xff\xff" * 3)
@example(data=b"\x81\xdb\xff\xff\xff\xff")
def test_no_input_makes_it_read_past_the_end(probe: Probe, data: bytes) -> None:
    for what in (b"m", b"n", b"e", b"q"):
        probe.ask(what, data)
    assert probe.ask(b"m", b'{"k": "still here"}') == b"still here"


@pytest.mark.parametrize(
    "dialect", [("c", "c99"), ("c", "gnu17"), ("c++", "c++11"), ("c++", "c++20")]
)
def test_it_compiles_without_a_warning(dialect: tuple[str, str], tmp_path: Path) -> None:
    language, standard = dialect
    zig("cc", "-c", "-x", language, f"-std={standard}", *STRICT, f"-I{C_SDK / 'include'}",
        "-o", str(tmp_path / "log.o"), str(SAMPLES / "log.c"))  # fmt: skip


def test_a_handler_built_for_this_machine_is_a_program(tmp_path: Path) -> None:
    program = build_native(SAMPLES / "hello.c", tmp_path / "hello")
    good = subprocess.run([program], input=b'{"name": "Ada"}', capture_output=True)
    assert (good.returncode, good.stdout) == (0, b'{"greeting": "Hello, Ada!"}')
    bad = subprocess.run([program], input=b"{}", capture_output=True)
    assert (bad.returncode, bad.stdout) == (1, b"")
    assert bad.stderr.startswith(b"BadEvent: ")
