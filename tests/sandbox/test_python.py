"""Python functions: what a handler can count on, and what it gets for its mistakes."""

import json
from typing import Any

import pytest

from tests.sandbox.conftest import REQUEST_ID, Pool, answer
from wasmfaas.settings import MIB


def failure(pool: Pool, source: str, event: Any = None, **members: Any) -> dict[str, Any]:
    """The error payload of a function that must fail."""
    reply = pool.invoke(pool.function(source, **members), event)
    assert reply.error_type is not None, reply.payload
    payload: dict[str, Any] = json.loads(reply.payload)
    assert payload["errorType"] == reply.error_type
    return payload


HANDLER = "def lambda_handler(event, context):\n"


def test_the_context_has_lambdas_attributes(pool: Pool) -> None:
    target = pool.function(
        HANDLER + "    c = context\n"
        "    return [c.aws_request_id, c.function_name, c.function_version, c.memory_limit_in_mb,\n"
        "            c.invoked_function_arn, c.log_group_name, c.log_stream_name, c.tenant_id,\n"
        "            c.client_context, c.identity.cognito_identity_id,\n"
        "            0 < c.get_remaining_time_in_millis() <= 60_000,\n"
        "            repr(c).startswith('LambdaContext([aws_request_id='), hasattr(c, 'nope')]\n"
    )
    assert answer(pool.invoke(target)) == [
        REQUEST_ID, "function", "$LATEST", "128",
        "arn:aws:lambda:us-east-1:000000000000:function:function", "/aws/lambda/function",
        "stream", None, None, None, True, True, False,
    ]  # fmt: skip


def test_print_and_logging_go_to_the_log(pool: Pool) -> None:
    target = pool.function(
        "import logging, sys\nprint('importing')\nlogging.getLogger().setLevel('INFO')\n"
        + HANDLER
        + "    print('out', event)\n    print('err', file=sys.stderr)\n"
        "    logging.info('told %s', 1)\n    logging.debug('hidden')\n    context.log('logged')\n"
    )
    reply = pool.invoke(target, 7)
    lines = reply.log.decode().splitlines()
    assert reply.init_log == b"importing\n"
    assert [lines[0], lines[1], lines[3]] == ["out 7", "err", "logged"]
    level, moment, request_id, text = lines[2].split("\t")
    assert (level, request_id, text) == ("[INFO]", REQUEST_ID, "told 1")
    assert moment.endswith("Z")
    assert len(moment) == len("2026-11-23T04:00:00.000Z")


def test_an_exception_becomes_lambdas_payload(pool: Pool) -> None:
    source = (
        "class Mine(Exception): pass\n"
        "def helper():\n    raise Mine('because \\u00fc')\n" + HANDLER + "    helper()\n"
    )
    payload = failure(pool, source)
    assert payload["errorMessage"] == "because ü"
    assert payload["errorType"] == "Mine"
    assert payload["requestId"] == REQUEST_ID
    first, second = payload["stackTrace"]
    assert first.startswith('  File "/var/task/app.py", line 5, in lambda_handler\n    helper()\n')
    assert second.startswith('  File "/var/task/app.py", line 3, in helper\n    raise Mine(')


@pytest.mark.parametrize(
    ("source", "handler", "error_type", "message"),
    [
        ("import nothing_of_the_kind\n", "app.lambda_handler", "Runtime.ImportModuleError",
         "Unable to import module 'app': No module named 'nothing_of_the_kind'"),
        ("x = 1\n", "other.lambda_handler", "Runtime.ImportModuleError",
         "Unable to import module 'other': No module named 'other'"),
        ("x = 1\n", "app.lambda_handler", "Runtime.HandlerNotFound",
         "Handler 'lambda_handler' missing on module 'app'"),
        ("lambda_handler = 1\n", "app.lambda_handler", "Runtime.HandlerNotFound",
         "Handler 'lambda_handler' on module 'app' is not callable: it is of type int"),
        ("def broken(:\n", "app.broken", "Runtime.UserCodeSyntaxError", "Syntax error in module"),
        ("x = 1\n", "nodot", "Runtime.MalformedHandlerName", "Bad handler 'nodot'"),
        ("x = 1\n", "sys.exit", "Runtime.BuiltInModuleConflict", "built-in module sys"),
        ("raise KeyError('at import')\n", "app.x", "KeyError", "'at import'"),
        ("import sys; sys.exit(4)\n", "app.x", "Runtime.ExitError", "exit status 4"),
    ],
)  # fmt: skip
def test_a_handler_that_cannot_be_had(
    pool: Pool, source: str, handler: str, error_type: str, message: str
) -> None:
    for _ in range(2):
        payload = failure(pool, source, handler=handler)
        assert payload["errorType"] == error_type
        assert message in payload["errorMessage"]


