"""A function beside one that does all that a function should not: its answers are what they would
be without."""

import json
import time
from pathlib import Path

from bench import hello, misbehaving
from bench.determinism import fuel_of
from bench.server import running

_DEEDS_S_MAX = 300
_GOOD = b"""
import os
SEEN = []
def lambda_handler(event, context):
    found = [event["number"], list(SEEN), os.listdir("/tmp")]
    SEEN.append(event["number"])
    open("/tmp/seen", "w").close()
    return found
"""


def test_good_answers_are_unaffected(cache_dir: Path, tmp_path: Path) -> None:
    fuel, deadline = set(), time.monotonic() + _DEEDS_S_MAX
    with running(tmp_path, cache_dir, lambda text: None, "--workers-max=2") as server:
        server.deploy("good", hello.python_files({"app.py": _GOOD}), Timeout=30)
        misbehaving.deploy(server)
        number = 10_000
        bad = [misbehaving.bad(seed) for seed in (1, 2)]
        with misbehaving.calling(server, bad) as callers:
            while len({deed for each in callers for deed in each.ended}) < len(misbehaving.DEEDS):
                assert not [wrong for each in callers for wrong in each.wrong]
                assert time.monotonic() < deadline, [each.ended for each in callers]
                number += 1
                request = server.invocation("good", json.dumps({"number": number}).encode())
                answer = server.call(request)
                assert json.loads(answer.body) == [number, [], []]
                fuel.add(fuel_of(answer.head))
        assert len(fuel) == 1
        assert not [wrong for each in callers for wrong in each.wrong]
