"""What is measured: the hello of `examples/`, in C and in Python, as packages and as an event."""

import io
import json
import zipfile
from dataclasses import dataclass
from pathlib import Path

from wasmfaas.triggers import http_event

_EXAMPLES = Path(__file__).parents[1] / "examples"
PYTHON_SOURCE = _EXAMPLES / "hello-python" / "app.py"
C_MODULE = _EXAMPLES / "hello-c" / "bootstrap.wasm"
PYTHON_HANDLER = "app.lambda_handler"
QUERY = "name=Ada"
#: What every answer, of whatever is measured, has to contain.
GREETING = "Hello, Ada!"
_CUSTOM_SECTION = b"\0"


@dataclass(frozen=True, slots=True)
class Package:
    """A function as it is deployed: a zip and what says how to run it."""

    data: bytes
    runtime: str
    handler: str


def python_package(mark: str) -> Package:
    """hello-python, made unlike any other by *mark*, which changes nothing else."""
    source = PYTHON_SOURCE.read_bytes() + f"\n# {mark}\n".encode()
    return python_files({"app.py": source})


def python_files(files: dict[str, bytes]) -> Package:
    """A Python function of several files; its handler is in `app.py`."""
    return Package(_zip(files), "python3.14", PYTHON_HANDLER)


def c_module(mark: str) -> bytes:
    """hello-c's module, made unlike any other by *mark*."""
    return marked(C_MODULE.read_bytes(), mark)


def marked(module: bytes, mark: str) -> bytes:
    """*module*, made unlike any other by *mark*, in a section that nothing reads."""
    name, content = b"bench", mark.encode()
    section = _leb128(len(name)) + name + content
    return module + _CUSTOM_SECTION + _leb128(len(section)) + section


def c_package(module: bytes, mark: str) -> Package:
    """A package of *module*, with *mark* in a file that nothing reads."""
    files = {"bootstrap.wasm": module, "mark.txt": mark.encode()}
    return Package(_zip(files), "provided.al2023", "bootstrap")


def event() -> str:
    """The event that the function URL makes of the measured request, as JSON text."""
    scope = {
        "type": "http",
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": QUERY.encode(),
        "headers": [(b"host", b"127.0.0.1:3001")],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", 3001),
    }
    request = http_event.Request(
        request_id="00000000-0000-4000-8000-000000000000",
        trace_id=http_event.new_trace_id(0, bytes(12)),
        url_id="0" * 32,
        domain=f"{'0' * 32}.lambda-url.us-east-1.localhost",
        raw_path="/",
        now_ms=0,
    )
    return http_event.build(scope, b"", request).decode()


def context() -> str:
    """The context that goes with it, as JSON text; `guest-sdks/README.md` says what is in it."""
    return json.dumps(
        {
            "traceId": http_event.new_trace_id(0, bytes(12)),
            "requestId": "00000000-0000-4000-8000-000000000000",
            "functionName": "hello",
            "functionVersion": "$LATEST",
            "invokedFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:hello",
            "memoryLimitInMB": "128",
            "logGroupName": "/aws/lambda/hello",
            "logStreamName": "[$LATEST]00000000000000000000000000000000",
            "clientContext": None,
            "identity": None,
            "deadlineMs": "3000",
        }
    )


def _zip(files: dict[str, bytes]) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return package.getvalue()


def _leb128(number: int) -> bytes:
    """*number* as Wasm writes sizes."""
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
