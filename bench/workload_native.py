"""The jobs of `workload_guest` on this Python: a process of its own, with a message per slice."""

import base64
import importlib
import json
import sys
import time
from typing import Any

from bench.child import answer_lines


def measure(message: dict[str, Any]) -> dict[str, Any]:
    """Time `count` runs of `job`, from the package in `path`."""
    if message["path"] not in sys.path:
        sys.path.insert(0, message["path"])
    handler = importlib.import_module("app").lambda_handler
    event = json.dumps({"job": message["job"]})
    times = []
    answer = ""
    for _ in range(message["count"]):
        started_ns = time.perf_counter_ns()
        answer = json.dumps(handler(json.loads(event), None))
        times.append(time.perf_counter_ns() - started_ns)
    return {"wait_ns": times, "payload": base64.b64encode(answer.encode()).decode()}


if __name__ == "__main__":
    answer_lines(measure)
