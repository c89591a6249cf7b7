"""What an invocation may see of earlier ones, by isolation mode."""

import json
import uuid

import pytest

from tests.sandbox.conftest import Pool, answer
from wasmfaas.models import Isolation
from wasmfaas.settings import MIB

#: Leaves a mark in every place that a handler can reach, and tells what marks it found.
MARKS = """
import builtins, gc, json, os, random, sys, decimal

SEEN = []
class Kept:
    seen = []

def found():
    marks = {
        "module global": list(SEEN),
        "class attribute": list(Kept.seen),
        "builtins": getattr(builtins, "mark", None),
        "standard library": getattr(json, "mark", None),
        "sys.modules": "mark" in sys.modules,
        "sys.path": [path for path in sys.path if "mark" in path],
        "environment": os.environ.get("MARK"),
        "working directory": os.getcwd() != "/var/task",
        "files": os.listdir("/tmp"),
        "decimal context": decimal.getcontext().prec != 28,
        "recursion limit": sys.getrecursionlimit() == 555,
        "function attribute": getattr(lambda_handler, "mark", None),
        "default argument": list(lambda_handler.__defaults__[0]),
    }
    return {place: mark for place, mark in marks.items() if mark}

def lambda_handler(event, context, default=[]):
    before = found()
    SEEN.append(1)
    Kept.seen.append(1)
    builtins.mark = json.mark = lambda_handler.mark = 1
    sys.modules["mark"] = sys
    sys.path.append("/mark")
    os.environ["MARK"] = "1"
    os.mkdir("/tmp/folder")
    open("/tmp/folder/file", "w").write("mark")
    os.chdir("/tmp")
    decimal.getcontext().prec = 5
    sys.setrecursionlimit(555)
    default.append(1)
    assert len(found()) == 13, found()
    return before
"""

RANDOM = """
import random, secrets, time, uuid, tempfile, os
def lambda_handler(event, context):
    return [random.random(), random.randrange(10**12), secrets.token_hex(8), str(uuid.uuid4()),
            os.urandom(8).hex(), time.time(), time.monotonic(), context.aws_request_id]
"""

#: Searches all that Python can reach of its memory for what an earlier event carried.
HUNT = """
import gc
KEPT = []
def lambda_handler(event, context):
    import _wasmfaas
    text = event["canary"]
    found = any(isinstance(o, str) and o.startswith("canary-") and o not in (text, "canary-")
                for container in gc.get_objects()
                for o in (container.values() if isinstance(container, dict) else
                          container if isinstance(container, (list, tuple, set)) else ()))
    KEPT.append(text)
    return found
"""


@pytest.mark.parametrize("isolation", [Isolation.PRISTINE, Isolation.FRESH])
def test_an_invocation_sees_nothing_of_earlier_ones(pool: Pool, isolation: Isolation) -> None:
    target = pool.function(MARKS, isolation=isolation)
    for _ in range(5):
        assert answer(pool.invoke(target)) == {}


def test_reuse_keeps_module_state_and_nothing_on_disk(pool: Pool) -> None:
    target = pool.function(MARKS, isolation=Isolation.REUSE)
    assert answer(pool.invoke(target)) == {}
    seen = answer(pool.invoke(target))
    assert seen["module global"] == [1]
    assert "files" not in seen


@pytest.mark.parametrize("isolation", list(Isolation))
def test_randomness_and_time_are_new_in_every_invocation(pool: Pool, isolation: Isolation) -> None:
    target = pool.function(RANDOM, isolation=isolation)
    columns = zip(
        *(answer(pool.invoke(target, request_id=str(uuid.uuid4()))) for _ in range(8)), strict=True
    )
    for column in columns:
        assert len(set(column)) == 8


def test_the_memory_holds_no_earlier_event(pool: Pool) -> None:
    target = pool.function(HUNT)
    for number in range(20):
        assert answer(pool.invoke(target, {"canary": f"canary-{number}"})) is False


def test_the_same_event_burns_the_same_fuel(pool: Pool) -> None:
    target = pool.function(
        "import json, re\n"
        "def lambda_handler(event, context):\n"
        "    words = re.findall('[a-z]+', json.dumps(event))\n"
        "    return {word: words.count(word) for word in words}\n"
    )
    event = {"text": "to be or not to be", "numbers": list(range(50))}
    fuel = {pool.invoke(target, event, request_id=str(uuid.uuid4())).fuel for _ in range(50)}
    assert len(fuel) == 1


def test_a_grown_memory_does_not_come_back(pool: Pool) -> None:
    target = pool.function(
        "KEPT = []\n"
        "def lambda_handler(event, context):\n"
        "    KEPT.append(bytearray(event))\n"
        "    return len(KEPT)\n"
    )
    before = pool.invoke(target, 1)
    grown = pool.invoke(target, 40 * MIB)
    after = pool.invoke(target, 1)
    assert [answer(reply) for reply in (before, grown, after)] == [1, 1, 1]
    assert grown.memory_bytes > before.memory_bytes + 30 * MIB
    assert after.memory_bytes == before.memory_bytes


def test_an_error_of_one_invocation_is_not_the_next_ones(pool: Pool) -> None:
    target = pool.function(
        "import sys\n"
        "def lambda_handler(event, context):\n"
        "    if event == 'exit':\n        sys.exit(3)\n"
        "    if event == 'close':\n        sys.stdout.close()\n"
        "    if event == 'spin':\n        while True: pass\n"
        "    print('said', event)\n"
        "    return event\n",
        timeout_ms=500,
    )
    for bad, error_type in [("exit", "Runtime.ExitError"), ("spin", "Sandbox.Timedout")]:
        reply = pool.invoke(target, bad)
        assert reply.error_type == error_type
        assert json.loads(reply.payload)["errorType"] == error_type
        good = pool.invoke(target, "good")
        assert answer(good) == "good"
        assert good.log == b"said good\n"
    pool.invoke(target, "close")
    assert pool.invoke(target, "good").log == b"said good\n"