@pytest.mark.parametrize(
    ("body", "error_type", "message"),
    [
        ("return {1, 2}", "Runtime.MarshalError",
         "Unable to marshal response: Object of type set is not JSON serializable"),
        ("a = []; a.append(a); return a", "Runtime.MarshalError", "Circular reference"),
        ("import sys; sys.exit()", "Runtime.ExitError", "without providing a reason"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("return 'x' * 7_000_000", "Function.ResponseSizeTooLarge", "6291556 bytes"),
        ("f = lambda n: f(n + 1); f(0)", "RecursionError", "maximum recursion depth"),
        ("return len(bytearray(500_000_000))", "Runtime.OutOfMemory", "128 MB"),
        ("return [0] * 10**9", "Runtime.OutOfMemory", "128 MB"),
    ],
)  # fmt: skip
def test_a_handler_that_fails(pool: Pool, body: str, error_type: str, message: str) -> None:
    payload = failure(pool, f"{HANDLER}    {body}\n")
    assert payload["errorType"] == error_type
    assert message in payload["errorMessage"]


def test_fuel_is_limited(pool: Pool) -> None:
    payload = failure(pool, HANDLER + "    while True: pass\n", fuel_max=10**8)
    assert payload["errorType"] == "Runtime.OutOfFuel"
    assert "100000000" in payload["errorMessage"]


def test_time_is_limited_and_charged_by_cpu(pool: Pool) -> None:
    reply = pool.invoke(pool.function(HANDLER + "    while True: pass\n", timeout_ms=300))
    assert reply.error_type == "Sandbox.Timedout"
    assert "Task timed out after 0.30 seconds" in json.loads(reply.payload)["errorMessage"]
    assert reply.trapped, "the fuel count is lost"
    assert reply.cpu_us > 1000


def test_the_log_is_limited_and_the_rest_counted(pool: Pool) -> None:
    target = pool.function(HANDLER + "    print('x' * 1_000_000)\n    return 'done'\n")
    reply = pool.invoke(target)
    assert answer(reply) == "done"
    assert len(reply.log) == target.spec.log_bytes_max
    assert reply.log_dropped == 1_000_001 - target.spec.log_bytes_max


def test_scratch_space_is_private_and_limited(pool: Pool) -> None:
    source = HANDLER + (
        "    import os\n"
        "    with open('/tmp/file', 'wb') as file:\n"
        "        for _ in range(event):\n            file.write(bytes(1024 * 1024))\n"
        "    return os.path.getsize('/tmp/file')\n"
    )
    target = pool.function(source, tmp_bytes_max=8 * MIB)
    assert answer(pool.invoke(target, 4)) == 4 * MIB
    reply = pool.invoke(target, 20)
    assert reply.error_type in ("OSError", "Runtime.StorageFull")
    assert answer(pool.invoke(target, 4)) == 4 * MIB


def test_many_small_files_are_limited_together(pool: Pool) -> None:
    source = HANDLER + (
        "    n = 0\n"
        "    while True:\n"
        "        with open(f'/tmp/{n}', 'wb') as f:\n            f.write(bytes(1024 * 1024))\n"
        "        n += 1\n"
    )
    payload = failure(pool, source, tmp_bytes_max=8 * MIB, timeout_ms=20_000)
    assert payload["errorType"] == "Runtime.StorageFull"
    assert "8 MB" in payload["errorMessage"]


def test_package_data_is_readable_and_read_only(pool: Pool) -> None:
    target = pool.package(
        {
            "app.py": (
                "import importlib.resources, os, pkg\n"
                + HANDLER
                + "    here = os.path.dirname(__file__)\n"
                "    try:\n        open(here + '/new', 'w')\n"
                "    except OSError as error:\n        denied = type(error).__name__\n"
                "    return [open(here + '/data.txt').read(), open('data.txt').read(),\n"
                "            importlib.resources.files('pkg').joinpath('in.txt').read_text(),\n"
                "            denied, pkg.__file__]\n"
            ),
            "data.txt": "beside",
            "pkg/__init__.py": "",
            "pkg/in.txt": "inside",
        }
    )
    assert answer(pool.invoke(target)) == [
        "beside", "beside", "inside", "PermissionError", "/var/task/pkg/__init__.py",
    ]  # fmt: skip


def test_the_standard_library_is_importable_in_a_handler(pool: Pool) -> None:
    """All of it but what needs a module that WASI's CPython is built without."""
    target = pool.function(
        "import importlib, sys\n" + HANDLER + "    failed = {}\n"
        "    for name in sorted(sys.stdlib_module_names):\n"
        "        if name in ('antigravity', 'this', 'idlelib'): continue\n"
        "        try:\n            importlib.import_module(name)\n"
        "        except ImportError as error:\n            failed[name] = error.name\n"
        "    return failed\n",
        timeout_ms=60_000,
        memory_bytes_max=512 * MIB,
    )
    missing = answer(pool.invoke(target))
    assert "asyncio" not in missing
    assert "sqlite3" not in missing
    own_fault = {name for name, cause in missing.items() if not _is_left_out(name, cause or "")}
    assert own_fault == set()


def _is_left_out(name: str, cause: str) -> bool:
    """Whether WASI's CPython lacks *cause*, on which *name* depends."""
    absent = {"msvcrt", "nt", "ntpath", "winreg", "winsound", "fcntl", "grp", "pwd", "readline",
              "resource", "syslog", "termios", "tkinter", "idlelib", "ensurepip", "turtledemo",
              "nturl2path", "mmap"}  # fmt: skip
    return name.startswith("_") or cause.startswith("_") or name in absent or cause in absent


@pytest.mark.parametrize(
    ("body", "error_type"),
    [
        ("import socket; socket.create_connection(('127.0.0.1', 80))", ("gaierror", "OSError")),
        ("import socket; socket.socket()", ("PermissionError", "OSError")),
        ("import threading; threading.Thread(target=print).start()", ("RuntimeError",)),
        ("import subprocess; subprocess.run(['ls'])", ("OSError",)),
        ("open('/etc/passwd')", ("FileNotFoundError",)),
        ("open('/var/task/../../etc/passwd')", ("FileNotFoundError", "PermissionError")),
        ("import os; os.symlink('/etc', '/tmp/etc')", ("PermissionError",)),
    ],
)
def test_what_the_sandbox_lacks_fails_as_python_does(
    pool: Pool, body: str, error_type: tuple[str, ...]
) -> None:
    assert failure(pool, f"{HANDLER}    {body}\n")["errorType"] in error_type


def test_a_large_event_and_answer_go_through(pool: Pool) -> None:
    target = pool.function(
        HANDLER + "    return event\n", memory_bytes_max=256 * MIB, timeout_ms=20_000
    )
    event = {"text": "ü" * 100_000, "list": list(range(50_000)), "nul": "a\0b"}
    assert answer(pool.invoke(target, event)) == event


def test_half_of_a_surrogate_pair_comes_back_as_it_went(pool: Pool) -> None:
    target = pool.function(HANDLER + "    return event\n")
    reply = pool.invoke(target, {"\ud800": ["\udfffü"]})
    assert answer(reply) == {"\ud800": ["\udfffü"]}
    error = failure(pool, HANDLER + "    raise ValueError(event)\n", "\ud800")
    assert error["errorMessage"] == "\ud800"


def test_decimals_and_other_texts_are_marshalled(pool: Pool) -> None:
    target = pool.function(
        "from decimal import Decimal\n" + HANDLER + "    return [Decimal('1.5'), Decimal(3), 'ü', "
        "None, True, {'1': 2}, 1e300, '\\x00']\n"
    )
    assert answer(pool.invoke(target)) == [1.5, 3, "ü", None, True, {"1": 2}, 1e300, "\0"]


@pytest.mark.parametrize(
    ("level", "shown"), [("INFO", ["info"]), ("debug", ["debug", "info"]), ("nonsense", [])]
)
def test_the_environment_sets_the_log_level(pool: Pool, level: str, shown: list[str]) -> None:
    target = pool.function(
        "import logging\n" + HANDLER + "    logging.debug('debug')\n    logging.info('info')\n",
        environment={"AWS_LAMBDA_LOG_LEVEL": level},
    )
    lines = pool.invoke(target).log.decode().splitlines()
    assert [line.rpartition("\t")[2] for line in lines] == shown


@pytest.mark.parametrize("size", [7_000_000, 17_000_000], ids=["an answer", "a frame"])
def test_an_error_larger_than_an_answer_may_be_is_told_as_that(pool: Pool, size: int) -> None:
    target = pool.function(
        f"def lambda_handler(event, context):\n    raise ValueError('x' * {size})\n",
        memory_bytes_max=512 * MIB,
        timeout_ms=30_000,
    )
    reply = pool.invoke(target)
    assert reply.error_type == "Function.ResponseSizeTooLarge"
    assert len(reply.payload) < 1000


def test_the_warm_up_leaves_nothing_behind(pool: Pool) -> None:
    target = pool.function(
        "import logging, os\n"
        "os.environ['_X_AMZN_TRACE_ID'] = 'own'\n"
        "STARTED = dict(os.environ)\n"
        "def lambda_handler(event, context):\n"
        "    context = logging.root.handlers[0].context\n"
        "    return [STARTED.pop('_X_AMZN_TRACE_ID'), os.environ.pop('_X_AMZN_TRACE_ID'),\n"
        "            STARTED == dict(os.environ), context.aws_request_id, event]\n"
    )
    trace = "Root=1-00000000-000000000000000000000000"
    for _ in range(2):
        assert answer(pool.invoke(target, [1])) == ["own", trace, True, REQUEST_ID, [1]]


@pytest.mark.parametrize("event", [b' {"a": 1}\n', b"\t[1]", b"1", b'"x" '])
def test_white_space_around_an_event_means_nothing(pool: Pool, event: bytes) -> None:
    target = pool.function("def lambda_handler(event, context):\n    return event\n")
    assert answer(pool.invoke(target, event)) == json.loads(event)


@pytest.mark.parametrize("event", [b"", b" ", b"{} x", b"[1", b"nul"])
def test_an_event_that_is_not_json_is_refused_as_json_does(pool: Pool, event: bytes) -> None:
    target = pool.function("def lambda_handler(event, context):\n    return event\n")
    reply = pool.invoke(target, event)
    assert reply.error_type == "JSONDecodeError"
    with pytest.raises(json.JSONDecodeError) as refused:
        json.loads(event)
    assert json.loads(reply.payload)["errorMessage"] == str(refused.value)
